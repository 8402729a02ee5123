import { z } from "zod";
import type { ClientRecord } from "../../store/clients.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done, found } from "./refusals.ts";
import {
  clientId,
  cursorOut,
  isoTime,
  name,
  nextCursor,
  pageOfQuery,
  pageQuery,
  portalAsked,
  scopes,
  scopesAsked,
  time,
} from "./schemas.ts";

const status = z.enum(["waiting", "approved", "disabled"]);
const fields = {
  id: z.string(),
  name: z.string(),
  origin: z.enum(["administrator", "registration", "metadata_document"]).describe("Who brought it."),
  status,
  confidential: z.boolean().describe("True where it has a secret."),
  scopes: scopes.describe("What may be granted to it at most."),
  portal: z.string().nullable(),
  redirect_uris: z.array(z.string()),
  grant_types: z.array(z.string()),
  created_at: time,
  created_by: z.string(),
  decided_at: time.nullable(),
  decided_by: z.string().nullable(),
  expires_at: time.nullable().describe("A waiting client is forgotten then."),
};

const client = { name: "Client", schema: z.strictObject(fields) };
const clientPage = { name: "ClientPage", schema: z.strictObject({ items: z.array(client.schema), next: nextCursor }) };
const issuedClient = {
  name: "IssuedClient",
  schema: z.strictObject({
    ...fields,
    secret: z.string().nullable().describe("Shown this once; null for a public client and in a replay."),
  }),
};
const params = z.strictObject({ id: clientId });
const tag = "clients";

function clientJson(record: ClientRecord): z.input<typeof client.schema> {
  return {
    id: record.id,
    name: record.name,
    origin: record.origin,
    status: record.status,
    confidential: record.secretDigest !== null,
    scopes: [...record.scopes],
    portal: record.portal,
    redirect_uris: texts(record.metadata["redirect_uris"]),
    grant_types: texts(record.metadata["grant_types"]),
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    decided_at: isoTime(record.decidedAt),
    decided_by: record.decidedBy,
    expires_at: isoTime(record.expiresAt),
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function answer(record: ClientRecord) {
  return { body: clientJson(record), version: record.version };
}

const reading: readonly Operation[] = [
  operation({
    id: "listClients",
    method: "GET",
    path: "/clients",
    tag,
    summary: "OAuth clients: the waiting ones first, then the approved, then the disabled; newest first in each.",
    params: none,
    query: z.strictObject({ ...pageQuery, status: status.optional() }),
    body: noBody,
    answer: clientPage,
    async handle({ query }, { administration }) {
      const { items, next } = await administration.clients.list({ ...pageOfQuery(query), status: query.status });
      return { body: { items: items.map(clientJson), next: cursorOut(next) } };
    },
  }),
  operation({
    id: "getClient",
    method: "GET",
    path: "/clients/{id}",
    tag,
    summary: "One client.",
    params,
    query: none,
    body: noBody,
    answer: client,
    refuses: ["not_found"],
    handle: async ({ params: { id } }, { administration }) => answer(found(await administration.clients.get(id))),
  }),
];

const issuing: readonly Operation[] = [
  operation({
    id: "addClient",
    method: "POST",
    path: "/clients",
    tag,
    summary: "Adds a client, approved. The secret of a confidential one is shown in this answer and nowhere else.",
    params: none,
    query: none,
    body: {
      name: "NewClient",
      schema: z.strictObject({
        name,
        confidential: z.boolean().default(false),
        redirect_uris: z.array(z.string().min(1).max(2048)).max(20).default([]),
        grant_types: z
          .array(z.enum(["authorization_code", "refresh_token", "device_code", "client_credentials"]))
          .max(4)
          .default([])
          .describe("Those that fit, where left out."),
        scopes: scopesAsked.default([]).describe("All of the catalogue, where left out."),
        portal: portalAsked.default(null),
      }),
    },
    status: 201,
    answer: issuedClient,
    creates: { secret: "secret" },
    async handle({ body }, { actor, administration }) {
      const { confidential, grant_types: grantTypes, name: called, portal, redirect_uris: redirectUris } = body;
      const wanted = { name: called, confidential, redirectUris, grantTypes, scopes: body.scopes, portal };
      const { record, secret } = await administration.clients.add(actor, wanted);
      return { body: { ...clientJson(record), secret }, version: record.version };
    },
  }),
  operation({
    id: "rotateClientSecret",
    method: "POST",
    path: "/clients/{id}/rotate-secret",
    tag,
    summary: "Makes a secret in place of the old one, which stops at once.",
    params,
    query: none,
    body: noBody,
    status: 201,
    answer: issuedClient,
    creates: { secret: "secret" },
    refuses: ["not_found"],
    async handle({ params: { id } }, { actor, administration }) {
      const { record, secret } = done(await administration.clients.rotateSecret(actor, id));
      return { body: { ...clientJson(record), secret }, version: record.version };
    },
  }),
];

const deciding: readonly Operation[] = [
  operation({
    id: "approveClient",
    method: "POST",
    path: "/clients/{id}/approve",
    tag,
    summary: "Lets a waiting client in, with less than it asked for where the body says so.",
    params,
    query: none,
    body: {
      name: "ClientApproval",
      schema: z.strictObject({
        scopes: scopesAsked.min(1).nullable().default(null).describe("At most these; null leaves what it asked for."),
        portal: portalAsked.default(null).describe("Only this portal; null leaves it."),
      }),
    },
    answer: client,
    versioned: true,
    refuses: ["not_found", "conflict"],
    async handle({ body, params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.clients.approve(actor, id, body, version)).record);
    },
  }),
  operation({
    id: "disableClient",
    method: "POST",
    path: "/clients/{id}/disable",
    tag,
    summary: "Refuses a client from now on, and ends its grants for good.",
    params,
    query: none,
    body: noBody,
    answer: client,
    versioned: true,
    refuses: ["not_found", "conflict"],
    spreads: true,
    async handle({ params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.clients.disable(actor, id, version)).record);
    },
  }),
  operation({
    id: "enableClient",
    method: "POST",
    path: "/clients/{id}/enable",
    tag,
    summary: "Lets a disabled client in again.",
    params,
    query: none,
    body: noBody,
    answer: client,
    versioned: true,
    refuses: ["not_found", "conflict"],
    async handle({ params: { id } }, { actor, administration, version }) {
      return answer(done(await administration.clients.enable(actor, id, version)).record);
    },
  }),
];

/** OAuth clients. */
export const clientOperations: readonly Operation[] = [...reading, ...issuing, ...deciding];
