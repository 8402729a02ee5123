import { foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { type ActivityRow, outcomeBadge, whatHappened } from "./activity-list.ts";
import type { ExplainForm } from "./explain.ts";
import { type Frame, settingsPage } from "./frame.ts";
import { card, facts, fullMoment } from "./parts.ts";
import { withQuery } from "./paths.ts";
import { eventWords, reasonWords } from "./reason-words.ts";

export interface EntryView extends ActivityRow {
  /** The rest of its audit line, in words of the audit, each as text. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What was before and after a change, as JSON; `null` where it tells none. */
  readonly before: string | null;
  readonly after: string | null;
  /** For a request: what to ask the rules. */
  readonly explain: Pick<ExplainForm, "method" | "target" | "host" | "key" | "scopes" | "portal" | "as"> | null;
  /** Links to what it is about. */
  readonly about: readonly { readonly label: string; readonly href: string }[];
}

/** One entry of the activity with all that is known of it. */
export function entryPage(frame: Frame, entry: EntryView): Html {
  const { paths, now } = frame;
  const { text, check } = reasonWords(entry.reason);
  const { explain } = entry;
  const steps =
    explain === null
      ? null
      : html`<p>
          <a class="button" href="${explainHref(paths.explain, explain)}">Explain this request in steps</a>
        </p>`;
  const about = entry.about.map(
    ({ label, href }, index) => html`${index === 0 ? null : " · "}<a href="${href}">${label}</a>`,
  );
  return settingsPage(frame, {
    tab: "activity",
    title: "Activity entry",
    heading: whatHappened(entry),
    up: { label: "Activity", href: paths.activity },
    body: html`<div class="card">
        <p>${outcomeBadge(entry)} ${foreignText(text, 200)} <code>${foreignText(entry.reason, 60)}</code></p>
        ${check === null || entry.decision === "allow" ? null : html`<p class="hint">${withCode(check)}</p>`}
        ${facts([
          ["When", fullMoment(entry.at, now)],
          ["Kind", eventWords(entry.event)],
          ...entry.fields.map(([name, value]) => [fieldLabel(name), html`${foreignText(value, 600)}`] as const),
          ["About", about.length === 0 ? null : html`${about}`],
        ])}
        ${steps}
      </div>
      ${change(entry)}`,
  });
}

/** Words of the error table, in which names stand between backquotes. */
function withCode(text: string): Html {
  return html`${text.split("`").map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}

function explainHref(path: string, { scopes, ...form }: NonNullable<EntryView["explain"]>): string {
  return withQuery(path, { ...form, scopes: scopes.join(" ") });
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
