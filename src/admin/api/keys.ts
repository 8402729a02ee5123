import { z } from "zod";
import type { Administration } from "../../administration/administration.ts";
import type { ApiKeyRecord } from "../../store/types.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import {
  cursorOut,
  expiresIn,
  isoTime,
  keyId,
  name,
  nextCursor,
  pageOfQuery,
  pageQuery,
  portalAsked,
  scopes,
  scopesAsked,
  search,
  time,
} from "./schemas.ts";

const fields = {
  id: z.string(),
  name: z.string(),
  subject: z.string().describe("Whom it speaks for: `X-Portcullis-Subject`."),
  scopes,
  portal: z.string().nullable().describe("The one portal that it may act on; null is all."),
  state: z.enum(["active", "expired", "revoked"]),
  last4: z.string(),
  created_at: time,
  created_by: z.string(),
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  replaced_by: z.string().nullable(),
  last_used_at: time.nullable().describe("About a minute exact."),
};

const key = { name: "Key", schema: z.strictObject(fields) };
const keyPage = { name: "KeyPage", schema: z.strictObject({ items: z.array(key.schema), next: nextCursor }) };
const issuedKey = {
  name: "IssuedKey",
  schema: z.strictObject({
    ...fields,
    key: z.string().nullable().describe("The key itself, shown this once; null in a replay."),
  }),
};
const params = z.strictObject({ id: keyId });

function keyJson(record: ApiKeyRecord, { keys }: Administration): z.input<typeof key.schema> {
  return {
    id: record.id,
    name: record.name,
    subject: record.subject,
    scopes: [...record.scopes],
    portal: record.portal,
    state: keys.state(record),
    last4: record.last4,
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
    replaced_by: record.replacedBy,
    last_used_at: isoTime(record.lastUsedAt),
  };
}

const tag = "keys";

const reading: readonly Operation[] = [
  operation({
    id: "listKeys",
    method: "GET",
    path: "/keys",
    tag,
    summary: "API keys, newest first.",
    params: none,
    query: z.strictObject({
      ...pageQuery,
      search: search.optional().describe("Beginning of the name without regard to case, the id, or the last four."),
      state: z.enum(["active", "expired", "revoked"]).optional(),
    }),
    body: noBody,
    answer: keyPage,
    async handle({ query }, { administration }) {
      const { search: text, state } = query;
      const { items, next } = await administration.keys.list({ ...pageOfQuery(query), search: text, state });
      return { body: { items: items.map((item) => keyJson(item, administration)), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getKey",
    method: "GET",
    path: "/keys/{id}",
    tag,
    summary: "One API key.",
    params,
    query: none,
    body: noBody,
    answer: key,
    refuses: ["not_found"],
    async handle({ params: { id } }, { administration }) {
      return { body: keyJson(found(await administration.keys.get(id)), administration) };
    },
  }),
];

const changing: readonly Operation[] = [
  operation({
    id: "createKey",
    method: "POST",
    path: "/keys",
    tag,
    summary: "Makes an API key. The key itself is shown in this answer and nowhere else.",
    params: none,
    query: none,
    body: {
      name: "NewKey",
      schema: z.strictObject({
        name,
        scopes: scopesAsked.min(1),
        portal: portalAsked.default(null).describe("The one portal that it may act on; null is all."),
        expires_in: expiresIn.default(null).describe("Life in seconds; null never ends."),
        subject: z.string().min(1).max(200).optional().describe("Whom it speaks for; you where left out."),
      }),
    },
    status: 201,
    answer: issuedKey,
    creates: { secret: "key" },
    async handle({ body }, { actor, administration }) {
      const issued = await administration.keys.create(actor, {
        name: body.name,
        scopes: body.scopes,
        portal: body.portal,
        expiresInMs: body.expires_in === null ? null : body.expires_in * 1000,
        subject: body.subject,
      });
      return { body: { ...keyJson(issued.record, administration), key: issued.key } };
    },
  }),
  operation({
    id: "rotateKey",
    method: "POST",
    path: "/keys/{id}/rotate",
    tag,
    summary: "Makes a key in place of this one, with its name, scopes, portal and life. This one ends after `overlap`.",
    params,
    query: none,
    body: {
      name: "KeyRotation",
      schema: z.strictObject({
        overlap: z
          .int()
          .min(0)
          .max(315_360_000)
          .default(0)
          .describe("Seconds that the old key goes on; 0 ends it now."),
      }),
    },
    status: 201,
    answer: issuedKey,
    creates: { secret: "key" },
    refuses: ["not_found"],
    spreads: true,
    async handle({ body, params: { id } }, { actor, administration }) {
      const rotated = done(await administration.keys.rotate(actor, id, { overlapMs: body.overlap * 1000 }));
      return { body: { ...keyJson(rotated.record, administration), key: rotated.key } };
    },
  }),
  operation({
    id: "revokeKey",
    method: "POST",
    path: "/keys/{id}/revoke",
    tag,
    summary: "Revokes an API key for good, from now on. To repeat it changes nothing.",
    params,
    query: none,
    body: noBody,
    answer: key,
    refuses: ["not_found"],
    spreads: true,
    async handle({ params: { id } }, { actor, administration }) {
      return { body: keyJson(done(await administration.keys.revoke(actor, id)).record, administration) };
    },
  }),
];

/** API keys. */
export const keyOperations: readonly Operation[] = [...reading, ...changing];
