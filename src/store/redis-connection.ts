import { within } from "../core/within.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { createRedisClient, type RedisClient, type StoreTls } from "./redis-client.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import type { RedisTarget } from "./redis-url.ts";
import { type StoreErrors, type StoreLog, StoreUnavailable } from "./types.ts";

/** Bounds, in milliseconds. */
export interface RedisTimeouts {
  /** For each command, however Redis fails. */
  readonly commandMs: number;
  readonly connectMs: number;
}

export const DEFAULT_TIMEOUTS: RedisTimeouts = { commandMs: 500, connectMs: 2000 };

type Args = readonly (string | number)[];

/** One connection. Commands never hang, and fail at once while it is down; it reconnects for ever. */
export interface RedisConnection {
  /**
   * Sends one command. Rejects with `StoreUnavailable`, within `commandMs` (plus `extraMs` for a blocking one).
   * A write that timed out may still have happened.
   */
  send(command: string, args: Args, extraMs?: number): Promise<unknown>;
  /** Sends a command with a key, and right behind it, on the same connection to the same server, one that may have none. */
  sendBoth(first: readonly [string, ...Args], second: readonly [string, ...Args], extraMs: number): Promise<unknown>;
  /** Commands fail at once: there is no connection, or the server does not answer in time. */
  isOut(): boolean;
  /** Commands that failed since the start. */
  readonly errors: StoreErrors;
  close(): void;
}

/** A server that was slow once is given another chance; one that held up this many commands in a row is not. */
const CIRCUIT = { threshold: 5, firstMs: 250, mostMs: 2000, random: Math.random } as const;

export interface ConnectOptions {
  readonly target: RedisTarget;
  readonly tls: StoreTls;
  readonly timeouts: RedisTimeouts;
  readonly log: StoreLog;
  /**
   * `shared`: for requests, with a circuit breaker; commands of one turn go out together. `own`: for one that blocks,
   * each at once; whoever uses it paces itself.
   */
  readonly use: "shared" | "own";
}

/** Opens a connection in the background: returns at once, Redis may come up later. */
export function connectRedis({ target, tls, timeouts, log, use }: ConnectOptions): RedisConnection {
  const client = createRedisClient({ target, tls, connectMs: timeouts.connectMs, batched: use === "shared" });
  const place = placeOf(target);
  const link = watch(client, log);
  const guard = use === "shared" ? guardOf(client, timeouts.commandMs, log) : null;
  const errors = { timeout: 0, unreachable: 0, refused: 0 };

  async function run<T>(name: string, limitMs: number, command: () => Promise<T>): Promise<T> {
    try {
      return await withDeadline(limitMs, async () => {
        if (client.status !== "ready") await link.firstTry;
        // Asked now, ioredis would refuse the command in words about its queue.
        if (client.status !== "ready") throw new OutOfReach(link.cause());
        if (guard?.isClosed() === false) throw new OutOfReach("it did not answer in time");
        const reply = await command();
        guard?.answered();
        return reply;
      });
    } catch (error) {
      const kind = error instanceof OutOfReach ? "unreachable" : error instanceof TooLate ? "timeout" : "refused";
      errors[kind] += 1;
      if (kind === "timeout") guard?.timedOut();
      if (kind === "refused") guard?.answered();
      throw unavailable(place, name, error);
    }
  }

  return {
    errors,
    send: (command, args, extraMs = 0) =>
      run(command, timeouts.commandMs + extraMs, () => client.call(command, [...args])),
    sendBoth: (first, second, extraMs) =>
      run(first[0], timeouts.commandMs + extraMs, async () => {
        const replies = (await client.pipeline([[...first], [...second]]).exec()) ?? [];
        const failed = replies.find(([error]) => error !== null)?.[0];
        if (failed !== null && failed !== undefined) throw failed;
        return replies.at(-1)?.[1];
      }),
    isOut: () => client.status !== "ready" || guard?.isClosed() === false,
    close() {
      guard?.stop();
      link.stop();
      client.disconnect();
    },
  };
}

interface Guard {
  isClosed(): boolean;
  answered(): void;
  timedOut(): void;
  stop(): void;
}

/** A circuit breaker that tries by itself, with a read of our own: no request is held up to find out. */
function guardOf(client: RedisClient, trialMs: number, log: StoreLog): Guard {
  const circuit = new CircuitBreaker(CIRCUIT);
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    const ms = circuit.trialIn(now());
    if (ms !== null) timer = setTimeout(() => void tryNow(), Math.ceil(ms)).unref();
  }

  async function tryNow(): Promise<void> {
    if (circuit.beginTrial(now())) {
      const answered = await withDeadline(trialMs, () => ask(client)).then(
        () => true,
        (error: unknown) => !(error instanceof TooLate) && client.status === "ready",
      );
      circuit.endTrial(answered, now());
      if (circuit.isClosed) log.info({}, "Redis answers in time again");
    }
    schedule();
  }

  client.on("ready", () => circuit.close());
  return {
    isClosed: () => circuit.isClosed,
    answered: () => circuit.answered(),
    timedOut() {
      if (!circuit.timedOut(now())) return;
      log.warn({}, "Redis does not answer in time: it is asked for nothing until it does");
      schedule();
    },
    stop: () => clearTimeout(timer),
  };
}

/** With a key, so that in a cluster the node is asked that matters. */
function ask(client: RedisClient): Promise<unknown> {
  return client.call("get", [REDIS_KEYS.changeCount]);
}

function now(): number {
  return performance.now();
}

interface Link {
  /** Resolves when the first attempt is over, either way. */
  readonly firstTry: Promise<void>;
  cause(): string;
  /** What is closed from now on is closed by us. */
  stop(): void;
}

/** Logs when the connection is lost and when it is back. */
function watch(client: RedisClient, log: StoreLog): Link {
  let stopped = false;
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
      if (up !== false && !stopped) log.warn({ cause: lastError }, "Redis is out of reach");
      up = false;
      resolve();
    });
  });
  return {
    firstTry,
    cause: () => lastError,
    stop() {
      stopped = true;
    },
  };
}

async function withDeadline<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  return within(limitMs, work(), () => {
    throw new TooLate(`no answer in ${limitMs} ms`);
  });
}

/** There is no connection now. */
class OutOfReach extends Error {}
class TooLate extends Error {}

/** Keeps the text only: ioredis hangs the command with its arguments, such as a password, on its errors. */
function unavailable(place: string, command: string, error: unknown): StoreUnavailable {
  const text = describe(error);
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
