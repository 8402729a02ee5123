import { z } from "zod";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import { isoTime, personId, time } from "./schemas.ts";

const params = z.strictObject({ id: personId });
const tag = "sessions";
const session = z.strictObject({ id: z.string(), signed_in_at: time, expires_at: time });

/** Sessions of people in browsers, and the caller's own. */
export const sessionOperations: readonly Operation[] = [
  operation({
    id: "whoAmI",
    method: "GET",
    path: "/session",
    tag,
    summary: "Who calls, and the CSRF token for what changes something.",
    params: none,
    query: none,
    body: noBody,
    answer: {
      name: "Caller",
      schema: z.strictObject({
        subject: z.string(),
        kind: z.enum(["session", "token", "cli"]),
        csrf_token: z.string().nullable().describe("For `X-CSRF-Token`; null for admin tokens, which need none."),
      }),
    },
    async handle(_input, { actor, caller }) {
      return { body: { subject: actor.subject, kind: actor.kind, csrf_token: caller.csrfToken } };
    },
  }),
  operation({
    id: "listSessions",
    method: "GET",
    path: "/people/{id}/sessions",
    tag,
    summary: "The browsers that a person is signed in with, newest first.",
    params,
    query: none,
    body: noBody,
    answer: { name: "SessionList", schema: z.strictObject({ items: z.array(session) }) },
    refuses: ["not_found"],
    async handle({ params: { id } }, { administration: { people } }) {
      found(await people.get(id));
      const items = (await people.sessions(id)).map((each) => ({
        id: each.id,
        signed_in_at: isoTime(each.signedInAt),
        expires_at: isoTime(each.expiresAt),
      }));
      return { body: { items } };
    },
  }),
  operation({
    id: "endSessions",
    method: "DELETE",
    path: "/people/{id}/sessions",
    tag,
    summary: "Signs a person out everywhere.",
    params,
    query: none,
    body: noBody,
    answer: { name: "EndedSessions", schema: z.strictObject({ ended: z.int() }) },
    refuses: ["not_found"],
    async handle({ params: { id } }, { actor, administration }) {
      return { body: { ended: done(await administration.people.endSessions(actor, id)).count } };
    },
  }),
];
