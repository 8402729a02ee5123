import type { CredentialId } from "../core/ids.ts";
import { readRecord } from "./record.ts";
import { type ApiKeyRecord, StoreUnavailable } from "./types.ts";

/** Names of all keys in Redis. One hash tag, so that scripts work in a cluster. */
export const REDIS_KEYS = {
  record: (id: CredentialId): string => `{portcullis}:key:${id}`,
  /** What the name of a record begins with; scripts make the rest. */
  recordOf: "{portcullis}:key:",
  byDigest: "{portcullis}:digests",
  newest: "{portcullis}:keys",
  names: "{portcullis}:keys:names",
  last4: "{portcullis}:keys:last4",
  changes: "{portcullis}:changes",
  changeCount: "{portcullis}:changes:count",
  followers: "{portcullis}:followers",
  applied: "{portcullis}:followers:applied",
  closed: "{portcullis}:followers:closed",
  replicated: "{portcullis}:replicated",
  document: (kind: string, id: string): string => `{portcullis}:doc:${kind}:${id}`,
  lookup: (kind: string, lookup: string): string => `{portcullis}:lookup:${kind}:${lookup}`,
  group: (kind: string, group: string): string => `{portcullis}:group:${kind}:${group}`,
  groupExpiry: (kind: string, group: string): string => `{portcullis}:expiry:${kind}:${group}`,
  activity: "{portcullis}:activity",
  counter: (key: string): string => `{portcullis}:counter:${key}`,
} as const;

/** Fields of a record's hash, in the order in which they are read. `null` is a missing field. */
export const RECORD_FIELDS = [
  "id",
  "digest",
  "name",
  "subject",
  "scopes",
  "portal",
  "last4",
  "createdAt",
  "createdBy",
  "expiresAt",
  "revokedAt",
  "replacedBy",
  "lastUsedAt",
] as const satisfies readonly (keyof ApiKeyRecord)[];

const NUMBERS: ReadonlySet<string> = new Set(["createdAt", "expiresAt", "revokedAt", "lastUsedAt"]);

/** Fields and values by turns, as HSET takes them. */
export function encodeRecord(record: ApiKeyRecord): string[] {
  const flat: string[] = [];
  for (const field of RECORD_FIELDS) {
    const value = record[field];
    if (value === null) continue;
    flat.push(field, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return flat;
}

/** Reads the answer to HMGET of `RECORD_FIELDS`; `null` where there is no record. */
export function decodeRecord(reply: unknown): ApiKeyRecord | null {
  if (reply === null) return null;
  if (!Array.isArray(reply)) throw new StoreUnavailable("a stored API key cannot be understood");
  const values: readonly unknown[] = reply;
  if (values.every((value) => value === null)) return null;
  const fields: Record<string, unknown> = {};
  for (const [index, field] of RECORD_FIELDS.entries()) fields[field] = decodeField(field, values[index]);
  return readRecord(fields);
}

function decodeField(field: string, value: unknown): unknown {
  if (typeof value !== "string") return value ?? null;
  if (NUMBERS.has(field)) return Number(value);
  if (field !== "scopes") return value;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}
