import { problemSummary, textField } from "../../web/fields.ts";
import type { CredentialExample } from "../../policy/request-example.ts";
import { cleanText, foreign, foreignText } from "../../web/foreign-text.ts";
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
import { copyBlock, secretOnce } from "./secret.ts";

/** How long something lasts, as the form offers it. */
export const EXPIRY_CHOICES = ["30", "90", "365", "custom", "never"] as const;
export type ExpiryChoice = (typeof EXPIRY_CHOICES)[number];

const EXPIRY_WORDS: Readonly<Record<ExpiryChoice, string>> = {
  "30": "In 30 days",
  "90": "In 90 days",
  "365": "In 365 days",
  custom: "At the end of a day (UTC) that you choose",
  never: "Never",
};

export interface KeyFormView {
  readonly name: string;
  readonly scopes: readonly string[];
  /** `""` is all. */
  readonly portal: string;
  readonly expiry: string;
  /** `YYYY-MM-DD`. */
  readonly expiresOn: string;
  readonly problems: Problems;
  readonly catalogue: Catalogue;
}

/** A form for a new API key. Posts `name`, `scope` (a list), `portal`, `expiry`, `expires_on` and `csrf`. */
export function keyFormPage(frame: Frame, view: KeyFormView): Html {
  const labels = { name: "Name", scope: "Scopes", portal: "Portal", expiry: "Expires", expires_on: "Last day" };
  const summary = problemSummary(view.problems, labels);
  const fields = html`${textField({
    name: "name",
    label: labels.name,
    hint: "What uses the key, so that you know it later.",
    value: cleanText(view.name, 200),
    problem: problemOf(view.problems, "name"),
    autocomplete: "off",
    maxlength: 100,
    autofocus: summary === null,
  })}
  ${scopeField({
    scopes: view.catalogue.scopes,
    chosen: view.scopes,
    hint: "Choose what the key needs and no more.",
    problem: problemOf(view.problems, "scope"),
  })}
  ${portalField({
    portals: view.catalogue.portals,
    value: cleanText(view.portal, 100),
    all: "All portals",
    hint: "A key for one portal can reach nothing of the others.",
    problem: problemOf(view.problems, "portal"),
  })}
  ${expiryField(view)} ${formActions("Create", frame.paths.keys)}`;
  return settingsPage(frame, {
    tab: "keys",
    title: "Create API key",
    up: { label: "API keys", href: frame.paths.keys },
    body: html`${summary}
      <div class="card slim">${postForm(frame, frame.paths.newKey, fields)}</div>`,
  });
}

/** When something ends: three spans, a day, or never. */
export function expiryField(view: Pick<KeyFormView, "expiry" | "expiresOn" | "problems">): Html {
  return html`${choiceField({
    type: "radio",
    name: "expiry",
    legend: "Expires",
    problem: problemOf(view.problems, "expiry"),
    choices: EXPIRY_CHOICES.map((value) => ({ value, label: EXPIRY_WORDS[value], checked: value === view.expiry })),
  })}
  ${inputField({
    name: "expires_on",
    label: "Last day",
    type: "date",
    hint: "Only where you choose a day above.",
    value: view.expiresOn,
    problem: problemOf(view.problems, "expires_on"),
  })}`;
}

export interface KeyIssuedView {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  /** Of the service, for its callers. */
  readonly origin: string;
  /** What to try the key at; `null` where the rules open nothing to it but MCP. */
  readonly example: CredentialExample | null;
  /** Address of an MCP route. */
  readonly mcpUrl: string | null;
  /** What became of the old key after a rotation. */
  readonly old: Html | null;
}

/** The new key, this once, with what to do with it. */
export function keyIssuedPage(frame: Frame, view: KeyIssuedView): Html {
  const { key, mcpUrl } = view;
  return settingsPage(frame, {
    tab: "keys",
    title: "The new API key",
    heading: html`API key ${foreign(view.name)} is ready`,
    up: { label: "API keys", href: frame.paths.keys },
    script: "copy",
    body: html`<div class="card slim">
      ${secretOnce("API key", key)} ${view.old === null ? null : html`<p>${view.old}</p>`} ${tryIt(view)}
      ${mcpUrl === null ? null : copyBlock({ id: "mcp", label: "Configuration of an MCP client", text: mcpConfiguration(mcpUrl, key) })}
      <div class="actions"><a class="button primary" href="${frame.paths.key(view.id)}">I have copied it</a></div>
    </div>`,
  });
}

function tryIt({ example, key, origin }: KeyIssuedView): Html {
  if (example?.kind === "ready") {
    const { headers, target } = example.request;
    const fields = [["Authorization", `Bearer ${key}`] as const, ...headers];
    const options = fields.map(([name, value]) => `-H ${shellWord(`${name}: ${value}`)}`);
    return copyBlock({ id: "curl", label: "Try it", text: `curl ${options.join(" ")} ${shellWord(origin + target)}` });
  }
  const text =
    example === null
      ? "No rule in force opens a path to this key, but for public ones and MCP: it needs other scopes to call the API."
      : html`It may call
          <code>${example.method} ${foreignText(`${origin}${example.pattern}`, 2048)}</code>
          with the header <code>Authorization: Bearer …</code>. Put in what the path leaves open.`;
  return html`<h2>Try it</h2>
    <p>${text}</p>`;
}

/** One word of a command line, whatever shell reads it, where it has nothing that a shell could expand. */
function shellWord(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}

/** As MCP clients read it: JSON with `mcpServers`. */
function mcpConfiguration(url: string, key: string): string {
  const portcullis = { type: "http", url, headers: { Authorization: `Bearer ${key}` } };
  return JSON.stringify({ mcpServers: { portcullis } }, null, 2);
}
