import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { followerName, waitUntilApplied } from "../revocation/barrier.ts";
import { LogFollower, registrationMs } from "../revocation/follower.ts";
import { Lease } from "../revocation/lease.ts";
import { SpreadScopes } from "../revocation/spread.ts";
import { createRedisChangeSource, createRedisFollowers } from "./redis-change-source.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import type { Replicas } from "./redis-replicas.ts";
import { type ChangeLog, type StoreLog, StoreUnavailable } from "./types.ts";

/** How long a change that only adds, such as a new key, waits for the other instances. */
const ADDED_MS = 1000;

interface RedisChangesOptions {
  /** The store's own. */
  readonly connection: RedisConnection;
  /** Opens a connection for one follower, because its reads block. */
  readonly connect: () => RedisConnection;
  readonly replicas: Pick<Replicas, "reached">;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly instance: string;
  readonly leaseMs: number;
}

export interface RedisChanges extends ChangeLog {
  /**
   * Waits until entry `n` of the log counts everywhere. A change that takes something away waits until the last lease is
   * over; where the store does not tell, it rejects with `StoreUnavailable`, and repeating it is safe. One that replaces
   * cannot be repeated: then it waits until no lease can be left. One that adds waits for a second at most.
   */
  applied(n: number, change: "takes" | "replaces" | "adds"): Promise<void>;
  close(): Promise<void>;
}

/** The change log in a stream. See `LogFollower` and `waitUntilApplied`. */
export function createRedisChanges(options: RedisChangesOptions): RedisChanges {
  const { connection, connect, replicas, clock, log, instance, leaseMs } = options;
  const scopes = new SpreadScopes();
  const barrier = { register: createRedisFollowers(connection), clock, sleep: (ms: number) => pause(ms) };
  // The follower's, which feeds the cache: without one, nothing may be used.
  const lease = new Lease(clock, leaseMs);
  const overdue = new StoreUnavailable("the lease is over: changes made elsewhere cannot be seen. Is Redis reachable?");
  let follower: { readonly log: LogFollower; readonly stop: () => Promise<void> } | null = null;

  const applied: RedisChanges["applied"] = async (n, change) => {
    const limitMs = change === "adds" ? Math.min(scopes.waitMs(), ADDED_MS) : scopes.waitMs();
    await replicas.reached();
    try {
      scopes.add(await waitUntilApplied(n, limitMs, barrier));
    } catch (error) {
      if (change === "takes" || !(error instanceof StoreUnavailable)) throw error;
      // Who was registered may renew once more before it reads the entry; after that it has none.
      if (change === "replaces") await pause(Math.min(limitMs, 2 * registrationMs(leaseMs)));
    }
  };

  return {
    async follow(onChange) {
      if (follower !== null) throw new Error("a store is followed once");
      const source = createRedisChangeSource(connect(), connection);
      const name = followerName(instance, randomBytes(4).toString("hex"));
      const following = new LogFollower({ name, source, lease, sleep: patiently, log, onChange });
      const stop = async (): Promise<void> => {
        if (follower?.log !== following) return;
        follower = null;
        await following.stop();
        // Where it fails, the registration runs out.
        await source.leave(name).catch(() => undefined);
      };
      follower = { log: following, stop };
      await following.start();
      return stop;
    },
    poll() {
      if (!lease.holds()) throw overdue;
    },
    report: (waitMs, work) => scopes.report(waitMs, work),
    applied,
    async settled() {
      const count = await connection.send("get", [REDIS_KEYS.changeCount]);
      await applied(
        z.coerce
          .number()
          .int()
          .parse(count ?? 0),
        "takes",
      );
    },
    state: () => ({ appliedEntry: follower?.log.applied ?? -1, leaseLeftMs: lease.leftMs() }),
    async close() {
      await follower?.stop();
    },
  };
}

async function patiently(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined);
}
