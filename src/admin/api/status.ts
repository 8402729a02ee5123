import { z } from "zod";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { isoTime, time } from "./schemas.ts";

/** How this instance is. */
export const statusOperations: readonly Operation[] = [
  operation({
    id: "getStatus",
    method: "GET",
    path: "/status",
    tag: "status",
    summary: "What is connected now: the last hour of this instance by the minute, open streams, store, rules.",
    params: none,
    query: none,
    body: noBody,
    answer: {
      name: "Status",
      schema: z.strictObject({
        at: time,
        instance: z.string(),
        version: z.string(),
        rules: z.string().describe("Hash of the rules in force."),
        store: z.strictObject({ kind: z.enum(["sqlite", "redis"]), up: z.boolean() }),
        mcp_access: z.boolean().nullable().describe("Null where the store does not tell."),
        waiting_clients: z.int().nullable().describe("Null where the store does not tell."),
        open_streams: z.int(),
        minutes: z
          .array(z.strictObject({ at: time, allowed: z.int(), refused: z.int() }))
          .describe("60, oldest first; the last one is under way."),
        refused_by: z
          .array(z.strictObject({ reason: z.string(), count: z.int() }))
          .describe("Over the hour, most first."),
      }),
    },
    async handle(_input, { administration }) {
      const { at, instance, mcpAccess, rules, store, traffic, version, waitingClients } = await administration.status();
      return {
        body: {
          at: isoTime(at),
          instance,
          version,
          rules,
          store: { ...store },
          mcp_access: mcpAccess,
          waiting_clients: waitingClients,
          open_streams: traffic.openStreams,
          minutes: traffic.minutes.map(({ at: began, allowed, refused }) => ({ at: isoTime(began), allowed, refused })),
          refused_by: traffic.refusedBy.map(({ reason, count }) => ({ reason, count })),
        },
      };
    },
  }),
];
