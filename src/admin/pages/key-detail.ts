import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { relative } from "../../web/time.ts";
import { confirmPage } from "./confirm.ts";
import { choiceField, formActions, problemOf, type Problems } from "./form-fields.ts";
import { type Frame, postForm, settingsPage } from "./frame.ts";
import { keyBadge, type KeyRow, keyText } from "./key-list.ts";
import { facts, fullMoment, fullMomentOr, portalText, scopeList } from "./parts.ts";
import { withQuery } from "./paths.ts";

export interface KeyView extends KeyRow {
  readonly subject: string;
  readonly createdBy: string;
  readonly revokedAt: number | null;
  /** Id of the key that takes its place. */
  readonly replacedBy: string | null;
}

/** One key: what it may do, and what can be done with it. */
export function keyPage(frame: Frame, key: KeyView): Html {
  const { now, paths } = frame;
  const list = facts([
    ["State", keyBadge(key.state)],
    ["Key", html`<code>${keyText(key)}</code>`],
    ["Id", html`<code>${key.id}</code>`],
    ["Scopes", scopeList(key.scopes)],
    ["Portal", portalText(key.portal)],
    ["Speaks for", foreign(key.subject)],
    ["Created", html`${fullMoment(key.createdAt, now)}, by ${foreign(key.createdBy)}`],
    ["Last used", fullMomentOr(key.lastUsedAt, now, "never")],
    ["Expires", fullMomentOr(key.expiresAt, now, "never")],
    ["Revoked", key.revokedAt === null ? null : fullMoment(key.revokedAt, now)],
    [
      "Replaced by",
      key.replacedBy === null ? null : html`<a href="${paths.key(key.replacedBy)}">${key.replacedBy}</a>`,
    ],
  ]);
  return settingsPage(frame, {
    tab: "keys",
    title: "API key",
    heading: foreign(key.name),
    up: { label: "API keys", href: paths.keys },
    body: html`<div class="card slim">
      ${list}
      <div class="actions">${acts(frame, key)}</div>
    </div>`,
  });
}

function acts({ paths }: Frame, key: KeyView): Html {
  const activity = html`<a class="button" href="${withQuery(paths.activity, { credential: key.id })}"
    >Activity of this key</a
  >`;
  if (key.state !== "active") return activity;
  const explain = html`<a class="button" href="${withQuery(paths.explain, { as: "key", key: key.id })}"
    >Try a request…</a
  >`;
  const rotate = html`<a class="button" href="${paths.rotateKey(key.id)}">Rotate…</a>`;
  return html`${activity} ${explain} ${key.replacedBy === null ? rotate : null}
    <a class="button danger" href="${paths.revokeKey(key.id)}">Revoke…</a>`;
}

/** Asks before a key is revoked. `openStreams` is `null` where it is not known. */
export function keyRevokePage(frame: Frame, key: KeyView, openStreams: number | null): Html {
  const used =
    key.lastUsedAt === null ? "It was never used." : `It was last used ${relative(key.lastUsedAt, frame.now)}.`;
  return confirmPage(frame, {
    tab: "keys",
    title: "Revoke API key?",
    heading: html`Revoke ${foreign(key.name)}?`,
    body: html`<p><code>${keyText(key)}</code> stops working at once, on every instance. ${used}</p>
      ${facts([["Open streams that it closes", openStreams === null ? "not known" : `${openStreams}, on this instance`]])}`,
    warning: "This cannot be undone.",
    action: frame.paths.revokeKey(key.id),
    button: "Revoke key",
    cancel: frame.paths.key(key.id),
  });
}

/** How long the old key goes on, as the form offers it. */
export const OVERLAPS = [
  { value: "1h", label: "For 1 hour", ms: 3_600_000 },
  { value: "1d", label: "For 1 day", ms: 86_400_000 },
  { value: "7d", label: "For 7 days", ms: 7 * 86_400_000 },
  { value: "0", label: "Not at all: it stops now", ms: 0 },
] as const;

/** Asks how to rotate a key. Posts `overlap` and `csrf`. */
export function keyRotatePage(
  frame: Frame,
  key: KeyView,
  form: { readonly overlap: string; readonly problems: Problems },
): Html {
  const back = frame.paths.key(key.id);
  const fields = html`${choiceField({
    type: "radio",
    name: "overlap",
    legend: "How long the old key goes on working",
    hint: "Time to put the new one in its place.",
    problem: problemOf(form.problems, "overlap"),
    choices: OVERLAPS.map(({ value, label }) => ({ value, label, checked: value === form.overlap })),
  })}
  ${formActions("Make the new key", back)}`;
  return settingsPage(frame, {
    tab: "keys",
    title: "Rotate API key",
    heading: html`Rotate ${foreign(key.name)}`,
    up: { label: "Back", href: back },
    body: html`<div class="card slim">
      <p>
        A new key takes the place of <code>${keyText(key)}</code>, with the same name, scopes, portal and lifetime. It
        is shown once.
      </p>
      ${postForm(frame, frame.paths.rotateKey(key.id), fields)}
    </div>`,
  });
}
