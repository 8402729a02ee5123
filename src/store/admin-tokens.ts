import { z } from "zod";
import type { Digest } from "../core/ids.ts";
import { digest, time, version } from "./record-fields.ts";
import { hashedLookup, readAs, readAllAs } from "./typed-document.ts";
import type { DocumentStore, NewDocument } from "./types.ts";

/** A token for scripts that use the API, as stored. The token itself is not in it. Times are wall clock ms. */
export interface AdminTokenRecord {
  /** `adm_` and 20 letters and digits. */
  readonly id: string;
  readonly digest: Digest;
  /** What the audit calls who uses it; unique among those that are not revoked. */
  readonly name: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly endsAt: number | null;
  /** Once set, final. */
  readonly revokedAt: number | null;
  /** About a minute exact. */
  readonly lastUsedAt: number | null;
  readonly version: number;
}

/** Tokens for scripts, in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface AdminTokens {
  /** `null` where the id or the name is taken. */
  create(record: Omit<AdminTokenRecord, "version">): Promise<AdminTokenRecord | null>;
  get(id: string): Promise<AdminTokenRecord | null>;
  findByDigest(digest: Digest): Promise<AdminTokenRecord | null>;
  /** Newest first, revoked ones too. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly AdminTokenRecord[]>;
  /** Writes over the version that was read, and returns it as it is then; `null` where it has changed since. */
  update(record: AdminTokenRecord): Promise<AdminTokenRecord | null>;
}

const KIND = "admin_token";
const ALL = "all";

const tokenSchema = z.strictObject({
  id: z.string(),
  digest,
  name: z.string(),
  createdAt: time,
  createdBy: z.string(),
  endsAt: time.nullable(),
  revokedAt: time.nullable(),
  lastUsedAt: time.nullable(),
  version,
});

/** See `AdminTokens`. */
export function createAdminTokens(documents: DocumentStore): AdminTokens {
  return {
    async create(record) {
      return (await documents.insert(documentOf(record))) ? { ...record, version: 1 } : null;
    },
    get: async (id) => readAs(tokenSchema, await documents.get(KIND, id)),
    findByDigest: async (given) => readAs(tokenSchema, await documents.find(KIND, `digest:${given}`)),
    list: async (page) => readAllAs(tokenSchema, await documents.list(KIND, ALL, page)),
    async update({ version: read, ...record }) {
      return (await documents.replace(documentOf(record), read)) ? { ...record, version: read + 1 } : null;
    },
  };
}

function documentOf({ id, createdAt, ...value }: Omit<AdminTokenRecord, "version">): NewDocument {
  const lookups = [`digest:${value.digest}`];
  // A revoked one gives its name free.
  if (value.revokedAt === null) lookups.push(hashedLookup("name", value.name));
  return { kind: KIND, id, value, createdAt, expiresAt: null, lookups, groups: [ALL] };
}
