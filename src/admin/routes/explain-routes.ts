import type { FastifyInstance } from "fastify";
import type { Explanation, ExplainStep } from "../../policy/explain.ts";
import { type ExplainForm, explainPage, type ExplainView } from "../pages/explain.ts";
import type { Problems } from "../pages/form-fields.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { questionOf, readExplainForm } from "./explain-question.ts";
import { orProblems } from "./forms.ts";

/**
 * What the rules do with a request, in steps. Nothing is changed; it is asked by POST all the same, because a query and
 * a body may hold what is to stand in no log of addresses. A link fills in the rest of the form.
 */
export function explainRoutes(scope: FastifyInstance, desk: Desk): void {
  scope.get(desk.paths.explain, page(desk, show));
  scope.post(desk.paths.explain, action(desk, { tab: "activity", again }, explain));
}

const show: Handler = (visit) => {
  const form = readExplainForm(visit.request.query);
  const [target = ""] = form.target.split("?");
  return answer(visit, 200, { form: { ...form, target, headers: [], body: "" }, problems: {}, found: null });
};

const again: Handler = (visit) => refuse(visit, 403, readExplainForm(visit.request.body), { "": visit.notDone });

const explain: Handler = async (visit) => {
  const form = readExplainForm(visit.request.body);
  const asked = questionOf(form);
  if (!asked.ok) return refuse(visit, 422, form, asked.problems);
  const { administration } = visit.desk;
  const outcome = await orProblems(() => administration.explain(asked.question), {
    caller: form.as === "key" ? "key" : "scope",
    target: "target",
  });
  if (!outcome.ok) return refuse(visit, 422, form, outcome.problems);
  return answer(visit, 200, { form, problems: {}, found: outcome.value });
};

function refuse(visit: Visit, status: number, form: ExplainForm, problems: Problems) {
  return answer(visit, status, { form, problems, found: null });
}

function answer(
  { desk, show: send }: Visit,
  status: number,
  { form, found, problems }: Pick<ExplainView, "form" | "problems"> & { readonly found: Explanation | null },
) {
  const view: ExplainView = {
    form,
    problems,
    catalogue: desk.administration.catalogue(),
    answer:
      found === null
        ? null
        : { allow: found.verdict.allow, status: found.verdict.status, steps: found.steps.map(stepView) },
  };
  return send(status, (frame) => explainPage(frame, view));
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
