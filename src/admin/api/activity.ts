import { z } from "zod";
import type { ActivityEntry } from "../../administration/administration.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { found } from "./refusals.ts";
import { activityId, cursorOut, isoTime, nextCursor, pageOfQuery, pageQuery, time } from "./schemas.ts";

const event = z.enum(["request", "stream_open", "stream_close", "admin", "oauth", "signin", "config"]);
const decision = z.enum(["allow", "deny"]);
const entry = {
  name: "Activity",
  schema: z.strictObject({
    id: z.string(),
    at: time,
    event,
    decision,
    reason: z.string(),
    fields: z.record(z.string(), z.unknown()).describe("The rest of its line of the audit."),
  }),
};
const tag = "activity";
const filter = z.string().min(1).max(512).optional();

function entryJson({ at, fields, ...rest }: ActivityEntry): z.input<typeof entry.schema> {
  return { ...rest, at: isoTime(at), fields: { ...fields } };
}

/** What happened lately. */
export const activityOperations: readonly Operation[] = [
  operation({
    id: "listActivity",
    method: "GET",
    path: "/activity",
    tag,
    summary:
      "What happened lately, newest first: acts of people all, refused requests up to a rate, allowed ones sampled.",
    params: none,
    query: z.strictObject({
      ...pageQuery,
      credential: filter,
      client: filter,
      subject: filter,
      route: filter,
      reason: filter,
      decision: decision.optional(),
      event: event.optional(),
      from: time.optional().describe("This included."),
      to: time.optional().describe("Up to it."),
    }),
    body: noBody,
    answer: {
      name: "ActivityPage",
      schema: z.strictObject({
        items: z.array(entry.schema),
        next: nextCursor,
      }),
    },
    async handle({ query }, { administration }) {
      const { cursor: _cursor, from, limit: _limit, to, ...filters } = query;
      const { items, next } = await administration.activity.list({
        ...pageOfQuery(query),
        ...filters,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
      });
      return { body: { items: items.map(entryJson), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getActivity",
    method: "GET",
    path: "/activity/{id}",
    tag,
    summary: "One of them; 404 for one that is not kept any more, too.",
    params: z.strictObject({ id: activityId }),
    query: none,
    body: noBody,
    answer: entry,
    refuses: ["not_found"],
    async handle({ params: { id } }, { administration }) {
      return { body: entryJson(found(await administration.activity.get(id))) };
    },
  }),
];
