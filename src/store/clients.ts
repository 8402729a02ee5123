import { z } from "zod";
import type { ClientId, Digest, PortalId, Scope } from "../core/ids.ts";
import { clientId, digest, jsonObject, portal, scope, time, version } from "./record-fields.ts";
import { readAs, readAllAs } from "./typed-document.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, NewDocument } from "./types.ts";

export type ClientStatus = "waiting" | "approved" | "disabled";
/** Who brought the client: an administrator, itself (RFC 7591), or the metadata document that its id names. */
export type ClientOrigin = "administrator" | "registration" | "metadata_document";

/** An OAuth client. Times are wall clock ms. */
export interface ClientRecord {
  readonly id: ClientId;
  readonly name: string;
  readonly origin: ClientOrigin;
  readonly status: ClientStatus;
  /** Client metadata as RFC 7591 names it, without `client_id` and `client_secret`. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Of a confidential client. */
  readonly secretDigest: Digest | null;
  /** What may be granted to it at most. */
  readonly scopes: readonly Scope[];
  /** The one portal that it may act on; `null` is all. */
  readonly portal: PortalId | null;
  readonly createdAt: number;
  /** `cli:NAME`, a person's email, or `address ADDRESS` for those that registered themselves. */
  readonly createdBy: string;
  /** When it was approved or disabled, and by whom. */
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  /** A waiting client is forgotten then. */
  readonly expiresAt: number | null;
  /** What it got for itself up to then is dead for good: it was disabled and enabled, or its secret was replaced. */
  readonly tokensAfter: number | null;
  readonly version: number;
}

/** Clients in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface Clients {
  /** `null` where the id is taken. */
  create(record: Omit<ClientRecord, "version">): Promise<ClientRecord | null>;
  get(id: ClientId): Promise<ClientRecord | null>;
  /** Of one status, newest first. */
  list(
    status: ClientStatus,
    page: { readonly after?: ClientId; readonly limit: number },
  ): Promise<readonly ClientRecord[]>;
  count(status: ClientStatus): Promise<number>;
  /** Removes the tokens that it got for itself. */
  removeOwnTokens(id: ClientId): Promise<void>;
  /**
   * Writes over the version that was read, with the tag of the client, and returns it as it is then; `null` where it has
   * changed since.
   */
  update(record: ClientRecord): Promise<ClientRecord | null>;
}

const KIND = "client";

const clientSchema = z.strictObject({
  id: clientId,
  name: z.string(),
  origin: z.enum(["administrator", "registration", "metadata_document"]),
  status: z.enum(["waiting", "approved", "disabled"]),
  metadata: jsonObject,
  secretDigest: digest.nullable(),
  scopes: z.array(scope),
  portal: portal.nullable(),
  createdAt: time,
  createdBy: z.string(),
  decidedAt: time.nullable(),
  decidedBy: z.string().nullable(),
  expiresAt: time.nullable().default(null),
  // Records from before there was one have none.
  tokensAfter: time.nullable().default(null),
  version,
});

/** See `Clients`. */
export function createClients(documents: DocumentStore): Clients {
  return {
    async create(record) {
      const made = await documents.insert(documentOf(record), tagsOf(record));
      return made ? { ...record, version: 1 } : null;
    },
    get: async (id) => readAs(clientSchema, await documents.get(KIND, id)),
    list: async (status, page) => readAllAs(clientSchema, await documents.list(KIND, groupOf(status), page)),
    count: (status) => documents.count(KIND, groupOf(status)),
    async removeOwnTokens(id) {
      await documents.removeGroup(`client:${id}`, ["ClientCredentials"], tagsOf({ id }));
    },
    async update({ version: read, ...record }) {
      const written = await documents.replace(documentOf(record), read, tagsOf(record));
      return written ? { ...record, version: read + 1 } : null;
    },
  };
}

function documentOf({ id, createdAt, expiresAt, ...value }: Omit<ClientRecord, "version">): NewDocument {
  return { kind: KIND, id, value, createdAt, expiresAt, lookups: [], groups: [groupOf(value.status)] };
}

function tagsOf({ id }: { readonly id: ClientId }): ChangeTag[] {
  return [`client:${id}`];
}

function groupOf(status: ClientStatus): string {
  return `status:${status}`;
}
