import { z } from "zod";
import { type CredentialId, type Digest, isCredentialId } from "../core/ids.ts";
import { joinTags, tagsOf } from "./record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { decodeRecord, encodeRecord, RECORD_FIELDS, REDIS_KEYS } from "./redis-layout.ts";
import { CREATE, PAGE, REVOKE, ROTATE, TOUCH } from "./redis-scripts.ts";
import { type ApiKeyRecord, type KeyStore, RecordExists, type RotateResult, StoreUnavailable } from "./types.ts";

/** Records written by one script. */
const TOUCH_BATCH = 500;

const changed = z.tuple([z.number(), z.unknown()]);

type Applied = (n: number) => Promise<void>;

/** API keys as hashes. See `redis-layout.ts` for the names and docs/store.md for the shapes. */
export function createRedisKeys(options: {
  readonly connection: RedisConnection;
  /** Resolves when all live instances have applied entry `n` of the change log, or the time for it is over. */
  readonly applied: Applied;
}): KeyStore {
  return new RedisKeys(options.connection, options.applied);
}

class RedisKeys implements KeyStore {
  readonly #connection: RedisConnection;
  readonly #applied: Applied;

  constructor(connection: RedisConnection, applied: Applied) {
    this.#connection = connection;
    this.#applied = applied;
  }

  async create(record: ApiKeyRecord): Promise<void> {
    const { record: keyOf, byDigest, newest, changes, changeCount } = REDIS_KEYS;
    const keys = [keyOf(record.id), byDigest, newest, changes, changeCount];
    const values = [record.id, record.digest, record.createdAt, joinTags(tagsOf(record)), ...encodeRecord(record)];
    const reply = await this.#script(CREATE, keys, values);
    if (reply === 0) throw new RecordExists();
    await this.#appliedIfUp(z.number().parse(reply));
  }

  async findByDigest(digest: Digest): Promise<ApiKeyRecord | null> {
    const id = await this.#connection.send("hget", [REDIS_KEYS.byDigest, digest]);
    return id === null ? null : this.get(asId(id));
  }

  async get(id: CredentialId): Promise<ApiKeyRecord | null> {
    return decodeRecord(await this.#connection.send("hmget", [REDIS_KEYS.record(id), ...RECORD_FIELDS]));
  }

  async list(page: { readonly after?: CredentialId; readonly limit: number }): Promise<readonly ApiKeyRecord[]> {
    const reply = await this.#script(PAGE, [REDIS_KEYS.newest], [page.limit, page.after ?? ""]);
    const records = await Promise.all(
      z
        .array(z.unknown())
        .parse(reply)
        .map((id) => this.get(asId(id))),
    );
    return records.filter((record) => record !== null);
  }

  async revoke(id: CredentialId, at: number): Promise<ApiKeyRecord | null> {
    const keys = [REDIS_KEYS.record(id), REDIS_KEYS.changes, REDIS_KEYS.changeCount];
    const reply = await this.#script(REVOKE, keys, [at, `credential:${id}`]);
    if (reply === null) return null;
    const [n, record] = changed.parse(reply);
    // Where it cannot be told who has applied it, the call fails: repeating it is safe.
    await this.#applied(n);
    return decodeRecord(record);
  }

  async rotate(id: CredentialId, replacement: ApiKeyRecord, oldExpiresAt: number, now: number): Promise<RotateResult> {
    const { record: keyOf, byDigest, newest, changes, changeCount } = REDIS_KEYS;
    const keys = [keyOf(id), keyOf(replacement.id), byDigest, newest, changes, changeCount];
    const tags = joinTags([`credential:${id}`, ...tagsOf(replacement)]);
    const head = [replacement.id, replacement.digest, replacement.createdAt];
    const reply = await this.#script(ROTATE, keys, [oldExpiresAt, now, tags, ...head, ...encodeRecord(replacement)]);
    if (reply === -1) return { kind: "not_found" };
    if (reply === -2) return { kind: "not_active" };
    if (reply === -3) throw new RecordExists();
    const [n, record] = changed.parse(reply);
    await this.#appliedIfUp(n);
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
      // oxlint-disable-next-line no-await-in-loop
      await this.#script(TOUCH, keys, times);
    }
  }

  #script(script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.send("eval", [script, keys.length, ...keys, ...values]);
  }

  /** These changes cannot be repeated, and the key they made would be lost: they are done once they are written. */
  async #appliedIfUp(n: number): Promise<void> {
    try {
      await this.#applied(n);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}

function asId(id: unknown): CredentialId {
  if (typeof id === "string" && isCredentialId(id)) return id;
  throw new StoreUnavailable("a stored credential id cannot be understood");
}
