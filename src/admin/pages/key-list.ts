import { KEY_PREFIX } from "../../core/key-prefix.ts";
import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { inputField, selectField } from "./form-fields.ts";
import { type Frame, primaryLink, settingsPage } from "./frame.ts";
import { badge, dataTable, emptyState, momentOr, pager, portalText, type PortalView, fewScopes } from "./parts.ts";

export type KeyStateName = "active" | "expired" | "revoked";

export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly last4: string;
  readonly scopes: readonly string[];
  readonly portal: PortalView | null;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly expiresAt: number | null;
  readonly state: KeyStateName;
}

export interface KeyListView {
  readonly search: string;
  readonly state: KeyStateName | null;
  readonly keys: readonly KeyRow[];
  readonly first: string | null;
  readonly next: string | null;
}

const COLUMNS = [
  { label: "Name", look: "main" },
  { label: "Scopes" },
  { label: "Portal" },
  { label: "State" },
  { label: "Created" },
  { label: "Last used" },
  { label: "Expires" },
  { label: "Actions", look: "act" },
] as const;

/** API keys, newest first, with search and a filter by state. */
export function keyListPage(frame: Frame, view: KeyListView): Html {
  const { paths } = frame;
  const filtered = view.search !== "" || view.state !== null;
  const rows = view.keys.map((key) => row(frame, key));
  const none = filtered
    ? emptyState(
        "No key fits",
        "Search by the beginning of the name, the whole id, or the last four characters of the key.",
        html`<a class="button" href="${paths.keys}">Show all keys</a>`,
      )
    : emptyState(
        "No API keys yet",
        "A key lets a script, an integration or an MCP client act with the scopes that you give it. It is shown once, when you create it.",
        primaryLink("Create API key", paths.newKey),
      );
  const isEmpty = view.keys.length === 0;
  return settingsPage(frame, {
    tab: "keys",
    title: "API keys",
    lead: "For scripts, integrations and MCP clients that do not sign a person in.",
    action: isEmpty && !filtered ? null : primaryLink("Create API key", paths.newKey),
    body: html`${isEmpty && !filtered ? null : filters(frame, view)}
    ${isEmpty ? none : dataTable("API keys", COLUMNS, rows)} ${pager(view)}`,
  });
}

function filters({ paths }: Frame, view: KeyListView): Html {
  const states = [
    { value: "", label: "All states" },
    { value: "active", label: "Active" },
    { value: "expired", label: "Expired" },
    { value: "revoked", label: "Revoked" },
  ];
  return html`<form method="get" action="${paths.keys}" class="filters" role="search">
    ${inputField({ name: "search", label: "Search", type: "search", value: view.search, placeholder: "Name, id or last four" })}
    ${selectField({ name: "state", label: "State", options: states, value: view.state ?? "" })}
    <button type="submit">Filter</button>
  </form>`;
}

function row({ now, paths }: Frame, key: KeyRow): readonly (Html | string)[] {
  const revoke =
    key.state === "active"
      ? html`<a class="button danger small" href="${paths.revokeKey(key.id)}"
          >Revoke<span class="sr"> ${keyText(key)}</span></a
        >`
      : "";
  return [
    html`<a href="${paths.key(key.id)}">${foreign(key.name)}</a> <code class="below">${keyText(key)}</code>`,
    fewScopes(key.scopes),
    portalText(key.portal),
    keyBadge(key.state),
    momentOr(key.createdAt, now, ""),
    momentOr(key.lastUsedAt, now, "never"),
    key.state === "revoked" ? "" : momentOr(key.expiresAt, now, "never"),
    revoke,
  ];
}

/** A key as lists show it: its beginning and its last four characters. */
export function keyText({ last4 }: Pick<KeyRow, "last4">): string {
  return `${KEY_PREFIX}…${last4}`;
}

export function keyBadge(state: KeyStateName): Html {
  if (state === "active") return badge("success", "Active");
  return state === "expired" ? badge("warning", "Expired") : badge("danger", "Revoked");
}
