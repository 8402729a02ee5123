import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { CredentialId, Digest } from "../core/ids.ts";
import { joinTags, tagsOf } from "./record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { asId, createRedisKeyList, last4Member, nameMember } from "./redis-key-list.ts";
import type { RedisChanges } from "./redis-changes.ts";
import { decodeRecord, encodeRecord, RECORD_FIELDS, REDIS_KEYS } from "./redis-layout.ts";
import { CREATE, REVOKE, ROTATE, TOUCH } from "./redis-scripts.ts";
import {
  type ApiKeyRecord,
  type KeyQuery,
  type KeyStore,
  RecordExists,
  type RotateResult,
  StoreUnavailable,
} from "./types.ts";

/** Records written by one script. */
const TOUCH_BATCH = 500;

/** What each script that adds a key writes, besides records. */
const WRITTEN = [
  REDIS_KEYS.changes,
  REDIS_KEYS.changeCount,
  REDIS_KEYS.byDigest,
  REDIS_KEYS.newest,
  REDIS_KEYS.names,
  REDIS_KEYS.last4,
] as const;

const changed = z.tuple([z.number(), z.unknown()]);

/** API keys as hashes. See `redis-layout.ts` for the names and docs/store.md for the shapes. */
export function createRedisKeys(options: {
  readonly connection: RedisConnection;
  /** Says what has expired, for lists. */
  readonly clock: Pick<Clock, "now">;
  readonly changes: Pick<RedisChanges, "applied">;
}): KeyStore {
  return new RedisKeys(options);
}

class RedisKeys implements KeyStore {
  readonly #connection: RedisConnection;
  readonly #changes: Pick<RedisChanges, "applied">;
  readonly #list: KeyStore["list"];

  constructor({ connection, clock, changes }: Parameters<typeof createRedisKeys>[0]) {
    this.#connection = connection;
    this.#changes = changes;
    this.#list = createRedisKeyList({ connection, clock, get: (id) => this.get(id) });
  }

  async create(record: ApiKeyRecord): Promise<void> {
    const keys = [...WRITTEN, REDIS_KEYS.record(record.id)];
    const reply = await this.#script(CREATE, keys, [joinTags(tagsOf(record)), ...newKey(record)]);
    if (reply === 0) throw new RecordExists();
    await this.#changes.applied(z.number().parse(reply), "adds");
  }

  async findByDigest(digest: Digest): Promise<ApiKeyRecord | null> {
    const id = await this.#connection.send("hget", [REDIS_KEYS.byDigest, digest]);
    return id === null ? null : this.get(asId(id));
  }

  async get(id: CredentialId): Promise<ApiKeyRecord | null> {
    return decodeRecord(await this.#connection.send("hmget", [REDIS_KEYS.record(id), ...RECORD_FIELDS]));
  }

  list(query: KeyQuery): Promise<readonly ApiKeyRecord[]> {
    return this.#list(query);
  }

  async revoke(id: CredentialId, at: number): Promise<ApiKeyRecord | null> {
    const keys = [REDIS_KEYS.record(id), REDIS_KEYS.changes, REDIS_KEYS.changeCount];
    const reply = await this.#script(REVOKE, keys, [at, `credential:${id}`]);
    if (reply === null) return null;
    const [n, record] = changed.parse(reply);
    // Where it cannot be told who has applied it, the call fails: repeating it is safe.
    await this.#changes.applied(n, "takes");
    return decodeRecord(record);
  }

  async rotate(id: CredentialId, replacement: ApiKeyRecord, oldExpiresAt: number, now: number): Promise<RotateResult> {
    const keys = [...WRITTEN, REDIS_KEYS.record(id), REDIS_KEYS.record(replacement.id)];
    const tags = joinTags([`credential:${id}`, ...tagsOf(replacement)]);
    const reply = await this.#script(ROTATE, keys, [tags, oldExpiresAt, now, ...newKey(replacement)]);
    if (reply === -1) return { kind: "not_found" };
    if (reply === -2) return { kind: "not_active" };
    if (reply === -3) throw new RecordExists();
    const [n, record] = changed.parse(reply);
    await this.#changes.applied(n, "replaces");
    const old = decodeRecord(record);
    if (old === null) throw new StoreUnavailable("a rotated API key vanished");
    return { kind: "rotated", old };
  }

  async touch(uses: ReadonlyMap<CredentialId, number>): Promise<void> {
    const all = [...uses];
    for (let first = 0; first < all.length; first += TOUCH_BATCH) {
      const batch = all.slice(first, first + TOUCH_BATCH);
      const keys = batch.map(([id]) => REDIS_KEYS.record(id));
      const times = batch.map(([, at]) => at);
      // In turn: a long list must not hold up the server for all others.
      await this.#script(TOUCH, keys, times);
    }
  }

  #script(script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.send("eval", [script, keys.length, ...keys, ...values]);
  }
}

/** What a script that adds a key takes of it. */
function newKey(record: ApiKeyRecord): (string | number)[] {
  const members = [nameMember(record), last4Member(record)];
  return [record.id, record.digest, record.createdAt, ...members, ...encodeRecord(record)];
}
