import { hiddenField, problemSummary, textField } from "../../web/fields.ts";
import { cleanText, foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import {
  type Catalogue,
  choiceField,
  formActions,
  inputField,
  problemOf,
  type Problems,
  scopeField,
} from "./form-fields.ts";
import { type Frame, postForm, settingsPage } from "./frame.ts";
import { secretOnce } from "./secret.ts";

export interface PersonFormView {
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly scopes: readonly string[];
  /** `all` or `some`. */
  readonly portalKind: string;
  readonly portals: readonly string[];
  /** `password` or `company`. */
  readonly signin: string;
  readonly problems: Problems;
  readonly catalogue: Catalogue;
}

const LABELS = {
  email: "Email",
  name: "Name",
  role: "Role",
  scope: "Scopes",
  portal_kind: "Portals",
  portal: "Portals",
  signin: "Sign-in",
  "": "Form",
};

/** A form for a new person. Posts `email`, `name`, `role`, `scope`, `portal_kind`, `portal`, `signin` and `csrf`. */
export function personFormPage(frame: Frame, view: PersonFormView): Html {
  const { problems } = view;
  const summary = problemSummary(problems, LABELS);
  const fields = html`${textField({
    name: "email",
    label: LABELS.email,
    type: "email",
    value: cleanText(view.email, 400),
    problem: problemOf(problems, "email"),
    autocomplete: "off",
    inputmode: "email",
    verbatim: true,
    maxlength: 254,
    autofocus: summary === null,
  })}
  ${nameField(view)}
  ${choiceField({
    type: "radio",
    name: "signin",
    legend: "How they sign in",
    problem: problemOf(problems, "signin"),
    choices: [
      {
        value: "password",
        label: "With a password",
        hint: "One is made for them and shown to you once.",
        checked: view.signin !== "company",
      },
      { value: "company", label: "Through the company only", checked: view.signin === "company" },
    ],
  })}
  ${rights(view)} ${formActions("Add person", frame.paths.people)}`;
  return settingsPage(frame, {
    tab: "people",
    title: "Add person",
    up: { label: "People", href: frame.paths.people },
    body: html`${summary}
      <div class="card slim">${postForm(frame, frame.paths.newPerson, fields)}</div>`,
  });
}

/** A form to change somebody. Posts `name`, `role`, `scope`, `portal_kind`, `portal`, `version` and `csrf`. */
export function personEditPage(
  frame: Frame,
  person: { readonly id: string; readonly version: number },
  view: PersonFormView,
): Html {
  const { problems } = view;
  const back = frame.paths.person(person.id);
  const fields = html`${hiddenField("version", String(person.version))} ${nameField(view)} ${rights(view)}
  ${formActions("Save", back)}`;
  return settingsPage(frame, {
    tab: "people",
    title: "Change person",
    heading: html`Change ${foreign(view.email, 254)}`,
    up: { label: "Back", href: back },
    body: html`${problemSummary(problems, LABELS)}
      <div class="card slim">${postForm(frame, frame.paths.personAct("edit", person.id), fields)}</div>`,
  });
}

function nameField({ name, problems }: PersonFormView): Html {
  return textField({
    name: "name",
    label: LABELS.name,
    value: cleanText(name, 200),
    problem: problemOf(problems, "name"),
    autocomplete: "off",
    maxlength: 100,
  });
}

function rights(view: PersonFormView): Html {
  const { problems, catalogue } = view;
  return html`${choiceField({
    type: "radio",
    name: "role",
    legend: LABELS.role,
    problem: problemOf(problems, "role"),
    choices: [
      {
        value: "member",
        label: "Member",
        hint: "Can allow applications to act for them.",
        checked: view.role !== "admin",
      },
      {
        value: "admin",
        label: "Administrator",
        hint: "Can do everything on these pages, too.",
        checked: view.role === "admin",
      },
    ],
  })}
  ${scopeField({
    scopes: catalogue.scopes,
    chosen: view.scopes,
    legend: "What they may allow an application to do",
    hint: "With none, they can sign in, but allow nothing.",
    problem: problemOf(problems, "scope"),
  })}
  ${choiceField({
    type: "radio",
    name: "portal_kind",
    legend: "Where",
    problem: problemOf(problems, "portal_kind"),
    choices: [
      { value: "all", label: "On all portals", checked: view.portalKind !== "some" },
      { value: "some", label: "On these portals only", checked: view.portalKind === "some" },
    ],
  })}
  ${portalBoxes(view)}`;
}

function portalBoxes({ catalogue, portals, problems }: PersonFormView): Html {
  const problem = problemOf(problems, "portal");
  if (catalogue.portals.length === 0) {
    const hint = "Ids with spaces between, where not all.";
    return inputField({
      name: "portal",
      label: "Portals",
      type: "text",
      value: cleanText(portals.join(" "), 2048),
      hint,
      problem,
    });
  }
  return choiceField({
    type: "checkbox",
    name: "portal",
    legend: "Portals",
    problem,
    choices: catalogue.portals.map(({ id, name }) => ({
      value: id,
      label: html`${foreign(name ?? id)} <code>${id}</code>`,
      checked: portals.includes(id),
    })),
  });
}

/** The password of somebody new, or a new one, this once. */
export function passwordIssuedPage(
  frame: Frame,
  view: { readonly id: string; readonly name: string; readonly email: string; readonly password: string },
): Html {
  return settingsPage(frame, {
    tab: "people",
    title: "Password",
    heading: html`The password of ${foreign(view.name)}`,
    up: { label: "People", href: frame.paths.people },
    script: "copy",
    body: html`<div class="card slim">
      <p>Give it to ${foreign(view.email, 254)} in a way that nobody else can read.</p>
      ${secretOnce("password", view.password)}
      <div class="actions"><a class="button primary" href="${frame.paths.person(view.id)}">I have copied it</a></div>
    </div>`,
  });
}
