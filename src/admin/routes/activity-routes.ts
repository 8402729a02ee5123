import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ActivityEntry, ActivityQuery } from "../../administration/administration.ts";
import { activityPage, type ActivityFilters } from "../pages/activity-list.ts";
import { entryPage } from "../pages/activity-entry.ts";
import type { Problems } from "../pages/form-fields.ts";
import { withQuery } from "../pages/paths.ts";
import { activityRow, entryView } from "./activity-views.ts";
import { type Desk, type Handler, page } from "./desk.ts";
import { readMoment, readTexts, textOf, textParameter } from "./forms.ts";
import { pageOfList } from "./lists.ts";

/** What happened lately. */
export function activityRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  scope.get(paths.activity, page(desk, list));
  scope.get(`${paths.activity}/:id`, page(desk, showEntry));
}

const filterQuery = z.object({
  credential: textOf(),
  client: textOf(),
  subject: textOf(),
  route: textOf(),
  reason: textOf(),
  decision: textOf(),
  event: textOf(),
  from: textOf(),
  to: textOf(),
  after: textOf(2048),
});
const NONE: z.infer<typeof filterQuery> = {
  credential: "",
  client: "",
  subject: "",
  route: "",
  reason: "",
  decision: "",
  event: "",
  from: "",
  to: "",
  after: "",
};

const list: Handler = async ({ desk, request, show }) => {
  const { administration, paths } = desk;
  const { after, ...filters } = readTexts(request.query, filterQuery) ?? NONE;
  const { query, problems } = queryOf(filters);
  const found = await pageOfList((part) => administration.activity.list({ ...query, ...part }), after);
  const here = (next: string | null): string => withQuery(paths.activity, { ...filters, after: next });
  const view = {
    filters,
    problems,
    entries: found.items.map(activityRow),
    first: found.isFirst ? null : here(null),
    next: found.next === null ? null : here(found.next),
  };
  return show(200, (frame) => activityPage(frame, view));
};

type Filter = Omit<ActivityQuery, "after" | "limit">;

const EVENTS: readonly ActivityEntry["event"][] = [
  "request",
  "stream_open",
  "stream_close",
  "admin",
  "oauth",
  "signin",
  "config",
];
const DECISIONS = ["allow", "deny"] as const;

/** What the filters ask for. A time that is none is left out, and said so. */
function queryOf(filters: ActivityFilters): { readonly query: Filter; readonly problems: Problems } {
  const problems: Record<string, string> = {};
  const moment = (name: "from" | "to"): number | undefined => {
    const at = readMoment(filters[name]);
    if (at === undefined) problems[name] = "This is no time: write 2026-03-04T09:30.";
    return at ?? undefined;
  };
  const query: Filter = {
    credential: given(filters.credential),
    client: given(filters.client),
    subject: given(filters.subject),
    route: given(filters.route),
    reason: given(filters.reason),
    decision: DECISIONS.find((each) => each === filters.decision),
    event: EVENTS.find((each) => each === filters.event),
    from: moment("from"),
    to: moment("to"),
  };
  return { query, problems };
}

function given(value: string): string | undefined {
  return value.trim() === "" ? undefined : value.trim();
}

const showEntry: Handler = async ({ desk, request, show, stop }) => {
  const { paths } = desk;
  const id = textParameter(request.params, "id");
  const entry = await desk.administration.activity.get(id);
  if (entry !== null) return show(200, (frame) => entryPage(frame, entryView(entry, paths, desk.policy())));
  const link = { label: "See the activity", href: paths.activity };
  const text = "Only the latest entries are kept here; the audit file is the full record.";
  return stop(404, { tab: "activity", title: "This entry is not here any more", text, link });
};
