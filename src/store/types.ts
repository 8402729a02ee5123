import type { CredentialId, Digest, PortalId, Scope } from "../core/ids.ts";

/** An API key as stored. The key itself is not in it: `digest` cannot be turned back. Times are wall clock ms. */
export interface ApiKeyRecord {
  readonly id: CredentialId;
  readonly digest: Digest;
  readonly name: string;
  /** Whom the key speaks for; the upstream gets it as `X-Portcullis-Subject`. */
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly portal: PortalId | null;
  /** Last four characters, for lists. */
  readonly last4: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  /** Once set, final. */
  readonly revokedAt: number | null;
  /** The key that takes this one's place after a rotation. */
  readonly replacedBy: CredentialId | null;
  /** About a minute exact; `null` is never. */
  readonly lastUsedAt: number | null;
}

/** What a change touches: every cached entry that carries one of the tags is dropped. */
export type ChangeTag = `credential:${CredentialId}` | `digest:${Digest}` | "all";

export type RotateResult =
  | { readonly kind: "rotated"; readonly old: ApiKeyRecord }
  | { readonly kind: "not_found" }
  /** Revoked, expired or rotated before. */
  | { readonly kind: "not_active" };

/**
 * API keys. Every change is on disk (or acknowledged by Redis) and in the change log before the
 * promise resolves. Any failure to reach the store rejects with `StoreUnavailable`; nothing else does.
 */
export interface KeyStore {
  /** Adds a record. Rejects where the id or digest exists. */
  create(record: ApiKeyRecord): Promise<void>;
  findByDigest(digest: Digest): Promise<ApiKeyRecord | null>;
  get(id: CredentialId): Promise<ApiKeyRecord | null>;
  /** Newest first; `after` is the last id of the page before. `limit` is 1 to 1000. */
  list(page: { readonly after?: CredentialId; readonly limit: number }): Promise<readonly ApiKeyRecord[]>;
  /** Revokes for good. A repeated call changes nothing and returns the record as it is; `null` where unknown. */
  revoke(id: CredentialId, at: number): Promise<ApiKeyRecord | null>;
  /** Adds `replacement` and sets the old key's `expiresAt` and `replacedBy`, one winner of many parallel calls. */
  rotate(id: CredentialId, replacement: ApiKeyRecord, oldExpiresAt: number, now: number): Promise<RotateResult>;
  /** Writes last-used times in one batch. Never moves one back; unknown ids are passed over. */
  touch(uses: ReadonlyMap<CredentialId, number>): Promise<void>;
}

/** Where an instance learns of changes made elsewhere. */
export interface ChangeLog {
  /**
   * Calls `onChange` with the tags of every change made by anyone (this process too) since the call.
   * After a gap that cannot be bridged it is called with `["all"]`. Returns what stops it.
   */
  follow(onChange: (tags: readonly ChangeTag[]) => void): Promise<() => Promise<void>>;
  /**
   * Called before each use of a cached entry: synchronous, about as cheap as its cost in the bench.
   * Applies changes that are already visible (embedded store) before it returns. Throws `StoreUnavailable`
   * where that cannot be told.
   */
  poll(): void;
}

export interface Store {
  readonly kind: "sqlite" | "redis";
  readonly keys: KeyStore;
  readonly changes: ChangeLog;
  /** Resolves where the store answers now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The store did not answer, or not in time. Callers answer 503, never 401 and never an allow. */
export class StoreUnavailable extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.name = "StoreUnavailable";
  }
}

/** A record with this id or digest exists. Only `create` and `rotate` reject with it. */
export class RecordExists extends Error {
  constructor() {
    super("a record with this id or digest exists");
    this.name = "RecordExists";
  }
}

/** What a store tells its operator. Takes the fields first, as pino does. Never given a secret. */
export interface StoreLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
