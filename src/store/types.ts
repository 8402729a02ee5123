import type { ChangeTag } from "../core/change-tag.ts";
import type { CredentialId, Digest, PortalId, Scope } from "../core/ids.ts";
import type { OnChange } from "../revocation/follower.ts";
import type { Reported, Spread } from "../revocation/spread.ts";
import type { ActivityStore } from "./activity.ts";

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

/** Which keys. All that are given hold at once. */
export interface KeyQuery {
  /** The last id of the page before; an unknown one gives an empty page. */
  readonly after?: CredentialId;
  /** 1 to 1000. */
  readonly limit: number;
  /** The beginning of the name without regard to case, the whole id, or the last four characters. `""` is any. */
  readonly search?: string;
  /** As it is now. */
  readonly state?: "active" | "expired" | "revoked";
}

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
  /**
   * Newest first; with `search` by name and then id. A page that is not full is the last. With `state` alone, or with it
   * among many of one name, it may look at every key, but in steps, and without holding them.
   */
  list(query: KeyQuery): Promise<readonly ApiKeyRecord[]>;
  /** Revokes for good. A repeated call changes nothing and returns the record as it is; `null` where unknown. */
  revoke(id: CredentialId, at: number): Promise<ApiKeyRecord | null>;
  /** Adds `replacement` and sets the old key's `expiresAt` and `replacedBy`, one winner of many parallel calls. */
  rotate(id: CredentialId, replacement: ApiKeyRecord, oldExpiresAt: number, now: number): Promise<RotateResult>;
  /** Writes last-used times in one batch. Never moves one back; unknown ids are passed over. */
  touch(uses: ReadonlyMap<CredentialId, number>): Promise<void>;
}

/**
 * A record that is read by its id alone: people, clients, grants, sessions, and what OAuth keeps. Secrets are in it as
 * digests only. Times are wall clock ms.
 */
export interface StoredDocument {
  /** What it is, such as `person`. `[A-Za-z][A-Za-z_]{0,40}`. */
  readonly kind: string;
  /** A public id, or the digest of a secret one. 1 to 512 visible ASCII characters. Unique in its kind. */
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  /** From here on it is as if it were not there; `null` is never. */
  readonly expiresAt: number | null;
  /** Other names of it, each unique in its kind, such as `email:…`. Visible ASCII. */
  readonly lookups: readonly string[];
  /** What it can be listed and removed by, such as `person:usr_…`. Visible ASCII. */
  readonly groups: readonly string[];
  readonly consumedAt: number | null;
  /** 1 at first, and one more with each write. */
  readonly version: number;
}

export type NewDocument = Omit<StoredDocument, "consumedAt" | "version">;

/**
 * Documents. A change is on disk (or acknowledged by Redis), and its tags are in the change log, before the promise
 * resolves; both are written together or not at all. With tags, a change that takes something away resolves only when
 * live instances have applied it, as `KeyStore.revoke` does. Any failure to reach the store rejects with
 * `StoreUnavailable`; nothing else does. What has expired is as if it were not there, for every call.
 */
