import { problemSummary, textField } from "../../web/fields.ts";
import { cleanText, foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { confirmPage } from "./confirm.ts";
import { formActions, problemOf, type Problems } from "./form-fields.ts";
import { type Frame, postForm, primaryLink, settingsPage } from "./frame.ts";
import { expiryField } from "./key-form.ts";
import { keyBadge, type KeyStateName } from "./key-list.ts";
import { dataTable, emptyState, momentOr, pager } from "./parts.ts";
import { copyBlock, secretOnce } from "./secret.ts";

export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly state: KeyStateName;
}

const COLUMNS = [
  { label: "Name", look: "main" },
  { label: "Id" },
  { label: "State" },
  { label: "Created by" },
  { label: "Created" },
  { label: "Last used" },
  { label: "Expires" },
  { label: "Actions", look: "act" },
] as const;

/** Tokens with which scripts use the admin API, newest first. */
export function tokenListPage(
  frame: Frame,
  view: { readonly tokens: readonly TokenRow[]; readonly first: string | null; readonly next: string | null },
): Html {
  const { paths } = frame;
  const create = primaryLink("Create API token", paths.newToken);
  const isEmpty = view.tokens.length === 0;
  return settingsPage(frame, {
    tab: "tokens",
    title: "API tokens",
    lead: "For scripts that do what these pages do. A token can do what an administrator can, but make no token or administrator and set no password. It opens no portal.",
    action: isEmpty ? null : create,
    body: isEmpty
      ? emptyState(
          "No API tokens",
          "A script that makes keys or approves clients needs one. It is shown once, when you create it.",
          create,
        )
      : html`${dataTable(
          "API tokens",
          COLUMNS,
          view.tokens.map((token) => row(frame, token)),
        )}
        ${pager(view)}`,
  });
}

function row({ now, paths }: Frame, token: TokenRow): readonly (Html | string)[] {
  return [
    foreign(token.name),
    html`<code>${token.id}</code>`,
    keyBadge(token.state),
    foreign(token.createdBy),
    momentOr(token.createdAt, now, ""),
    momentOr(token.lastUsedAt, now, "never"),
    momentOr(token.expiresAt, now, "never"),
    token.state === "active"
      ? html`<a class="button danger small" href="${paths.revokeToken(token.id)}"
          >Revoke…<span class="sr"> ${token.id}</span></a
        >`
      : "",
  ];
}

export interface TokenFormView {
  readonly name: string;
  readonly expiry: string;
  readonly expiresOn: string;
  readonly problems: Problems;
}

/** A form for a new API token. Posts `name`, `expiry`, `expires_on` and `csrf`. */
export function tokenFormPage(frame: Frame, view: TokenFormView): Html {
  const summary = problemSummary(view.problems, { name: "Name", expiry: "Expires", expires_on: "Last day" });
  const fields = html`${textField({
    name: "name",
    label: "Name",
    hint: "What uses the token. It stands in the activity.",
    value: cleanText(view.name, 200),
    problem: problemOf(view.problems, "name"),
    autocomplete: "off",
    maxlength: 100,
    autofocus: summary === null,
  })}
  ${expiryField(view)} ${formActions("Create", frame.paths.tokens)}`;
  return settingsPage(frame, {
    tab: "tokens",
    title: "Create API token",
    up: { label: "API tokens", href: frame.paths.tokens },
    body: html`${summary}
      <div class="card slim">${postForm(frame, frame.paths.newToken, fields)}</div>`,
  });
}

/** The new token, this once. */
export function tokenIssuedPage(
  frame: Frame,
  view: { readonly name: string; readonly token: string; readonly apiUrl: string | null },
): Html {
  const curl = view.apiUrl === null ? null : `curl -H "Authorization: Bearer ${view.token}" ${view.apiUrl}`;
  return settingsPage(frame, {
    tab: "tokens",
    title: "The new API token",
    heading: html`API token ${foreign(view.name)} is ready`,
    up: { label: "API tokens", href: frame.paths.tokens },
    script: "copy",
    body: html`<div class="card slim">
      ${secretOnce("API token", view.token)}
      ${curl === null ? null : copyBlock({ id: "curl", label: "Try it", text: curl })}
      <div class="actions"><a class="button primary" href="${frame.paths.tokens}">I have copied it</a></div>
    </div>`,
  });
}

/** Asks before a token is revoked. */
export function tokenRevokePage(frame: Frame, token: TokenRow): Html {
  return confirmPage(frame, {
    tab: "tokens",
    title: "Revoke API token?",
    heading: html`Revoke ${foreign(token.name)}?`,
    body: html`<p>Scripts with this token are refused from now on. What they made stays.</p>`,
    warning: "This cannot be undone.",
    action: frame.paths.revokeToken(token.id),
    button: "Revoke token",
    cancel: frame.paths.tokens,
  });
}
