import { hiddenField } from "../../web/fields.ts";
import { foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { type ActivityRow, outcomeBadge, whatHappened } from "./activity-list.ts";
import type { ExplainForm } from "./explain.ts";
import { type Frame, postForm, settingsPage } from "./frame.ts";
import { card, facts, fullMoment } from "./parts.ts";
import { eventWords, reasonWords } from "./reason-words.ts";

export interface EntryView extends ActivityRow {
  /** The rest of its audit line, in words of the audit, each as text. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What was before and after a change, as JSON; `null` where it tells none. */
  readonly before: string | null;
  readonly after: string | null;
  /** For a request: what to ask the rules. */
  readonly explain: ExplainForm | null;
  /** Links to what it is about. */
  readonly about: readonly { readonly label: string; readonly href: string }[];
}

/** Reasons that say no more than the badge. */
const PLAIN: ReadonlySet<string> = new Set(["ok", "allowed"]);

/** One entry of the activity with all that is known of it. */
export function entryPage(frame: Frame, entry: EntryView): Html {
  const { paths, now } = frame;
  const { text, check } = reasonWords(entry.reason);
  const { explain } = entry;
  const reason = html`${foreignText(text, 200)} <code>${foreignText(entry.reason, 60)}</code>`;
  const about = entry.about.map(
    ({ label, href }, index) => html`${index === 0 ? null : " · "}<a href="${href}">${label}</a>`,
  );
  return settingsPage(frame, {
    tab: "activity",
    title: "Activity entry",
    heading: whatHappened(entry),
    up: { label: "Activity", href: paths.activity },
    body: html`<div class="card">
        <p>${outcomeBadge(entry)} ${PLAIN.has(entry.reason) ? null : reason}</p>
        ${check === null || entry.decision === "allow" ? null : html`<p class="hint">${withCode(check)}</p>`}
        ${facts([
          ["When", fullMoment(entry.at, now)],
          ["Kind", eventWords(entry.event)],
          ...entry.fields.map(([name, value]) => [fieldLabel(name), html`${foreignText(value, 600)}`] as const),
          ["About", about.length === 0 ? null : html`${about}`],
        ])}
        ${explain === null ? null : explainForm(frame, explain)}
      </div>
      ${change(entry)}`,
  });
}

/** Words of the error table, in which names stand between backquotes. */
function withCode(text: string): Html {
  return html`${text.split("`").map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}

/** A button that asks the rules in force, with what the entry tells of the request. */
function explainForm(frame: Frame, { headers, scopes, ...texts }: ExplainForm): Html {
  const hidden = Object.entries({ ...texts, headers: headers.join("\n") }).map(([name, value]) =>
    hiddenField(name, value),
  );
  const fields = html`${hidden} ${scopes.map((scope) => hiddenField("scope", scope))}
    <button type="submit">Explain this request in steps</button>`;
  return postForm(frame, frame.paths.explain, fields);
}

function change({ before, after }: EntryView): Html | null {
  if (before === null && after === null) return null;
  return card("What changed", html`<div class="sides">${side("Before", before)}${side("After", after)}</div>`);
}

function side(label: string, text: string | null): Html | null {
  if (text === null) return null;
  return html`<div>
    <h3>${label}</h3>
    <pre>${text}</pre>
  </div>`;
}

const LABELS: Readonly<Record<string, string>> = {
  request_id: "Request id",
  trace_id: "Trace id",
  client_ip: "Address",
  scopes_needed: "Scopes needed",
  scopes_held: "Scopes held",
  credential_kind: "Kind of credential",
  portal_allowed: "Portal allowed",
  portal_named: "Portal named",
  bytes_in: "Bytes in",
  bytes_out: "Bytes out",
  duration_ms: "Duration (ms)",
  upstream_ms: "Of it upstream (ms)",
  mcp: "MCP",
};

function fieldLabel(name: string): string {
  const known = Object.hasOwn(LABELS, name) ? LABELS[name] : undefined;
  return known ?? foreignText(name.charAt(0).toUpperCase() + name.slice(1), 60);
}
