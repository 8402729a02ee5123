import type { Clock } from "../core/clock.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { createRedisActivity } from "./redis-activity.ts";
import { createRedisChanges } from "./redis-changes.ts";
import { connectRedis, DEFAULT_TIMEOUTS, type RedisConnection, type RedisTimeouts } from "./redis-connection.ts";
import { createRedisCounters } from "./redis-counters.ts";
import { createRedisDocuments } from "./redis-documents.ts";
import { createRedisKeys } from "./redis-keys.ts";
import { parseRedisUrl } from "./redis-url.ts";
import type { Store, StoreLog } from "./types.ts";

export interface RedisStoreOptions {
  /** See `parseRedisUrl`. May hold a password; it is in no log and no error. */
  readonly url: string;
  readonly clock: Clock;
  readonly log?: StoreLog;
  readonly timeouts?: Partial<RedisTimeouts>;
  /** What this process is called in reports on changes; a name of its own. */
  readonly instance?: string;
  /** How long a cut-off instance trusts its cache, ms. The same for all instances, or the longest counts. */
  readonly leaseMs?: number;
}

/** Some time-outs at once are one cause, so a few are needed; a trial costs one caller `commandMs`. */
const BREAKER = { failures: 5, firstMs: 250, longestMs: 2000 } as const;

const SILENT: StoreLog = { info() {}, warn() {} };

/**
 * Opens a store on Redis (7.0 or later). Returns at once and connects in the background: while Redis is down,
 * every call rejects with `StoreUnavailable` in bounded time. Throws only where the URL is malformed.
 */
export function openRedisStore(options: RedisStoreOptions): Store {
  const { url, clock, log = SILENT, timeouts: given, instance = `process-${process.pid}`, leaseMs = 10_000 } = options;
  const target = parseRedisUrl(url);
  const timeouts = { ...DEFAULT_TIMEOUTS, ...given };
  const breaker = new CircuitBreaker({ clock, random: Math.random, ...BREAKER });
  const connection = connectRedis({ target, timeouts, log, sending: "batched", breaker });
  const connect = (): RedisConnection => connectRedis({ target, timeouts, log: SILENT, sending: "in_order" });
  const changes = createRedisChanges({ connection, connect, clock, log, instance, leaseMs });
  return {
    kind: "redis",
    keys: createRedisKeys({ connection, clock, changes }),
    documents: createRedisDocuments({ connection, clock, changes }),
    counters: createRedisCounters({ connection, clock }),
    activity: createRedisActivity({ connection }),
    changes,
    circuitIsOpen: () => connection.circuitIsOpen,
    async ping() {
      await connection.send("ping", []);
    },
    async close() {
      await changes.close();
      connection.close();
    },
  };
}
