import { problemSummary } from "../../web/fields.ts";
import { cleanText, foreignText } from "../../web/foreign-text.ts";
import { CREDENTIAL_PROBLEMS } from "../../core/decision.ts";
import { attributes, type Html, html } from "../../web/html.ts";
import {
  areaField,
  type Catalogue,
  choiceField,
  inputField,
  portalField,
  problemOf,
  type Problems,
  scopeField,
  selectField,
} from "./form-fields.ts";
import { type Frame, postForm, settingsPage } from "./frame.ts";
import { badge } from "./parts.ts";
import { reasonWords } from "./reason-words.ts";

/** A request as an administrator describes it, as texts of the form. */
export interface ExplainForm {
  readonly method: string;
  /** Path with its query. */
  readonly target: string;
  /** `nobody`, `key`, `scopes`, or what is wrong with the credential. */
  readonly as: string;
  /** Id of the key, where it is asked as one. */
  readonly key: string;
  readonly scopes: readonly string[];
  readonly portal: string;
  /** Lines, each a name and a value; never a credential. */
  readonly headers: readonly string[];
  readonly body: string;
}

export interface ExplainView {
  readonly form: ExplainForm;
  readonly problems: Problems;
  readonly catalogue: Catalogue;
  /** What the rules in force say; `null` where nothing was asked yet. */
  readonly answer: {
    readonly allow: boolean;
    readonly status: number | null;
    readonly steps: readonly {
      readonly step: string;
      readonly ok: boolean;
      readonly text: string;
      readonly source: string | null;
    }[];
  } | null;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const LABELS = {
  method: "Method",
  target: "Path",
  as: "Asked as",
  key: "API key",
  scope: "Scopes",
  portal: "Portal",
  headers: "Headers",
  body: "Body",
};

/**
 * Explains what the rules do with a request, step by step. Posts `method`, `target`, `as`, `key`, `scope` (a list),
 * `portal`, `headers`, `body` and `csrf` to itself.
 */
export function explainPage(frame: Frame, view: ExplainView): Html {
  return settingsPage(frame, {
    tab: "activity",
    title: "Explain a request",
    lead: "What the rules in force would do, step by step. Nothing is sent to the service.",
    up: { label: "Activity", href: frame.paths.activity },
    body: html`${problemSummary(view.problems, LABELS)} ${answer(view)}
      <div class="card slim">
        ${postForm(
          frame,
          frame.paths.explain,
          html`${fields(view)}
            <div class="actions"><button type="submit" class="primary">Explain</button></div>`,
        )}
      </div>`,
  });
}

function answer({ answer: found }: ExplainView): Html | null {
  if (found === null) return null;
  const steps = found.steps.map(
    ({ step, ok, text, source }) =>
      html`<li class="${ok ? "step ok" : "step stop"}">
        <p>${ok ? badge("success", "Passed") : badge("danger", "Refused")} <strong>${step}</strong></p>
        <p>${foreignText(text, 600)}</p>
        ${source === null ? null : html`<p class="hint"><code>${source}</code></p>`}
      </li>`,
  );
  const verdict = found.allow
    ? html`${badge("success", "Allowed")} The request goes to the service.`
    : html`${badge("danger", "Refused")} The caller gets ${found.status ?? ""}.`;
  return html`<section class="card" aria-labelledby="answer">
    <h2 id="answer">The decision</h2>
    <p>${verdict}</p>
    <ol class="steps">
      ${steps}
    </ol>
  </section>`;
}

function fields({ form, problems, catalogue }: ExplainView): Html {
  const methods: readonly string[] =
    METHODS.some((method) => method === form.method) || form.method === "" ? METHODS : [...METHODS, form.method];
  const input = (name: "target" | "key", hint: string): Html =>
    inputField({
      name,
      label: LABELS[name],
      type: "text",
      value: cleanText(form[name], 8192),
      hint,
      problem: problemOf(problems, name),
    });
  const callers = [
    { value: "nobody", label: "Without a credential" },
    { value: "key", label: "With an API key", hint: "Its id stands below." },
    { value: "scopes", label: "With a credential that holds the scopes below" },
    ...CREDENTIAL_PROBLEMS.filter((problem) => problem === form.as).map((problem) => ({
      value: problem,
      label: "With one that is not taken",
      hint: reasonWords(problem).text,
    })),
  ];
  const area = (name: "headers" | "body", value: readonly string[], hint: string): Html =>
    areaField({ name, label: LABELS[name], value: cleanLines(value), hint, problem: problemOf(problems, name) });
  const more = form.as === "scopes" || form.headers.join("") !== "" || form.body !== "";
  return html`${selectField({ name: "method", label: LABELS.method, options: methods.map((method) => ({ value: method, label: method })), value: form.method })}
    ${input("target", "With the query, such as /api/portals/acme/tickets.")}
    ${choiceField({ type: "radio", name: "as", legend: LABELS.as, problem: problemOf(problems, "as"), choices: callers.map((caller) => ({ ...caller, checked: caller.value === form.as })) })}
    ${input("key", "The id, key_…; never the key itself.")}
    <details ${attributes({ open: more })}>
      <summary>Scopes, portal, headers and body</summary>
      ${scopeField({ scopes: catalogue.scopes, chosen: form.scopes, problem: problemOf(problems, "scope") })}
      ${portalField({ portals: catalogue.portals, value: form.portal, all: "All portals", hint: "That the credential is restricted to.", problem: problemOf(problems, "portal") })}
      ${area("headers", form.headers, "One a line, such as Host: desk.example.com. No credential.")}
      ${area("body", form.body.split(/\r?\n/), "Where the rule reads it: JSON, or an MCP message.")}
    </details>`;
}

function cleanLines(lines: readonly string[]): string {
  return lines.map((line) => cleanText(line, 8192)).join("\n");
}
