import { attributes, type Html, html } from "./html.ts";

/** A field for one line of text, with its label, and what is wrong with it beside it. */
export interface TextField {
  /** Name in the form; also its id. */
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password" | "search" | "number";
  readonly value?: string;
  readonly hint?: string;
  readonly problem?: string | null;
  readonly autocomplete: string;
  readonly inputmode?: "text" | "email" | "numeric";
  readonly autofocus?: boolean;
  readonly required?: boolean;
  readonly maxlength?: number;
  readonly minlength?: number;
  /** For names and codes that a keyboard must not change. */
  readonly verbatim?: boolean;
  /** A class of the stylesheet. */
  readonly look?: "code";
}

/** See `TextField`. */
export function textField(field: TextField): Html {
  const { name, hint, problem = null } = field;
  const describedBy = [hint === undefined ? null : `${name}-hint`, problem === null ? null : `${name}-problem`];
  const list = attributes({
    id: name,
    name,
    type: field.type ?? "text",
    value: field.value,
    class: field.look,
    autocomplete: field.autocomplete,
    inputmode: field.inputmode,
    autofocus: field.autofocus,
    required: field.required ?? true,
    maxlength: field.maxlength,
    minlength: field.minlength,
    autocapitalize: field.verbatim === true ? "none" : null,
    autocorrect: field.verbatim === true ? "off" : null,
    spellcheck: field.verbatim === true ? "false" : null,
    "aria-invalid": problem === null ? null : "true",
    "aria-describedby": describedBy.filter((id) => id !== null).join(" ") || null,
  });
  return html`<div class="field">
<label for="${name}">${field.label}</label>
${hint === undefined ? null : html`<p class="hint" id="${name}-hint">${hint}</p>`}
${problem === null ? null : html`<p class="problem" id="${name}-problem">${problem}</p>`}
<input${list}>
</div>`;
}

/** A field that people do not see, such as the CSRF token. */
export function hiddenField(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}" />`;
}

/** What went wrong, at the top of the page and focused, so that a screen reader begins with it. Nothing for `null`. */
export function problemNotice(problem: string | null): Html | null {
  if (problem === null) return null;
  return html`<div class="notice danger" role="alert" tabindex="-1" autofocus>
    <p>${problem}</p>
  </div>`;
}

/**
 * The problems of a form's fields in one list, each a link to its field. `labels` names the fields in their order;
 * problems of other fields are shown without a link. Nothing where there are none.
 */
export function problemSummary(
  problems: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): Html | null {
  const names = Object.keys(problems);
  if (names.length === 0) return null;
  const ordered = [
    ...Object.keys(labels).filter((name) => names.includes(name)),
    ...names.filter((name) => !Object.hasOwn(labels, name)),
  ];
  const items = ordered.map((name) => {
    const label = Object.hasOwn(labels, name) ? labels[name] : undefined;
    if (label === undefined) return html`<li>${problems[name]}</li>`;
    return html`<li><a href="#${name}">${label}: ${problems[name]}</a></li>`;
  });
  return html`<div class="notice danger" role="alert" tabindex="-1" autofocus aria-labelledby="problems">
    <h2 id="problems">Please mend this first</h2>
    <ul>
      ${items}
    </ul>
  </div>`;
}

/** A paragraph set apart. A warning says so in words too: colour alone says nothing. */
export function notice(kind: "info" | "warning" | "success", body: Html | string): Html {
  const label = kind === "warning" ? html`<strong>Caution.</strong> ` : null;
  return html`<div class="notice ${kind}"><p>${label}${body}</p></div>`;
}
