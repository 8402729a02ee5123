import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { sharedRun } from "../core/shared-run.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import { MARK, REPLICAS } from "./redis-scripts.ts";
import type { StoreLog } from "./types.ts";

/** How long the number of replicas is believed, ms. */
const COUNTED_MS = 5000;
/** How long one of them is waited for, ms. */
const WAIT_MS = 500;

export interface Replicas {
  /**
   * Resolves when a replica has what was written before the call, or none has it in time: that is counted and logged, for
   * the change is made and counts everywhere; only a failover within that moment could lose it. Without replicas, at once.
   */
  reached(): Promise<void>;
  /** Changes that no replica had in time. */
  missed(): number;
  close(): void;
}

/**
 * Waits for a replica (`WAIT`), on a connection of its own: the command holds up what is behind it. A mark is written
 * there right before it. Replicas take writes in one order, so who has the mark has what was written before.
 */
export function createReplicas(options: {
  /** The store's own. */
  readonly connection: RedisConnection;
  readonly connect: () => RedisConnection;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: StoreLog;
}): Replicas {
  const { connection, connect, clock, log } = options;
  const keys = [1, REDIS_KEYS.replicated] as const;
  let waiting: RedisConnection | null = null;
  let countedUntil = -Infinity;
  let count = 0;
  let missed = 0;

  async function hasReplicas(): Promise<boolean> {
    if (clock.monotonic() >= countedUntil) {
      count = z.number().parse(await connection.send("eval", [REPLICAS, ...keys]));
      countedUntil = clock.monotonic() + COUNTED_MS;
    }
    return count > 0;
  }

  /** Changes that come while a wait is under way share the one after it, whose mark is younger than all of them. */
  const isReached = sharedRun(async () => {
    waiting ??= connect();
    return z.number().parse(await waiting.sendBoth(["eval", MARK, ...keys], ["wait", 1, WAIT_MS], WAIT_MS)) > 0;
  });

  return {
    async reached() {
      const reached = await hasReplicas()
        .then(async (has) => !has || (await isReached()))
        .catch(() => false);
      if (reached) return;
      missed += 1;
      log.warn({}, "no replica of Redis has a change yet: a failover now would lose it");
    },
    missed: () => missed,
    close: () => waiting?.close(),
  };
}
