import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ACTIVITY_KEPT } from "../../src/store/activity.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import type { Store } from "../../src/store/types.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { activity, ACTIVITY_AT } from "./activities.ts";
import { fakeClock } from "./fake-clock.ts";

describe("activity in Redis", () => {
  let redis: RedisServer;
  let store: Store;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await redis.stop();
  });

  beforeEach(async () => {
    await redis.command("FLUSHALL");
    store = openRedisStore({ url: redis.url, clock: fakeClock() });
  });

  afterEach(() => store.close());

  /** Writes past the store, quickly: entries that all are alike but for their id. */
  async function fill(count: number): Promise<void> {
    const entry = JSON.stringify(activity()).replaceAll('"', '\\"');
    const add = `redis.call('XADD', '{portcullis}:activity', (${ACTIVITY_AT} + i) .. '-1', 'entry', '${entry}')`;
    const answer = await redis.command(`EVAL "for i = 1, ${count} do ${add} end" 0`);
    if (answer.startsWith("-")) throw new Error(answer);
  }

  async function size(): Promise<number> {
    return Number((await redis.command("XLEN {portcullis}:activity")).slice(1));
  }

  test("is bounded, give or take a node of the stream", async () => {
    await fill(ACTIVITY_KEPT + 1000);
    for (let turn = 0; turn < 20; turn += 1) {
      await store.activity.append(Array.from({ length: 200 }, () => activity({ at: ACTIVITY_AT + 200_000 })));
    }
    expect(await size()).toBeGreaterThanOrEqual(ACTIVITY_KEPT);
    expect(await size()).toBeLessThanOrEqual(ACTIVITY_KEPT + 200);
  });

  test("with a filter that finds nothing is read in chunks, a bounded number of them a call", async () => {
    await fill(25_000);
    const counts: number[] = [];
    let after: string | null = null;
    do {
      await redis.command("CONFIG RESETSTAT");
      const page = await store.activity.list({
        limit: 50,
        subject: "nobody",
        ...(after === null ? {} : { after }),
      });
      expect(page.items).toEqual([]);
      after = page.next;
      const calls = "tonumber(string.match(redis.call('INFO', 'commandstats'), 'cmdstat_xrevrange:calls=(%d+)'))";
      counts.push(Number((await redis.command(`EVAL "return ${calls}" 0`)).slice(1)));
    } while (after !== null);
    expect(counts).toEqual([50, 50, 26]);
  });

  test("of instances whose clocks differ keeps its order, and its times", async () => {
    await store.activity.append([activity({ at: ACTIVITY_AT + 5000, status: 1 })]);
    await store.activity.append([activity({ at: ACTIVITY_AT, status: 2 })]);
    await store.activity.append([activity({ at: ACTIVITY_AT + 6000, status: 3 })]);
    const { items } = await store.activity.list({ limit: 10 });
    expect(items.map(({ status, at }) => [status, at - ACTIVITY_AT])).toEqual([
      [3, 6000],
      [2, 0],
      [1, 5000],
    ]);
    const late = await store.activity.list({ limit: 10, to: ACTIVITY_AT + 1 });
    expect(late.items.map(({ status }) => status)).toEqual([2]);
    const early = await store.activity.list({ limit: 10, from: ACTIVITY_AT, to: ACTIVITY_AT + 5001 });
    expect(early.items.map(({ status }) => status)).toEqual([2, 1]);
  });

  test("that cannot be understood is unavailable", async () => {
    await redis.command("XADD {portcullis}:activity * entry {}");
    await expect(store.activity.list({ limit: 5 })).rejects.toMatchObject({ name: "StoreUnavailable" });
    await redis.command("DEL {portcullis}:activity");
    await redis.command("XADD {portcullis}:activity * other x");
    await expect(store.activity.list({ limit: 5 })).rejects.toMatchObject({ name: "StoreUnavailable" });
  });
});
