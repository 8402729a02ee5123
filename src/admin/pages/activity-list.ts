import { foreignText } from "../../web/foreign-text.ts";
import { attributes, type Html, html } from "../../web/html.ts";
import { moment } from "../../web/time.ts";
import { inputField, problemOf, type Problems, selectField } from "./form-fields.ts";
import { type Frame, settingsPage } from "./frame.ts";
import { badge, dataTable, emptyState, pager } from "./parts.ts";
import { actionWords, EVENT_KINDS, eventWords, reasonWords } from "./reason-words.ts";

export interface ActivityRow {
  readonly id: string;
  readonly at: number;
  readonly event: string;
  readonly decision: "allow" | "deny";
  readonly reason: string;
  /** What was done; `null` for requests. */
  readonly action: string | null;
  /** Method and path of a request. */
  readonly method: string | null;
  readonly path: string | null;
  readonly mcp: string | null;
  readonly subject: string | null;
  readonly credential: string | null;
  readonly target: string | null;
  /** More than 1 where the entry stands for that many. */
  readonly count: number;
}

/** The filters, as texts of the form. */
export interface ActivityFilters {
  readonly credential: string;
  readonly client: string;
  readonly subject: string;
  readonly route: string;
  readonly reason: string;
  readonly decision: string;
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

export interface ActivityListView {
  readonly filters: ActivityFilters;
  readonly problems: Problems;
  readonly entries: readonly ActivityRow[];
  readonly first: string | null;
  readonly next: string | null;
}

const COLUMNS = [
  { label: "What", look: "main" },
  { label: "Outcome" },
  { label: "Who" },
  { label: "When" },
  { label: "Kind" },
] as const;

/** What happened, newest first, with filters. */
export function activityPage(frame: Frame, view: ActivityListView): Html {
  const { paths } = frame;
  const filtered = Object.values(view.filters).some((value) => value !== "");
  const none =
    view.next !== null
      ? emptyState(
          "Nothing fits in this part",
          "Older entries may.",
          html`<a class="button" href="${view.next}">Look further back</a>`,
        )
      : filtered
        ? emptyState(
            "Nothing fits these filters",
            "Allowed requests are sampled here; the audit file has all of them.",
            html`<a class="button" href="${paths.activity}">Show everything</a>`,
          )
        : emptyState(
            "Nothing has happened yet",
            "What people and applications do stands here: sign-ins, changes, refused requests, and a sample of the allowed ones.",
          );
  return settingsPage(frame, {
    tab: "activity",
    title: "Activity",
    lead: "Who did what. Refused requests are all here up to a rate, allowed ones are sampled; the audit file is the full record.",
    action: html`<a class="button" href="${paths.explain}">Explain a request</a>`,
    body: html`${filters(frame, view, filtered)}
    ${
      view.entries.length === 0
        ? none
        : dataTable(
            "Activity",
            COLUMNS,
            view.entries.map((entry) => row(frame, entry)),
          )
    }
    ${pager(view)}`,
  });
}

function filters({ paths }: Frame, { filters: values, problems }: ActivityListView, open: boolean): Html {
  const any = { value: "", label: "Any" };
  const text = (name: keyof ActivityFilters, label: string, placeholder: string): Html =>
    inputField({ name, label, type: "text", value: foreignOrEmpty(values[name]), placeholder });
  const day = (name: "from" | "to", label: string): Html =>
    inputField({ name, label, type: "datetime-local", value: values[name], problem: problemOf(problems, name) });
  const decisions = [any, { value: "allow", label: "Allowed or done" }, { value: "deny", label: "Refused" }];
  const body = html`<form method="get" action="${paths.activity}" class="filters" role="search">
    ${selectField({ name: "decision", label: "Outcome", options: decisions, value: values.decision })}
    ${selectField({ name: "event", label: "Kind", options: [any, ...EVENT_KINDS], value: values.event })}
    ${text("subject", "Who", "anna@example.com")} ${text("credential", "Credential", "key_… or tok_…")}
    ${text("client", "Client", "client_…")} ${text("route", "Route", "tickets.read")}
    ${text("reason", "Reason", "insufficient_scope")} ${day("from", "From (UTC)")} ${day("to", "To (UTC)")}
    <button type="submit">Filter</button>
  </form>`;
  return html`<details class="filter-box" ${attributes({ open })}>
    <summary>Filter</summary>
    ${body}
  </details>`;
}

function foreignOrEmpty(text: string): string {
  return text === "" ? "" : foreignText(text, 512);
}

function row({ now, paths }: Frame, entry: ActivityRow): readonly (Html | string)[] {
  const { text } = reasonWords(entry.reason);
  return [
    html`<a href="${paths.entry(entry.id)}">${whatHappened(entry)}</a>`,
    html`${outcomeBadge(entry)}${entry.decision === "deny" ? html` <span class="hint">${foreignText(text, 120)}</span>` : null}`,
    html`${entry.subject === null ? "nobody known" : foreignText(entry.subject, 120)}${entry.credential === null ? null : html` <code>${foreignText(entry.credential, 40)}</code>`}`,
    moment(entry.at, now),
    eventWords(entry.event),
  ];
}

/** An entry in a few words. */
export function whatHappened({ action, count, method, path, mcp, target }: ActivityRow): Html {
  if (count > 1) return html`${count} more like these`;
  if (action !== null) {
    return html`${actionWords(action)}${target === null ? null : html` <code>${foreignText(target, 60)}</code>`}`;
  }
  return html`<code>${foreignText(`${method ?? ""} ${path ?? ""}`, 120)}</code
    >${mcp === null ? null : html` ${foreignText(mcp, 80)}`}`;
}

/** Requests are allowed; acts of people and programs are done. */
export function outcomeBadge({ action, decision }: Pick<ActivityRow, "action" | "decision">): Html {
  if (decision === "deny") return badge("danger", "Refused");
  return badge("success", action === null ? "Allowed" : "Done");
}
