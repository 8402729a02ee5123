import { readFileSync } from "node:fs";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { RedisTarget } from "./redis-url.ts";

/** PEM files for `rediss:`. Read once, when the store is opened. */
export interface StoreTlsFiles {
  /** Who must have signed the server's certificate; without it, an authority that Node knows. */
  readonly ca?: string | undefined;
  /** Our own certificate, where the server asks for one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface StoreTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The part of ioredis that is used: alike for one server, a Sentinel group and a cluster. */
export interface RedisClient {
  readonly status: string;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  pipeline(commands: (string | number)[][]): { exec(): Promise<[Error | null, unknown][] | null> };
  on(event: "ready" | "close" | "error", listener: (error?: unknown) => void): unknown;
  disconnect(): void;
}

/** After this long without an answer that is due, the socket counts as dead and is made anew. */
const DEAD_SOCKET_MS = 2500;
const MAX_BACKOFF_MS = 1000;
/** A server that has become a replica is looked for elsewhere, by a new connection, but no more often than this. */
const READONLY_MS = 5000;

/** Reads the files. Throws with the name of one that cannot be read. */
export function readStoreTls({ ca, cert, key }: StoreTlsFiles): StoreTls {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  };
}

export interface ClientOptions {
  readonly target: RedisTarget;
  readonly tls: StoreTls;
  readonly connectMs: number;
  /** Sends the commands of one turn together. */
  readonly batched: boolean;
}

/** Connects in the background, for ever. */
export function createRedisClient({ batched, connectMs, target, tls }: ClientOptions): RedisClient {
  const common = {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls ? { tls } : {}),
    // Replies in one shape, whatever the server's version.
    protocol: 2,
    // A command less that an ACL would have to allow.
    disableClientInfo: true,
    connectTimeout: connectMs,
    socketTimeout: DEAD_SOCKET_MS,
    enableAutoPipelining: batched,
    // A write that was given up must not be sent again behind the caller's back.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: reconnectFromReplica(),
  } satisfies RedisOptions;
  if (target.mode === "cluster") {
    return new Cluster([...target.nodes], {
      enableOfflineQueue: false,
      enableAutoPipelining: batched,
      clusterRetryStrategy: backoff,
      clusterNodeRetryStrategy: backoff,
      redisOptions: common,
    });
  }
  const options = { ...common, db: target.db, enableOfflineQueue: false, retryStrategy: backoff };
  if (target.mode === "sentinel") {
    return new Redis({
      ...options,
      sentinels: [...target.sentinels],
      name: target.name,
      sentinelRetryStrategy: backoff,
      failoverDetector: true,
      ...(target.tls ? { sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
    });
  }
  return new Redis({ ...options, host: target.host, port: target.port });
}

/** A server that only reads would else be left after each write, and reads would find no connection. */
function reconnectFromReplica(): (error: Error) => boolean {
  let next = -Infinity;
  return (error) => {
    if (!error.message.startsWith("READONLY") || performance.now() < next) return false;
    next = performance.now() + READONLY_MS;
    return true;
  };
}

/** Milliseconds before the next attempt. Jitter, because instances that lost the same Redis must not return in step. */
function backoff(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), MAX_BACKOFF_MS) * (0.75 + Math.random() / 4);
}
