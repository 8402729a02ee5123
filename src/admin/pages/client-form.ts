import { problemSummary, textField } from "../../web/fields.ts";
import { cleanText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import {
  type Catalogue,
  choiceField,
  formActions,
  inputField,
  portalField,
  problemOf,
  type Problems,
  scopeField,
} from "./form-fields.ts";
import { type Frame, postForm, settingsPage } from "./frame.ts";

export interface ClientFormView {
  readonly name: string;
  readonly kind: string;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  readonly portal: string;
  readonly problems: Problems;
  readonly catalogue: Catalogue;
}

const KINDS = [
  {
    value: "confidential",
    label: "Confidential",
    hint: "Runs on a server and can keep a secret, which is shown once.",
  },
  {
    value: "public",
    label: "Public",
    hint: "Runs at people's desks or in browsers, and has no secret. PKCE is asked for.",
  },
] as const;

const GRANT_TYPES = [
  { value: "authorization_code", label: "A person allows it in the browser" },
  { value: "device_code", label: "A person types the code that it shows (device flow)" },
  { value: "client_credentials", label: "It acts for itself, without a person", hint: "Confidential clients only." },
  { value: "refresh_token", label: "It stays connected (refresh tokens)" },
] as const;

/** Fields for redirect URIs, at least. */
const FEWEST_URIS = 2;

/** The id of the field of one redirect URI, counted from 0; the first one stands for all of them, too. */
export function redirectField(index: number): string {
  return index === 0 ? "redirect_uri" : `redirect_uri-${index + 1}`;
}

function uriFields(given: readonly string[]): number {
  return Math.max(FEWEST_URIS, given.length);
}

/**
 * A form for a new client. Posts `name`, `kind`, `redirect_uri` (a list), `grant_type` (a list), `scope` (a list),
 * `portal` and `csrf`; with `more` the form is asked for again with more fields.
 */
export function clientFormPage(frame: Frame, view: ClientFormView): Html {
  const { problems, catalogue } = view;
  const labels = labelsOf(view);
  const summary = problemSummary(problems, labels);
  const fields = html`${textField({
    name: "name",
    label: labels.name,
    hint: "People see it when they are asked to allow the client.",
    value: cleanText(view.name, 200),
    problem: problemOf(problems, "name"),
    autocomplete: "off",
    maxlength: 100,
    autofocus: summary === null,
  })}
  ${choiceField({
    type: "radio",
    name: "kind",
    legend: labels.kind,
    problem: problemOf(problems, "kind"),
    choices: KINDS.map((kind) => ({ ...kind, checked: kind.value === view.kind })),
  })}
  ${redirectFields(view)}
  ${choiceField({
    type: "checkbox",
    name: "grant_type",
    legend: labels.grant_type,
    hint: "None checked takes what fits.",
    problem: problemOf(problems, "grant_type"),
    choices: GRANT_TYPES.map((type) => ({ ...type, checked: view.grantTypes.includes(type.value) })),
  })}
  ${scopeField({
    scopes: catalogue.scopes,
    chosen: view.scopes,
    legend: labels.scope,
    hint: "What people may allow it at most. None checked is all.",
    problem: problemOf(problems, "scope"),
  })}
  ${portalField({ portals: catalogue.portals, value: cleanText(view.portal, 100), all: "All portals", hint: "Where it may act, at most.", problem: problemOf(problems, "portal") })}
  ${formActions("Add client", frame.paths.clients)}`;
  return settingsPage(frame, {
    tab: "clients",
    title: "Add client",
    lead: "It is approved at once.",
    up: { label: "Clients", href: frame.paths.clients },
    body: html`${summary}
      <div class="card slim">${postForm(frame, frame.paths.newClient, fields)}</div>`,
  });
}

function labelsOf({ redirectUris }: ClientFormView) {
  const uris = Array.from({ length: uriFields(redirectUris) }, (_, index) => [
    redirectField(index),
    `Redirect URI ${index + 1}`,
  ]);
  return {
    name: "Name",
    kind: "Kind",
    ...Object.fromEntries(uris),
    grant_type: "How it gets tokens",
    scope: "Scopes",
    portal: "Portal",
  };
}

function redirectFields({ redirectUris, problems }: ClientFormView): Html {
  const fields = Array.from({ length: uriFields(redirectUris) }, (_, index) =>
    inputField({
      name: "redirect_uri",
      id: redirectField(index),
      label: `Redirect URI ${index + 1}`,
      type: "url",
      value: cleanText(redirectUris[index] ?? "", 2048),
      problem: problemOf(problems, redirectField(index)),
      ...(index === 0 ? { hint: "Where it gets people back, exactly. Only for clients that use the browser." } : {}),
    }),
  );
  return html`${fields}
    <p><button type="submit" name="more" value="1" formnovalidate>One more redirect URI</button></p>`;
}
