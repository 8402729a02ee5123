import { z } from "zod";
import type {
  Answer,
  ChangeSource,
  Entry,
  FollowerRegister,
  FollowerState,
  Position,
} from "../revocation/change-source.ts";
import { START } from "../revocation/change-source.ts";
import { splitTags } from "./record.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { FOLLOWERS, LEAVE, REGISTER } from "./redis-scripts.ts";

/** Entries read at once. */
const BATCH = 500;
const FOLLOWER_KEYS = [REDIS_KEYS.followers, REDIS_KEYS.applied] as const;

const entrySchema = z.tuple([z.string().regex(/^\d+-\d+$/), z.array(z.string())]).transform(([id, fields]): Entry => {
  const n = Number(fieldOf(fields, "n"));
  // An entry that is not understood counts as a gap.
  return { id, n: Number.isInteger(n) ? n : -1, tags: splitTags(fieldOf(fields, "tags")) };
});
const entriesSchema = z.array(entrySchema);
const readSchema = z
  .array(z.tuple([z.string(), entriesSchema]))
  .nullable()
  .transform((streams) => streams?.[0]?.[1] ?? []);

const answerSchema = z
  .union([z.literal(1), z.literal(0), z.literal(-1)])
  .transform((code): Answer => (code === 1 ? "granted" : code === 0 ? "behind" : "diverged"));

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
      const reply = await reading.send("xrevrange", [REDIS_KEYS.changes, "+", "-", "COUNT", 1]);
      return entriesSchema.parse(reply)[0] ?? START;
    },
    async read(after: Position, waitMs: number) {
      const args = ["COUNT", BATCH, "BLOCK", waitMs, "STREAMS", REDIS_KEYS.changes, after.id];
      return readSchema.parse(await reading.send("xread", args, waitMs));
    },
    async register({ follower, applied, waitMs, closed }) {
      const keys = [...FOLLOWER_KEYS, REDIS_KEYS.closed, REDIS_KEYS.changes, REDIS_KEYS.changeCount];
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
    async followers() {
      return followersSchema.parse(await connection.send("eval", [FOLLOWERS, FOLLOWER_KEYS.length, ...FOLLOWER_KEYS]));
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