export interface DocumentStore {
  /** Adds it. False, and nothing is written, where its id or one of its lookups is taken. */
  insert(document: NewDocument, tags?: readonly ChangeTag[]): Promise<boolean>;
  /** Adds it or takes the place of the one with its id, of which `consumedAt` stays. False where a lookup is another's. */
  put(document: NewDocument, tags?: readonly ChangeTag[]): Promise<boolean>;
  /** Takes the place of the one with its id where that is still at `version`; false where it is not. */
  replace(document: NewDocument, version: number, tags?: readonly ChangeTag[]): Promise<boolean>;
  get(kind: string, id: string): Promise<StoredDocument | null>;
  /** By one of its lookups. */
  find(kind: string, lookup: string): Promise<StoredDocument | null>;
  /** Marks it as used: true for one of many parallel calls, over all processes. False where there is none. */
  consume(kind: string, id: string, at: number): Promise<boolean>;
  /** False where there was none. */
  remove(kind: string, id: string, tags?: readonly ChangeTag[]): Promise<boolean>;
  /** Removes all of these kinds that are in the group; returns how many there were. */
  removeGroup(group: string, kinds: readonly string[], tags?: readonly ChangeTag[]): Promise<number>;
  /** Those of a kind in a group, newest first; `after` is the last id of the page before. `limit` is 1 to 1000. */
  list(
    kind: string,
    group: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly StoredDocument[]>;
  /** How many of a kind are in a group. */
  count(kind: string, group: string): Promise<number>;
}

/** Counters over all instances, for limits on attempts. Rejects with `StoreUnavailable` and nothing else. */
export interface CounterStore {
  /** Adds one and tells the sum of the window, which begins with the first and ends `windowMs` later. */
  add(name: string, windowMs: number): Promise<CounterState>;
  /** The sum without adding to it. */
  read(name: string): Promise<CounterState>;
  /** Takes one away again that was added in the window that ends at `resetsAt`; does nothing once that is over. */
  takeBack(name: string, resetsAt: number): Promise<void>;
  /** Back to nought. */
  clear(name: string): Promise<void>;
}

export interface CounterState {
  readonly count: number;
  /** Wall clock ms; 0 where nothing was added. */
  readonly resetsAt: number;
}

/** Where an instance learns of changes made elsewhere. See docs/revocation.md for what it promises. */
export interface ChangeLog {
  /**
   * Calls `onChange` with the tags of every change made by anyone (this process too) since the call.
   * After a gap that cannot be bridged it is called with `["all"]`. Returns what stops it.
   */
  follow(onChange: OnChange): Promise<() => Promise<void>>;
  /**
   * Called before each use of a cached entry: synchronous, about as cheap as its cost in the bench.
   * Applies changes that are already visible (embedded store) before it returns. Throws `StoreUnavailable`
   * where changes may have been missed: the store cannot be asked, or (Redis) the lease is over.
   */
  poll(): void;
  /** Runs `work`; its changes wait for other instances `waitMs` at most. Tells how they spread. */
  report<T>(waitMs: number, work: (soFar: () => Spread) => Promise<T>): Promise<Reported<T>>;
  /**
   * Resolves when all that is in the log by now counts everywhere, as a change that takes something away does: for who
   * finds it made already. Rejects with `StoreUnavailable` where nobody can tell.
   */
  settled(): Promise<void>;
  state(): FollowState;
}

/** Where this instance stands in the change log. */
export interface FollowState {
  /** Number of the last entry applied; -1 while that is unknown. */
  readonly appliedEntry: number;
  /** How long the cache may still be trusted without news of the store, ms; `null` where each use asks the store itself. */
  readonly leaseLeftMs: number | null;
}

/** Calls that failed since the start, by kind. */
export interface StoreErrors {
  /** Not answered in time. */
  readonly timeout: number;
  /** Not made: there was no connection, or the circuit was open. */
  readonly unreachable: number;
  /** Answered with an error, or the connection was lost meanwhile. */
  readonly refused: number;
}

export interface StoreState {
  /** Calls fail at once: there is no connection, or none was answered in time lately. */
  readonly isOut: boolean;
  readonly errors: StoreErrors;
  /** Changes that no replica had in time, so that a failover right then could lose them. */
  readonly unreplicated: number;
}

export interface Store {
  readonly kind: "sqlite" | "redis";
  readonly keys: KeyStore;
  readonly documents: DocumentStore;
  readonly counters: CounterStore;
  readonly activity: ActivityStore;
  readonly changes: ChangeLog;
  /** Resolves where the store answers now. */
  ping(): Promise<void>;
  /** How the store does, for metrics. Asks nobody. */
  state(): StoreState;
  close(): Promise<void>;
}

/** In core, because pages answer it and know no store. */
export { StoreUnavailable } from "../core/store-unavailable.ts";

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
