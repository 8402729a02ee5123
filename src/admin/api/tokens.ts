import { z } from "zod";
import type { AdminTokenView } from "../../administration/administration.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import { adminTokenId, cursorOut, expiresIn, isoTime, nextCursor, pageOfQuery, pageQuery, time } from "./schemas.ts";

const fields = {
  id: z.string(),
  name: z.string(),
  created_at: time,
  created_by: z.string(),
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  last_used_at: time.nullable().describe("About a minute exact."),
};
const token = { name: "AdminToken", schema: z.strictObject(fields) };
const params = z.strictObject({ id: adminTokenId });
const tag = "tokens";

function tokenJson(record: AdminTokenView): z.input<typeof token.schema> {
  return {
    id: record.id,
    name: record.name,
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
    last_used_at: isoTime(record.lastUsedAt),
  };
}

/** Admin tokens: what scripts use this API with. */
export const tokenOperations: readonly Operation[] = [
  operation({
    id: "listTokens",
    method: "GET",
    path: "/tokens",
    tag,
    summary: "Admin tokens, newest first, revoked ones too.",
    params: none,
    query: z.strictObject(pageQuery),
    body: noBody,
    answer: { name: "AdminTokenPage", schema: z.strictObject({ items: z.array(token.schema), next: nextCursor }) },
    async handle({ query }, { administration }) {
      const { items, next } = await administration.tokens.list(pageOfQuery(query));
      return { body: { items: items.map(tokenJson), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getToken",
    method: "GET",
    path: "/tokens/{id}",
    tag,
    summary: "One admin token.",
    params,
    query: none,
    body: noBody,
    answer: token,
    refuses: ["not_found"],
    async handle({ params: { id } }, { administration }) {
      return { body: tokenJson(found(await administration.tokens.get(id))) };
    },
  }),
  operation({
    id: "createToken",
    method: "POST",
    path: "/tokens",
    tag,
    summary: "Makes an admin token. The token itself is shown in this answer and nowhere else. Needs a fresh sign-in.",
    params: none,
    query: none,
    body: {
      name: "NewAdminToken",
      schema: z.strictObject({
        name: z.string().min(1).max(60).describe("What the audit calls who uses it."),
        expires_in: expiresIn.default(null).describe("Life in seconds; null never ends."),
      }),
    },
    status: 201,
    answer: {
      name: "IssuedAdminToken",
      schema: z.strictObject({
        ...fields,
        token: z.string().nullable().describe("The token itself, shown this once; null in a replay."),
      }),
    },
    creates: { secret: "token" },
    async handle({ body }, { actor, administration }) {
      const expiresInMs = body.expires_in === null ? null : body.expires_in * 1000;
      const made = await administration.tokens.create(actor, { name: body.name, expiresInMs });
      return { body: { ...tokenJson(made.record), token: made.token } };
    },
  }),
  operation({
    id: "revokeToken",
    method: "POST",
    path: "/tokens/{id}/revoke",
    tag,
    summary: "Revokes an admin token for good, from now on. To repeat it changes nothing.",
    params,
    query: none,
    body: noBody,
    answer: token,
    refuses: ["not_found"],
    async handle({ params: { id } }, { actor, administration }) {
      return { body: tokenJson(done(await administration.tokens.revoke(actor, id)).record) };
    },
  }),
];
