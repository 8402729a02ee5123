import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { counterKey, NOTHING_COUNTED } from "./counter.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { COUNT_DOWN, COUNT_UP } from "./redis-document-scripts.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { type CounterState, type CounterStore, StoreUnavailable } from "./types.ts";

const stateSchema = z
  .tuple([z.coerce.number().int(), z.coerce.number().int()])
  .transform(([count, resetsAt]): CounterState => ({ count, resetsAt }));

/** Counters as hashes that end with their window. */
export function createRedisCounters({
  connection,
  clock,
}: {
  readonly connection: RedisConnection;
  readonly clock: Clock;
}): CounterStore {
  return {
    async add(name, windowMs) {
      const values = [REDIS_KEYS.counter(counterKey(name)), clock.now(), Math.ceil(windowMs)];
      return readState(await connection.send("eval", [COUNT_UP, 1, ...values]));
    },
    async read(name) {
      const reply = await connection.send("hmget", [REDIS_KEYS.counter(counterKey(name)), "count", "resetsAt"]);
      if (Array.isArray(reply) && reply[0] === null) return NOTHING_COUNTED;
      const state = readState(reply);
      return state.resetsAt > clock.now() ? state : NOTHING_COUNTED;
    },
    async takeBack(name, resetsAt) {
      await connection.send("eval", [COUNT_DOWN, 1, REDIS_KEYS.counter(counterKey(name)), resetsAt]);
    },
    async clear(name) {
      await connection.send("del", [REDIS_KEYS.counter(counterKey(name))]);
    },
  };
}

function readState(reply: unknown): CounterState {
  const parsed = stateSchema.safeParse(reply);
  if (!parsed.success) throw new StoreUnavailable("a stored counter cannot be understood");
  return parsed.data;
}
