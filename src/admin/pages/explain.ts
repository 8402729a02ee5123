import { problemSummary } from "../../web/fields.ts";
import { foreignText } from "../../web/foreign-text.ts";
import { attributes, type Html, html } from "../../web/html.ts";
import {
  type Catalogue,
  choiceField,
  inputField,
  portalField,
  problemOf,
  type Problems,
  scopeField,
  selectField,
} from "./form-fields.ts";
import { type Frame, settingsPage } from "./frame.ts";
import { badge } from "./parts.ts";

/** A request as an administrator describes it, as texts of the form. */
export interface ExplainForm {
  readonly method: string;
  /** Path with its query. */
  readonly target: string;
  readonly host: string;
  readonly as: string;
  /** Id of the key, where it is asked as one. */
  readonly key: string;
  readonly scopes: readonly string[];
  readonly portal: string;
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
  host: "Host",
  as: "Asked as",
  key: "API key",
  scopes: "Scopes",
  portal: "Portal",
  body: "Body",
};

/** Explains what the rules do with a request, step by step. Asks itself by GET: nothing is changed. */
export function explainPage(frame: Frame, view: ExplainView): Html {
  return settingsPage(frame, {
    tab: "activity",
    title: "Explain a request",
    lead: "What the rules in force would do, step by step. Nothing is sent to the service.",
    up: { label: "Activity", href: frame.paths.activity },
    body: html`${problemSummary(view.problems, LABELS)} ${answer(view)}
      <div class="card slim">
        <form method="get" action="${frame.paths.explain}">
          ${fields(view)}
          <div class="actions"><button type="submit" class="primary">Explain</button></div>
        </form>
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
  const input = (name: "target" | "host" | "key" | "body", hint: string): Html =>
    inputField({
      name,
      label: LABELS[name],
      type: "text",
      value: form[name] === "" ? "" : foreignText(form[name], 2048),
      hint,
      problem: problemOf(problems, name),
    });
  const callers = [
    { value: "nobody", label: "Without a credential" },
    { value: "key", label: "With an API key", hint: "Its id stands below." },
    { value: "scopes", label: "With a credential that holds the scopes below" },
  ];
  return html`${selectField({ name: "method", label: LABELS.method, options: methods.map((method) => ({ value: method, label: method })), value: form.method })}
    ${input("target", "With the query, such as /api/portals/acme/tickets.")}
    ${choiceField({ type: "radio", name: "as", legend: LABELS.as, problem: problemOf(problems, "as"), choices: callers.map((caller) => ({ ...caller, checked: caller.value === form.as })) })}
    ${input("key", "The id, key_…; never the key itself.")}
    <details ${attributes({ open: form.as === "scopes" || form.host !== "" || form.body !== "" })}>
      <summary>Scopes, portal, host and body</summary>
      ${scopeField({ scopes: catalogue.scopes, chosen: form.scopes, problem: problemOf(problems, "scopes") })}
      ${portalField({ portals: catalogue.portals, value: form.portal, all: "All portals", hint: "That the credential is restricted to.", problem: problemOf(problems, "portal") })}
      ${input("host", "As the caller writes it.")} ${input("body", "Where the rule reads it: JSON, or an MCP message.")}
    </details>`;
}
