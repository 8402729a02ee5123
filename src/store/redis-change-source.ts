import { z } from "zod";
import type {
  Answer,
  ChangeSource,
  Entry,
  FollowerRegister,
  FollowerState,
  Position,
} from "../revocation/change-source.ts";
import { splitTags } from "./record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { FOLLOWERS, LEAVE, NEWEST, REGISTER } from "./redis-scripts.ts";
import { StoreUnavailable } from "./types.ts";

/** Entries read at once. */
const BATCH = 500;
const FOLLOWER_KEYS = [REDIS_KEYS.followers, REDIS_KEYS.applied] as const;
const LOG_KEYS = [REDIS_KEYS.changes, REDIS_KEYS.changeCount] as const;

const entrySchema = z.tuple([z.string().regex(/^\d+-\d+$/), z.array(z.string())]).transform(([id, fields]): Entry => {
  const n = Number(fieldOf(fields, "n"));
  // An entry that is not understood counts as a gap.
  const [after, tags] = [fieldOf(fields, "after"), splitTags(fieldOf(fields, "tags"))];
  return { id, n: Number.isInteger(n) ? n : -1, after, tags };
});
const entriesSchema = z.array(entrySchema);
const readSchema = z
  .array(z.tuple([z.string(), entriesSchema]))
  .nullable()
  .transform((streams) => streams?.[0]?.[1] ?? []);

const answerSchema = z
  .union([z.literal(1), z.literal(0), z.literal(-1)])
  .transform((code): Answer => (code === 1 ? "granted" : code === 0 ? "behind" : "diverged"));

const newestSchema = z.tuple([z.string(), z.number()]).transform(([id, n]): Position => ({ id, n }));

const followersSchema = z.array(z.union([z.string(), z.number()])).transform((flat) => {
  const states: FollowerState[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    states.push({ name: String(flat[i]), applied: Number(flat[i + 1]), leftMs: Number(flat[i + 2]) });
  }
  return states;
});

/**
 * The change log in a stream, for one follower. Reads block, so they have `reading`, a connection of their own;
 * `connection` is the store's, on which a follower can leave while a read waits.
 */
export function createRedisChangeSource(reading: RedisConnection, connection: RedisConnection): ChangeSource {
  return {
    async newest() {
      return newestSchema.parse(await reading.send("eval", [NEWEST, LOG_KEYS.length, ...LOG_KEYS]));
    },
    async read(after: Position, waitMs: number) {
      const args = ["COUNT", BATCH, "BLOCK", waitMs, "STREAMS", REDIS_KEYS.changes, after.id];
      return readSchema.parse(await reading.send("xread", args, waitMs));
    },
    async register({ follower, applied, waitMs, closed }) {
      const keys = [...FOLLOWER_KEYS, REDIS_KEYS.closed, ...LOG_KEYS];
      const counts = closed.flatMap(({ n, streams }) => [n, streams]);
      const values = [follower, applied.n, applied.id, waitMs, ...counts];
      return answerSchema.parse(await reading.send("eval", [REGISTER, keys.length, ...keys, ...values]));
    },
    async leave(follower) {
      await connection.send("eval", [LEAVE, FOLLOWER_KEYS.length, ...FOLLOWER_KEYS, follower]);
    },
    close: () => reading.close(),
  };
}

/** Those who follow the stream. */
export function createRedisFollowers(connection: RedisConnection): FollowerRegister {
  return {
    async followers(n) {
      const keys = [...FOLLOWER_KEYS, REDIS_KEYS.changeCount];
      const reply = await connection.send("eval", [FOLLOWERS, keys.length, ...keys, n]);
      if (reply === null) throw new StoreUnavailable("Redis has lost a change that it had acknowledged");
      return followersSchema.parse(reply);
    },
    async closed(n) {
      const count = await connection.send("hget", [REDIS_KEYS.closed, n]);
      return count === null ? 0 : z.coerce.number().parse(count);
    },
  };
}

function fieldOf(fields: readonly string[], name: string): string {
  const at = fields.indexOf(name);
  return at < 0 ? "" : (fields[at + 1] ?? "");
}
