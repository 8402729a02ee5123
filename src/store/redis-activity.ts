import { z } from "zod";
import type { Activity } from "../core/activity.ts";
import {
  ACTIVITY_FILTERS,
  ACTIVITY_KEPT,
  ACTIVITY_LOOKED_AT,
  type ActivityEntry,
  type ActivityPage,
  type ActivityQuery,
  type ActivityStore,
  decodeActivity,
  encodeActivity,
  hasUnknownCursor,
  splitActivityId,
} from "./activity.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { APPEND_ACTIVITY } from "./redis-scripts.ts";
import { StoreUnavailable } from "./types.ts";

/** Entries written by one script, and read by one command. */
const CHUNK = 200;
/** How much later than its time an entry may arrive and still be found by `to`: instances' clocks differ. */
const LATE_MS = 3_600_000;

const stream = z.array(z.tuple([z.string(), z.tuple([z.literal("entry"), z.string()])]));

/**
 * Activity in a stream, read from its end in chunks of 200 entries and filtered here: 50 chunks a call at most. The
 * number before the dash of an id is never less than the entry's time.
 */
export function createRedisActivity({ connection }: { readonly connection: RedisConnection }): ActivityStore {
  return {
    async append(entries) {
      for (let first = 0; first < entries.length; first += CHUNK) {
        const batch = entries.slice(first, first + CHUNK);
        const values = batch.flatMap((one) => [one.at, encodeActivity(one)]);
        // In turn: their order is theirs.
        await connection.send("eval", [APPEND_ACTIVITY, 1, REDIS_KEYS.activity, ACTIVITY_KEPT, ...values]);
      }
    },
    async get(id) {
      if (splitActivityId(id) === null) return null;
      const [found] = await readChunk(connection, id, id);
      return found === undefined ? null : decodeActivity(id, found[1][1]);
    },
    list: async (query) => (hasUnknownCursor(query) ? { items: [], next: null } : readPage(connection, query)),
  };
}

async function readPage(connection: RedisConnection, query: ActivityQuery): Promise<ActivityPage> {
  const items: ActivityEntry[] = [];
  let high = highest(query);
  let last: string | null = null;
  for (let looked = 0; looked < ACTIVITY_LOOKED_AT; looked += CHUNK) {
    // Each chunk begins where the one before ended.
    const chunk = await readChunk(connection, high, lowest(query));
    for (const [id, [, json]] of chunk) {
      const entry = decodeActivity(id, json);
      if (!matches(entry, query)) continue;
      if (items.length === query.limit) return { items, next: items.at(-1)?.id ?? null };
      items.push(entry);
    }
    last = chunk.at(-1)?.[0] ?? null;
    if (last === null || chunk.length < CHUNK) return { items, next: null };
    high = `(${last}`;
  }
  return { items, next: last };
}

async function readChunk(connection: RedisConnection, high: string, low: string): Promise<z.infer<typeof stream>> {
  const parsed = stream.safeParse(await connection.send("xrevrange", [REDIS_KEYS.activity, high, low, "COUNT", CHUNK]));
  if (!parsed.success) throw new StoreUnavailable("a stored activity cannot be understood");
  return parsed.data;
}

function highest({ after, to }: ActivityQuery): string {
  if (after !== undefined) return `(${after}`;
  return to === undefined ? "+" : String(Math.max(0, to + LATE_MS));
}

function lowest({ before, from }: ActivityQuery): string {
  if (before !== undefined) return `(${before}`;
  return from === undefined ? "-" : String(Math.max(0, from));
}

function matches(entry: Activity, query: ActivityQuery): boolean {
  const { from, to } = query;
  if ((from !== undefined && entry.at < from) || (to !== undefined && entry.at >= to)) return false;
  return ACTIVITY_FILTERS.every((name) => query[name] === undefined || entry[name] === query[name]);
}
