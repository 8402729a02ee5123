import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { LATE, LEAVE, REPORT } from "./redis-scripts.ts";
import type { StoreLog } from "./types.ts";

/** A follower that has not reported for this long is not waited for. It reports about every second. */
const REGISTRATION_MS = 3000;
const KEYS = [REDIS_KEYS.followers, REDIS_KEYS.applied];

const names = z.array(z.string());

/** Tells all that `follower` lives and has applied the change log up to entry `n`. */
export async function reportApplied(connection: RedisConnection, follower: string, n: number): Promise<void> {
  await connection.send("eval", [REPORT, KEYS.length, ...KEYS, follower, n, REGISTRATION_MS]);
}

/** Tells all that `follower` is to be waited for no more. */
export async function leaveFollowers(connection: RedisConnection, follower: string): Promise<void> {
  await connection.send("eval", [LEAVE, KEYS.length, ...KEYS, follower]);
}

interface WaitOptions {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly limitMs: number;
}

/**
 * Waits until every live follower has applied entry `n`, at most `limitMs`; then the late ones are logged.
 * Rejects with `StoreUnavailable` where Redis cannot tell.
 */
export async function waitUntilApplied(n: number, { connection, clock, log, limitMs }: WaitOptions): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  for (let delay = 1; ; delay = Math.min(delay * 2, 32)) {
    const late = names.parse(await connection.send("eval", [LATE, KEYS.length, ...KEYS, n]));
    if (late.length === 0) return;
    if (clock.monotonic() >= deadline) {
      log.warn({ followers: late }, "instances have not applied a change in time");
      return;
    }
    await pause(delay);
  }
}
