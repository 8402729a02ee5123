import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ExplainQuestion } from "../../administration/administration.ts";
import { isCredentialId } from "../../core/ids.ts";
import type { Explanation, ExplainStep } from "../../policy/explain.ts";
import { type ExplainForm, explainPage, type ExplainView } from "../pages/explain.ts";
import type { Problems } from "../pages/form-fields.ts";
import { type Desk, type Handler, page, type Visit } from "./desk.ts";
import { orProblems, readTexts, textOf, textsOf } from "./forms.ts";

/** What the rules do with a request, in steps. Asked by GET: nothing is changed. */
export function explainRoutes(scope: FastifyInstance, desk: Desk): void {
  scope.get(desk.paths.explain, page(desk, show));
}

const query = z.object({
  method: textOf(32),
  target: textOf(8192),
  host: textOf(),
  as: textOf(),
  key: textOf(),
  scope: textsOf(),
  /** From a link: with spaces between. */
  scopes: textOf(4096),
  portal: textOf(),
  body: textOf(16_384),
});

const show: Handler = async (visit) => {
  const form = formOf(visit);
  // Opened, not sent.
  if (form.target === "") return answer(visit, form, {}, null);
  const asked = questionOf(form);
  if (!asked.ok) return answer(visit, form, asked.problems, null);
  const { administration } = visit.desk;
  const outcome = await orProblems(() => administration.explain(asked.question), {
    caller: form.as === "key" ? "key" : "scopes",
    target: "target",
  });
  return outcome.ok ? answer(visit, form, {}, outcome.value) : answer(visit, form, outcome.problems, null);
};

const NOTHING: z.infer<typeof query> = {
  method: "",
  target: "",
  host: "",
  as: "",
  key: "",
  scope: [],
  scopes: "",
  portal: "",
  body: "",
};

function formOf({ request }: Visit): ExplainForm {
  const { scope, scopes, method, as, ...form } = readTexts(request.query, query) ?? NOTHING;
  const linked = scopes.split(" ").filter((each) => each !== "");
  return { ...form, method: method || "GET", as: as || "nobody", scopes: [...scope, ...linked] };
}

type Asked =
  | { readonly ok: true; readonly question: ExplainQuestion }
  | { readonly ok: false; readonly problems: Problems };

function questionOf({ method, target, host, as, key, scopes, portal, body }: ExplainForm): Asked {
  if (!target.startsWith("/")) return { ok: false, problems: { target: "Begin with a slash." } };
  let caller: ExplainQuestion["caller"];
  if (as === "key") {
    if (!isCredentialId(key)) return { ok: false, problems: { key: "This is no id of a key, such as key_…" } };
    caller = { kind: "key", id: key };
  } else if (as === "scopes") {
    caller = { kind: "scopes", scopes, portal: portal === "" ? null : portal };
  } else {
    caller = { kind: "anonymous" };
  }
  const headers = host === "" ? [] : [["Host", host] as const];
  return { ok: true, question: { method, target, headers, body: body === "" ? null : body, caller } };
}

function answer({ desk, show: send }: Visit, form: ExplainForm, problems: Problems, found: Explanation | null) {
  const view: ExplainView = {
    form,
    problems,
    catalogue: desk.administration.catalogue(),
    answer:
      found === null
        ? null
        : { allow: found.verdict.allow, status: found.verdict.status, steps: found.steps.map(stepView) },
  };
  return send(Object.keys(problems).length === 0 ? 200 : 422, (frame) => explainPage(frame, view));
}

const STEPS: Readonly<Record<ExplainStep["step"], string>> = {
  head: "Head of the request",
  target: "Path",
  match: "Rule for the path",
  credential: "Credential",
  audience: "Where the token is good",
  mcp: "MCP access",
  message: "MCP message",
  rule: "Rule for the message",
  scopes: "Scopes",
  body: "Body",
  portal: "Portal",
  verdict: "Decision",
};

function stepView({ step, ok, text, source }: ExplainStep) {
  return { step: STEPS[step], ok, text, source: source === undefined ? null : placeOf(source) };
}

/** The name of the file only: the folders of the machine are nobody's business here. */
function placeOf({ file, line }: NonNullable<ExplainStep["source"]>): string {
  return `${file.split(/[\\/]/).at(-1) ?? ""}:${line}`;
}
