import { z } from "zod";
import type { GrantView } from "../../administration/administration.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import {
  clientId,
  cursorOut,
  grantId,
  isoTime,
  nextCursor,
  pageOfQuery,
  pageQuery,
  personId,
  scopes,
  time,
} from "./schemas.ts";

const state = z.enum(["active", "revoked", "ended", "expired"]);
const grant = {
  name: "Grant",
  schema: z.strictObject({
    id: z.string(),
    state: state.describe("`ended`: from before MCP access was switched off."),
    person: z.strictObject({ id: z.string(), name: z.string().nullable(), email: z.string().nullable() }),
    client: z.strictObject({ id: z.string(), name: z.string().nullable() }),
    scopes,
    portal: z.string().nullable(),
    resource: z.string(),
    flow: z.enum(["authorization_code", "device_code"]),
    created_at: time,
    expires_at: time,
    revoked_at: time.nullable(),
  }),
};
const params = z.strictObject({ id: grantId });
const tag = "grants";

function grantJson({ client, person, record, state: now }: GrantView): z.input<typeof grant.schema> {
  return {
    id: record.id,
    state: now,
    person: { id: record.person, name: person?.name ?? null, email: person?.email ?? null },
    client: { id: record.client, name: client?.name ?? null },
    scopes: [...record.scopes],
    portal: record.portal,
    resource: record.resource,
    flow: record.flow,
    created_at: isoTime(record.createdAt),
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
  };
}

/** What people allowed clients. */
export const grantOperations: readonly Operation[] = [
  operation({
    id: "listGrants",
    method: "GET",
    path: "/grants",
    tag,
    summary: "What people allowed clients, newest first.",
    params: none,
    query: z.strictObject({
      ...pageQuery,
      person: personId.optional(),
      client: clientId.optional(),
      state: state.optional().describe("Pages may then be short and still have a `next`."),
    }),
    body: noBody,
    answer: { name: "GrantPage", schema: z.strictObject({ items: z.array(grant.schema), next: nextCursor }) },
    async handle({ query }, { administration }) {
      const { client, person, state: wanted } = query;
      const { items, next } = await administration.grants.list({
        ...pageOfQuery(query),
        person,
        client,
        state: wanted,
      });
      return { body: { items: items.map(grantJson), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getGrant",
    method: "GET",
    path: "/grants/{id}",
    tag,
    summary: "One grant.",
    params,
    query: none,
    body: noBody,
    answer: grant,
    refuses: ["not_found"],
    async handle({ params: { id } }, { administration }) {
      return { body: grantJson(found(await administration.grants.get(id))) };
    },
  }),
  operation({
    id: "revokeGrant",
    method: "POST",
    path: "/grants/{id}/revoke",
    tag,
    summary: "Ends a grant for good, with its tokens. To repeat it changes nothing.",
    params,
    query: none,
    body: noBody,
    answer: grant,
    refuses: ["not_found"],
    spreads: true,
    async handle({ params: { id } }, { actor, administration: { grants } }) {
      done(await grants.revoke(actor, id));
      return { body: grantJson(found(await grants.get(id))) };
    },
  }),
];
