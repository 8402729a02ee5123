import type { Clock } from "../core/clock.ts";
import { createRedisActivity } from "./redis-activity.ts";
import { readStoreTls, type StoreTlsFiles } from "./redis-client.ts";
import { createRedisChanges } from "./redis-changes.ts";
import { connectRedis, DEFAULT_TIMEOUTS, type RedisConnection, type RedisTimeouts } from "./redis-connection.ts";
import { createRedisCounters } from "./redis-counters.ts";
import { createRedisDocuments } from "./redis-documents.ts";
import { createRedisKeys } from "./redis-keys.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { createReplicas } from "./redis-replicas.ts";
import { parseRedisUrl } from "./redis-url.ts";
import type { Store, StoreLog } from "./types.ts";

export interface RedisStoreOptions {
  /** See `parseRedisUrl`. May hold a password; it is in no log and no error. */
  readonly url: string;
  /** For `rediss:`. */
  readonly tls?: StoreTlsFiles | undefined;
  readonly clock: Clock;
  readonly log?: StoreLog;
  readonly timeouts?: Partial<RedisTimeouts>;
  /** What this process is called in reports on changes; a name of its own. */
  readonly instance?: string;
  /** How long a cut-off instance trusts its cache, ms. The same for all instances, or the longest counts. */
  readonly leaseMs?: number;
}

const SILENT: StoreLog = { info() {}, warn() {} };

/**
 * Opens a store on Redis (7.0 or later). Returns at once and connects in the background: while Redis is down,
 * every call rejects with `StoreUnavailable` in bounded time. Throws only where the URL is malformed or a
 * file for TLS cannot be read.
 */
export function openRedisStore(options: RedisStoreOptions): Store {
  const { url, clock, log = SILENT, timeouts: given, instance = `process-${process.pid}`, leaseMs = 10_000 } = options;
  const target = parseRedisUrl(url);
  const timeouts = { ...DEFAULT_TIMEOUTS, ...given };
  const to = { target, tls: readStoreTls(options.tls ?? {}), timeouts };
  const connection = connectRedis({ ...to, log, use: "shared" });
  const connect = (): RedisConnection => connectRedis({ ...to, log: SILENT, use: "own" });
  const replicas = createReplicas({ connection, connect, clock, log });
  const changes = createRedisChanges({ connection, connect, replicas, clock, log, instance, leaseMs });
  return {
    kind: "redis",
    keys: createRedisKeys({ connection, clock, changes }),
    documents: createRedisDocuments({ connection, clock, changes }),
    counters: createRedisCounters({ connection, clock }),
    activity: createRedisActivity({ connection }),
    changes,
    async ping() {
      // With a key: in a cluster, the node that holds ours is to answer.
      await connection.send("get", [REDIS_KEYS.changeCount]);
    },
    state: () => ({ isOut: connection.isOut(), errors: connection.errors, unreplicated: replicas.missed() }),
    async close() {
      await changes.close();
      replicas.close();
      connection.close();
    },
  };
}
