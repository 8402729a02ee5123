import type { RedisChanges } from "./redis-changes.ts";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { canBeNamed, canExist, encodeDocument, parseJson, readDocument } from "./document.ts";
import { joinTags } from "./record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { CONSUME, COUNT, DOCUMENT_FIELDS, FIND, LIST, REMOVE, REMOVE_GROUP, WRITE } from "./redis-document-scripts.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import { type DocumentStore, type NewDocument, type StoredDocument, StoreUnavailable } from "./types.ts";

const LOG = [REDIS_KEYS.changes, REDIS_KEYS.changeCount] as const;

const integer = z.number().int();
const removal = z.tuple([integer, integer]);
const rows = z.array(z.unknown());

interface RedisDocumentsOptions {
  readonly connection: RedisConnection;
  /** Says what has expired. */
  readonly clock: Clock;
  readonly changes: Pick<RedisChanges, "applied">;
}

/** Documents as hashes. See `redis-layout.ts` for the names and docs/store.md for the shapes. */
export function createRedisDocuments(options: RedisDocumentsOptions): DocumentStore {
  return new RedisDocuments(options);
}

class RedisDocuments implements DocumentStore {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #changes: Pick<RedisChanges, "applied">;

  constructor({ connection, clock, changes }: RedisDocumentsOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#changes = changes;
  }

  async insert(document: NewDocument, tags: readonly ChangeTag[] = []): Promise<boolean> {
    const n = await this.#write("insert", document, tags);
    if (n > 0) await this.#changes.applied(n, "adds");
    return n >= 0;
  }

  async put(document: NewDocument, tags: readonly ChangeTag[] = []): Promise<boolean> {
    const n = await this.#write("put", document, tags);
    return (await this.#waited(n)) >= 0;
  }

  async replace(document: NewDocument, version: number, tags: readonly ChangeTag[] = []): Promise<boolean> {
    const n = await this.#write(version, document, tags);
    return (await this.#waited(n)) >= 0;
  }

  async get(kind: string, id: string): Promise<StoredDocument | null> {
    if (!canExist(kind, id)) return null;
    return this.#alive(kind, await this.#connection.send("hmget", [REDIS_KEYS.document(kind, id), ...DOCUMENT_FIELDS]));
  }

  async find(kind: string, lookup: string): Promise<StoredDocument | null> {
    if (!canBeNamed(kind, lookup)) return null;
    const found = this.#alive(kind, await this.#script(FIND, [REDIS_KEYS.lookup(kind, lookup)], [kind]));
    return found?.lookups.includes(lookup) === true ? found : null;
  }

  async consume(kind: string, id: string, at: number): Promise<boolean> {
    if (!canExist(kind, id)) return false;
    const values = [this.#clock.now(), Math.trunc(at)];
    return understood(integer, await this.#script(CONSUME, [REDIS_KEYS.document(kind, id)], values)) === 1;
  }

  async remove(kind: string, id: string, tags: readonly ChangeTag[] = []): Promise<boolean> {
    if (!canExist(kind, id)) return false;
    const keys = [REDIS_KEYS.document(kind, id), ...LOG];
    const reply = await this.#script(REMOVE, keys, [this.#clock.now(), textOf(tags), kind, id]);
    const [n, removed] = understood(removal, reply);
    await this.#waited(n);
    return removed > 0;
  }

  async removeGroup(group: string, kinds: readonly string[], tags: readonly ChangeTag[] = []): Promise<number> {
    const named = [...new Set(kinds)].filter((kind) => canBeNamed(kind, group));
    const groups = named.flatMap((kind) => [REDIS_KEYS.group(kind, group), REDIS_KEYS.groupExpiry(kind, group)]);
    const values = [this.#clock.now(), textOf(tags), group, ...named];
    const [n, removed] = understood(removal, await this.#script(REMOVE_GROUP, [...LOG, ...groups], values));
    await this.#waited(n);
    return removed;
  }

  async list(
    kind: string,
    group: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): Promise<readonly StoredDocument[]> {
    if (!canBeNamed(kind, group) || (after !== undefined && !canExist(kind, after))) return [];
    const keys = [REDIS_KEYS.group(kind, group), REDIS_KEYS.groupExpiry(kind, group)];
    const reply = await this.#script(LIST, keys, [this.#clock.now(), kind, group, limit, after ?? ""]);
    return understood(rows, reply)
      .map((row) => decode(kind, row))
      .filter((document) => document !== null);
  }

  async count(kind: string, group: string): Promise<number> {
    if (!canBeNamed(kind, group)) return 0;
    const keys = [REDIS_KEYS.group(kind, group), REDIS_KEYS.groupExpiry(kind, group)];
    return understood(integer, await this.#script(COUNT, keys, [this.#clock.now()]));
  }

  /** The number of its entry in the change log, 0 without tags, -1 where it may not. */
  async #write(mode: "insert" | "put" | number, document: NewDocument, tags: readonly ChangeTag[]): Promise<number> {
    const { kind, id, value, createdAt, expiresAt, lookups, groups } = encodeDocument(document);
    const head = [mode, this.#clock.now(), textOf(tags), kind, id, value, createdAt, expiresAt ?? ""];
    const values = [...head, JSON.stringify(lookups), JSON.stringify(groups)];
    return understood(integer, await this.#script(WRITE, [REDIS_KEYS.document(kind, id), ...LOG], values));
  }

  /** Where it cannot be told who has applied the change, the call fails: it may have taken something away. */
  async #waited(n: number): Promise<number> {
    if (n > 0) await this.#changes.applied(n, "takes");
    return n;
  }

  #alive(kind: string, reply: unknown): StoredDocument | null {
    const document = decode(kind, reply);
    if (document === null || document.expiresAt === null) return document;
    return document.expiresAt > this.#clock.now() ? document : null;
  }

  #script(script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.send("eval", [script, keys.length, ...keys, ...values]);
  }
}

function textOf(tags: readonly ChangeTag[]): string {
  return tags.length === 0 ? "" : joinTags(tags);
}

function understood<T>(schema: z.ZodType<T>, reply: unknown): T {
  const parsed = schema.safeParse(reply);
  if (!parsed.success) throw new StoreUnavailable("Redis gave an answer that cannot be understood");
  return parsed.data;
}

/** Reads the answer to HMGET of `DOCUMENT_FIELDS`; `null` where there is no document. */
function decode(kind: string, reply: unknown): StoredDocument | null {
  if (reply === null) return null;
  const values = understood(rows, reply);
  if (values.every((value) => value === null)) return null;
  const [id, value, createdAt, expiresAt, lookups, groups, consumedAt, version] = values;
  return readDocument({
    kind,
    id,
    value: parseJson(value),
    createdAt: numberOf(createdAt),
    expiresAt: numberOf(expiresAt),
    lookups: parseJson(lookups),
    groups: parseJson(groups),
    consumedAt: numberOf(consumedAt),
    version: numberOf(version),
  });
}

function numberOf(value: unknown): unknown {
  return typeof value === "string" && value !== "" ? Number(value) : value;
}
