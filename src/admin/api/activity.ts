import { z } from "zod";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { cursorOut, isoTime, nextCursor, pageOfQuery, pageQuery, time } from "./schemas.ts";

const event = z.enum(["request", "stream_open", "stream_close", "admin", "oauth", "signin", "config"]);
const decision = z.enum(["allow", "deny"]);
const filter = z.string().min(1).max(512).optional();

/** What happened lately. */
export const activityOperations: readonly Operation[] = [
  operation({
    id: "listActivity",
    method: "GET",
    path: "/activity",
    tag: "activity",
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
        items: z.array(
          z.strictObject({
            id: z.string(),
            at: time,
            event,
            decision,
            reason: z.string(),
            fields: z.record(z.string(), z.unknown()).describe("The rest of its line of the audit."),
          }),
        ),
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
      const entries = items.map(({ at, fields, ...entry }) => ({ ...entry, at: isoTime(at), fields: { ...fields } }));
      return { body: { items: entries, next: cursorOut(next) } };
    },
  }),
];
