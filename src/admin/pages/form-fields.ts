import { foreignText } from "../../web/foreign-text.ts";
import { attributes, type Html, html } from "../../web/html.ts";
import type { PortalView } from "./parts.ts";

/** What is wrong with a form, by field; `""` is the whole form. */
export type Problems = Readonly<Record<string, string>>;

/** The problem of one field. */
export function problemOf(problems: Problems, field: string): string | null {
  return Object.hasOwn(problems, field) ? (problems[field] ?? null) : null;
}

/** What there is to choose from. */
export interface Catalogue {
  readonly scopes: readonly { readonly scope: string; readonly text: string }[];
  /** Empty where the rules list none: then any portal id will do. */
  readonly portals: readonly PortalView[];
}

export interface Choice {
  readonly value: string;
  readonly label: Html | string;
  readonly hint?: string;
  readonly checked: boolean;
}

/** Radio buttons or boxes under one legend; the first one has the name as its id, so that a problem can link to it. */
export function choiceField(field: {
  readonly type: "radio" | "checkbox";
  readonly name: string;
  readonly legend: string;
  readonly hint?: string;
  readonly choices: readonly Choice[];
  readonly problem?: string | null;
}): Html {
  const { type, name, problem = null } = field;
  const describedBy = [field.hint === undefined ? null : `${name}-hint`, problem === null ? null : `${name}-problem`];
  const items = field.choices.map(({ value, label, hint, checked }, index) => {
    const id = index === 0 ? name : null;
    return html`<li>
      <label class="choice"
        ><input type="${type}" name="${name}" value="${value}" ${attributes({ id, checked })} /><span
          >${label}${hint === undefined ? null : html`<span class="hint">${hint}</span>`}</span
        ></label
      >
    </li>`;
  });
  return html`<fieldset
    class="field"
    ${attributes({ "aria-describedby": describedBy.filter((id) => id !== null).join(" ") || null })}
  >
    <legend>${field.legend}</legend>
    ${field.hint === undefined ? null : html`<p class="hint" id="${name}-hint">${field.hint}</p>`}
    ${problem === null ? null : html`<p class="problem" id="${name}-problem">${problem}</p>`}
    <ul class="choices">
      ${items}
    </ul>
  </fieldset>`;
}

/** Boxes for scopes, each with its words. */
export function scopeField(options: {
  readonly scopes: Catalogue["scopes"];
  readonly chosen: readonly string[];
  readonly legend?: string;
  readonly hint?: string;
  readonly problem: string | null;
}): Html {
  const choices = options.scopes.map(({ scope, text }) => ({
    value: scope,
    label: html`${text} <code>${scope}</code>`,
    checked: options.chosen.includes(scope),
  }));
  const { hint, legend = "Scopes", problem } = options;
  return choiceField({
    type: "checkbox",
    name: "scope",
    legend,
    problem,
    choices,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A list to choose one of. */
export function selectField(field: {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly problem?: string | null;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly value: string;
}): Html {
  const { name, problem = null, hint, value } = field;
  const describedBy = [hint === undefined ? null : `${name}-hint`, problem === null ? null : `${name}-problem`];
  const options = field.options.map(
    (option) =>
      html`<option value="${option.value}" ${attributes({ selected: option.value === value })}>
        ${foreignText(option.label)}
      </option>`,
  );
  return html`<div class="field">
    <label for="${name}">${field.label}</label>
    ${hint === undefined ? null : html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${problem === null ? null : html`<p class="problem" id="${name}-problem">${problem}</p>`}
    <select
      id="${name}"
      name="${name}"
      ${attributes({
        "aria-invalid": problem === null ? null : "true",
        "aria-describedby": describedBy.filter((id) => id !== null).join(" ") || null,
      })}
    >
      ${options}
    </select>
  </div>`;
}

/** One portal or all of them: a list where the rules name portals, else a field for an id. */
export function portalField(options: {
  readonly portals: readonly PortalView[];
  readonly value: string;
  readonly all: string;
  readonly hint: string;
  readonly problem: string | null;
}): Html {
  const { portals, value, hint, problem } = options;
  const label = "Portal";
  if (portals.length === 0) {
    return inputField({ name: "portal", label, type: "text", value, hint: `${hint} Empty: ${options.all}.`, problem });
  }
  const known = portals.some(({ id }) => id === value) || value === "" ? [] : [{ value, label: value }];
  const list = [{ value: "", label: options.all }, ...portals.map(portalOption), ...known];
  return selectField({ name: "portal", label, hint, problem, value, options: list });
}

function portalOption({ id, name }: PortalView): { readonly value: string; readonly label: string } {
  return { value: id, label: name === null || name === id ? id : `${name} (${id})` };
}

/** A field that is not asked for, of a type that a `TextField` does not have. */
export function inputField(field: {
  readonly name: string;
  readonly id?: string;
  readonly label: string;
  readonly type: "text" | "date" | "datetime-local" | "search" | "url";
  readonly value: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly problem?: string | null;
}): Html {
  const { id = field.name, hint, problem = null } = field;
  const describedBy = [hint === undefined ? null : `${id}-hint`, problem === null ? null : `${id}-problem`];
  const list = attributes({
    id,
    name: field.name,
    type: field.type === "url" ? "text" : field.type,
    inputmode: field.type === "url" ? "url" : null,
    value: field.value,
    placeholder: field.placeholder,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: field.type === "url" ? 2048 : 512,
    "aria-invalid": problem === null ? null : "true",
    "aria-describedby": describedBy.filter((part) => part !== null).join(" ") || null,
  });
  return html`<div class="field">
    <label for="${id}">${field.label}</label>
    ${hint === undefined ? null : html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${problem === null ? null : html`<p class="problem" id="${id}-problem">${problem}</p>`}
    <input${list} />
  </div>`;
}

/** A field of several lines, which is not asked for. */
export function areaField(field: {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly hint: string;
  readonly problem: string | null;
}): Html {
  const { label, name, problem } = field;
  // A line break right after the tag is not part of the text.
  const value = `\n${field.value}`;
  const list = attributes({
    id: name,
    name,
    rows: "4",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    "aria-invalid": problem === null ? null : "true",
    "aria-describedby": problem === null ? `${name}-hint` : `${name}-hint ${name}-problem`,
  });
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <p class="hint" id="${name}-hint">${field.hint}</p>
    ${problem === null ? null : html`<p class="problem" id="${name}-problem">${problem}</p>`}
    <textarea ${list}>${value}</textarea>
  </div>`;
}

/** The buttons under a form: what it does, and the way back. */
export function formActions(label: string, cancel: string, look: "primary" | "danger" = "primary"): Html {
  return html`<div class="actions">
    <button type="submit" class="${look}">${label}</button>
    <a class="button" href="${cancel}">Cancel</a>
  </div>`;
}
