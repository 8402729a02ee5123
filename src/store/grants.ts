import { z } from "zod";
import type { ClientId, GrantId, PersonId, PortalId, Scope } from "../core/ids.ts";
import { clientId, grantId, personId, portal, scope, time, version } from "./record-fields.ts";
import { readAs, readAllAs } from "./typed-document.ts";
import { type ChangeTag, type DocumentStore, type NewDocument, StoreUnavailable } from "./types.ts";

/** What one person allowed one client. Every token of it carries its id. Times are wall clock ms. */
export interface GrantRecord {
  readonly id: GrantId;
  readonly person: PersonId;
  readonly client: ClientId;
  readonly scopes: readonly Scope[];
  /** The portal that the person narrowed it to; `null` is all. */
  readonly portal: PortalId | null;
  /** The audience (RFC 8707). */
  readonly resource: string;
  readonly flow: "authorization_code" | "device_code";
  readonly createdAt: number;
  /** Its refresh tokens end then. */
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly version: number;
}

/** Kinds of documents that OAuth keeps for a grant, and that end with it. */
export const TOKEN_KINDS = ["AccessToken", "RefreshToken", "AuthorizationCode", "DeviceCode"] as const;

/** Grants in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface Grants {
  create(record: Omit<GrantRecord, "version">): Promise<boolean>;
  get(id: GrantId): Promise<GrantRecord | null>;
  /** Newest first, revoked ones too until they expire. Without a filter, all. */
  list(
    of: { readonly person: PersonId } | { readonly client: ClientId } | "all",
    page: { readonly after?: GrantId; readonly limit: number },
  ): Promise<readonly GrantRecord[]>;
  /**
   * Ends it for good, with its tokens and codes. A repeated call removes what is left and returns the record as it
   * is; `null` where unknown. It is marked first: whoever reads the grant from then on finds it dead, also where the
   * removal fails or a token is written meanwhile.
   */
  revoke(id: GrantId, at: number): Promise<GrantRecord | null>;
}

/** The library's own record of the grant ends with the tokens. */
const KINDS_OF_GRANT = [...TOKEN_KINDS, "Grant"];
const KIND = "grant";
const ALL = "all";
/** Only `revoke` writes over a grant, so that a second attempt finds it revoked or gone. */
const ATTEMPTS = 5;

const grantSchema = z.strictObject({
  id: grantId,
  person: personId,
  client: clientId,
  scopes: z.array(scope),
  portal: portal.nullable(),
  resource: z.string(),
  flow: z.enum(["authorization_code", "device_code"]),
  createdAt: time,
  expiresAt: time,
  revokedAt: time.nullable(),
  version,
});

/** See `Grants`. */
export function createGrants(documents: DocumentStore): Grants {
  async function get(id: GrantId): Promise<GrantRecord | null> {
    return readAs(grantSchema, await documents.get(KIND, id));
  }

  async function mark(id: GrantId, at: number): Promise<GrantRecord | null> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // One after the other: each attempt looks at what the one before lost to.
      // oxlint-disable-next-line no-await-in-loop
      const record = await get(id);
      if (record === null || record.revokedAt !== null) return record;
      const { version: read, ...revoked } = { ...record, revokedAt: at };
      // oxlint-disable-next-line no-await-in-loop
      if (await documents.replace(documentOf(revoked), read, tagsOf(id))) return { ...revoked, version: read + 1 };
    }
    throw new StoreUnavailable("a grant changes too often to be revoked");
  }

  return {
    create: (record) => documents.insert(documentOf(record), tagsOf(record.id)),
    get,
    list: async (of, page) => readAllAs(grantSchema, await documents.list(KIND, groupOf(of), page)),
    async revoke(id, at) {
      const record = await mark(id, at);
      // Of a grant that is gone, too: what may be left of it is worth nothing.
      await documents.removeGroup(`grant:${id}`, KINDS_OF_GRANT, tagsOf(id));
      return record;
    },
  };
}

function documentOf({ id, createdAt, expiresAt, ...value }: Omit<GrantRecord, "version">): NewDocument {
  const groups = [ALL, groupOf({ person: value.person }), groupOf({ client: value.client })];
  return { kind: KIND, id, value, createdAt, expiresAt, lookups: [], groups };
}

function tagsOf(id: GrantId): ChangeTag[] {
  return [`grant:${id}`];
}

function groupOf(of: { readonly person: PersonId } | { readonly client: ClientId } | "all"): string {
  if (of === "all") return ALL;
  return "person" in of ? `person:${of.person}` : `client:${of.client}`;
}
