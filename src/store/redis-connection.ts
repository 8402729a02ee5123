import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { RedisTarget } from "./redis-url.ts";
import { type StoreLog, StoreUnavailable } from "./types.ts";

/** Bounds, in milliseconds. */
export interface RedisTimeouts {
  /** For each command, however Redis fails. */
  readonly commandMs: number;
  readonly connectMs: number;
}

export const DEFAULT_TIMEOUTS: RedisTimeouts = { commandMs: 500, connectMs: 2000 };

/** The part of ioredis that is used: alike for one server, a Sentinel group and a cluster. */
interface RedisClient {
  readonly status: string;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  on(event: "ready" | "close" | "error", listener: (error?: unknown) => void): unknown;
  disconnect(): void;
}

/** One connection. Commands never hang, and fail at once while it is down; it reconnects for ever. */
export interface RedisConnection {
  /**
   * Sends one command. Rejects with `StoreUnavailable`, within `commandMs` (plus `extraMs` for a blocking one), and at
   * once while the circuit is open. A write that timed out may still have happened.
   */
  send(command: string, args: readonly (string | number)[], extraMs?: number): Promise<unknown>;
  /** True while commands are refused without being sent, because the ones before had no answer. */
  readonly circuitIsOpen: boolean;
  close(): void;
}

/** After this long without an answer that is due, the socket counts as dead and is made anew. */
const DEAD_SOCKET_MS = 2500;
const MAX_BACKOFF_MS = 1000;

export interface ConnectOptions {
  readonly target: RedisTarget;
  readonly timeouts: RedisTimeouts;
  readonly log: StoreLog;
  /** `batched` sends the commands of one turn together; `in_order` each at once, for one that blocks. */
  readonly sending: "batched" | "in_order";
  /** Without it every command is tried: for one that only waits, such as a follower. */
  readonly breaker?: CircuitBreaker;
}

/** Opens a connection in the background: returns at once, Redis may come up later. */
export function connectRedis({ target, timeouts, log, sending, breaker }: ConnectOptions): RedisConnection {
  const client = createClient(target, timeouts, sending === "batched");
  const place = placeOf(target);
  const link = watch(client, log);
  return {
    async send(command, args, extraMs = 0) {
      const limit = timeouts.commandMs + extraMs;
      if (breaker?.admits() === false) throw unavailable(place, command, new CircuitOpen());
      try {
        const answer = await withDeadline(limit, async () => {
          if (client.status !== "ready") await link.firstTry;
          // Asked now, ioredis would refuse the command in words about its queue.
          if (client.status !== "ready") throw new OutOfReach(link.cause());
          return await client.call(command, [...args]);
        });
        breaker?.settled("answered");
        return answer;
      } catch (error) {
        breaker?.settled(isAnswer(error) ? "answered" : "failed");
        throw unavailable(place, command, error);
      }
    },
    get circuitIsOpen() {
      return breaker?.isOpen ?? false;
    },
    close: () => client.disconnect(),
  };
}

function createClient(target: RedisTarget, timeouts: RedisTimeouts, enableAutoPipelining: boolean): RedisClient {
  const common = {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    // Replies in one shape, whatever the server's version.
    protocol: 2,
    connectTimeout: timeouts.connectMs,
    socketTimeout: DEAD_SOCKET_MS,
    enableAutoPipelining,
    // A write that was given up must not be sent again behind the caller's back.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
  if (target.mode === "cluster") {
    return new Cluster([...target.nodes], {
      enableOfflineQueue: false,
      enableAutoPipelining,
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
    });
  }
  return new Redis({ ...options, host: target.host, port: target.port, ...(target.tls ? { tls: {} } : {}) });
}

/** Milliseconds before the next attempt. Jitter, because instances that lost the same Redis must not return in step. */
function backoff(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), MAX_BACKOFF_MS) * (0.75 + Math.random() / 4);
}

/** Logs when the connection is lost and when it is back. Resolves when the first attempt is over, either way. */
function watch(client: RedisClient, log: StoreLog): { readonly firstTry: Promise<void>; cause(): string } {
  let up: boolean | null = null;
  let lastError = "the connection was closed";
  const firstTry = new Promise<void>((resolve) => {
    client.on("ready", () => {
      if (up === false) log.info({}, "Redis is back");
      up = true;
      resolve();
    });
    client.on("error", (error) => {
      lastError = describe(error);
      resolve();
    });
    client.on("close", () => {
      if (up !== false) log.warn({ cause: lastError }, "Redis is out of reach");
      up = false;
      resolve();
    });
  });
  return { firstTry, cause: () => lastError };
}

async function withDeadline<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** There is no connection now. */
class OutOfReach extends Error {}

/** The commands before had no answer. */
class CircuitOpen extends Error {
  constructor() {
    super("it did not answer lately; it is tried again soon");
  }
}

/** A server that refuses one command, such as a write while it is out of memory, may well take the next. */
const USELESS = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS)\b/;

/** True where the server said no, and is not one that says so to everything. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError" && !USELESS.test(error.message);
}

/** Keeps the text only: ioredis hangs the command with its arguments, such as a password, on its errors. */
function unavailable(place: string, command: string, error: unknown): StoreUnavailable {
  const text = describe(error);
  if (error instanceof CircuitOpen) return new StoreUnavailable(`Redis at ${place} is not asked: ${text}`);
  if (!(error instanceof OutOfReach)) return new StoreUnavailable(`Redis at ${place} did not do ${command}: ${text}`);
  return new StoreUnavailable(`Redis at ${place} is out of reach (${text}). Is it running? See store.url`);
}

/** Hosts and ports alone, never user or password. */
function placeOf(target: RedisTarget): string {
  const addresses = target.mode === "single" ? [target] : target.mode === "sentinel" ? target.sentinels : target.nodes;
  return addresses.map(({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)).join(", ");
}

/** The code of the system where there is one: the message of several attempts in one is empty. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown failure";
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
