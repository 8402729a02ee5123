import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import { type Store, StoreUnavailable } from "../../src/store/types.ts";
import { activityContract } from "../contract/activity.contract.ts";
import { documentsContract } from "../contract/documents.contract.ts";
import { keyListContract } from "../contract/key-list.contract.ts";
import { newEar, storeContract } from "../contract/store.contract.ts";
import { freePort, spawnProcess, stop, waitForLine } from "../support/processes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { credentialId, record } from "./records.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

storeContract("Redis", {
  reset: async () => void (await redis.command("FLUSHALL")),
  open: () => openRedisStore({ url: redis.url, clock: systemClock }),
});

documentsContract("Redis", {
  reset: async () => void (await redis.command("FLUSHALL")),
  open: (clock) => openRedisStore({ url: redis.url, clock }),
  restart: () => redis.restart(),
});

activityContract("Redis", {
  reset: async () => void (await redis.command("FLUSHALL")),
  open: (clock) => openRedisStore({ url: redis.url, clock }),
});

keyListContract("Redis", {
  reset: async () => void (await redis.command("FLUSHALL")),
  open: (clock) => openRedisStore({ url: redis.url, clock }),
});

/** Milliseconds that a call takes to be refused as unavailable. */
async function timeToRefuse(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await expect(call()).rejects.toBeInstanceOf(StoreUnavailable);
  return performance.now() - start;
}

describe("Redis that fails", () => {
  let store: Store;
  let second: Store;

  beforeEach(async () => {
    await redis.command("FLUSHALL");
    store = openRedisStore({ url: redis.url, clock: systemClock });
    second = openRedisStore({ url: redis.url, clock: systemClock });
    await store.ping();
  });

  afterEach(async () => {
    redis.resume();
    await Promise.all([store.close(), second.close()]);
  });

  test("a stopped server is refused in bounded time, and serves again when it goes on", async () => {
    const one = record();
    await store.keys.create(one);
    redis.pause();
    const times = await Promise.all(Array.from({ length: 50 }, () => timeToRefuse(() => store.keys.get(one.id))));
    expect(Math.max(...times)).toBeLessThan(1200);
    redis.resume();
    await vi.waitFor(async () => expect(await store.keys.get(one.id)).toEqual(one), 5000);
  });

  test("a killed server is refused at once, and the same store serves after its restart", async () => {
    const one = record();
    await store.keys.create(one);
    await redis.kill();
    await timeToRefuse(() => store.ping());
    expect(await timeToRefuse(() => store.keys.get(one.id))).toBeLessThan(100);
    await redis.restart();
    await vi.waitFor(async () => expect(await store.keys.get(one.id)).toEqual(one), 5000);
  });

  test("a store opened while Redis is down serves once it is up, and its follower hears that all may have changed", async () => {
    await redis.kill();
    const early = openRedisStore({ url: redis.url, clock: systemClock });
    try {
      const ear = newEar();
      await early.changes.follow(ear.onChange);
      await expect(early.ping()).rejects.toBeInstanceOf(StoreUnavailable);
      await redis.restart();
      await vi.waitFor(() => expect(ear.changes).toEqual([["all"]]), 5000);
      await vi.waitFor(() => early.ping(), 5000);
    } finally {
      await early.close();
    }
  });

  test("a follower whose connection was lost hears what it missed", async () => {
    const [one, two] = [record(), record()];
    await store.keys.create(one);
    await store.keys.create(two);
    const ear = newEar();
    await second.changes.follow(ear.onChange);
    await store.keys.revoke(one.id, 5000);
    await vi.waitFor(() => expect(ear.changes).toHaveLength(1));
    await redis.command("CLIENT KILL TYPE normal");
    await vi.waitFor(() => store.keys.revoke(two.id, 5000), 5000);
    await vi.waitFor(() => expect(ear.changes.flat()).toContain(`credential:${two.id}`), 5000);
    expect(ear.changes.flat()).not.toContain("all");
  });

  test("a follower hears that all may have changed when the log was flushed", async () => {
    await store.keys.create(record());
    const ear = newEar();
    await second.changes.follow(ear.onChange);
    await redis.command("FLUSHALL");
    await vi.waitFor(() => expect(ear.changes).toEqual([["all"]]), 3000);
  });

  test("a follower hears that all may have changed when entries were trimmed before it read them", async () => {
    await store.keys.create(record());
    const ear = newEar();
    await second.changes.follow(ear.onChange);
    // One transaction, so that the follower sees its result only: an entry is made and trimmed, then another is made.
    const key = "{portcullis}:changes";
    const script = [
      `redis.call('XADD','${key}','*','n',redis.call('INCR','${key}:count'),'tags','credential:${credentialId()}')`,
      `redis.call('XTRIM','${key}','MAXLEN',0)`,
      `redis.call('XADD','${key}','*','n',redis.call('INCR','${key}:count'),'tags','credential:${credentialId()}')`,
    ].join(" ");
    expect(await redis.command(`EVAL "${script}" 0`)).not.toMatch(/^-/);
    await vi.waitFor(() => expect(ear.changes).toEqual([["all"]]), 3000);
  });

  test("a tag of a later version counts as all", async () => {
    const ear = newEar();
    await second.changes.follow(ear.onChange);
    const key = "{portcullis}:changes";
    await redis.command(
      `EVAL "redis.call('XADD','${key}','*','n',redis.call('INCR','${key}:count'),'tags','moon:1')" 0`,
    );
    await vi.waitFor(() => expect(ear.changes).toEqual([["all"]]), 3000);
  });
});

describe("a revoke on Redis", () => {
  test("returns only when the live followers have applied it", async () => {
    const stores = Array.from({ length: 3 }, () => openRedisStore({ url: redis.url, clock: systemClock }));
    try {
      const [first] = stores;
      if (first === undefined) throw new Error("no store");
      const ears = await Promise.all(
        stores.map(async (store) => {
          const ear = newEar();
          await store.changes.follow(ear.onChange);
          return ear;
        }),
      );
      for (let round = 0; round < 20; round += 1) {
        const one = record();
        await first.keys.create(one);
        await first.keys.revoke(one.id, 5000);
        for (const ear of ears) expect(ear.changes.at(-1)).toContain(`credential:${one.id}`);
        for (const ear of ears) expect(ear.changes).toHaveLength(2 * (round + 1));
      }
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  });

  test("waits for an instance that is out until its lease is over, and tells which", async () => {
    const store = openRedisStore({ url: redis.url, clock: systemClock });
    try {
      const one = record();
      await store.keys.create(one);
      const until = Date.now() + 600;
      const out = await redis.command(`EVAL "redis.call('ZADD','{portcullis}:followers',${until},'desk-2#1')" 0`);
      expect(out).not.toMatch(/^-/);
      const atOnce = await store.changes.report(0, () => store.keys.revoke(one.id, 5000));
      expect(atOnce.value?.revokedAt).toBe(5000);
      expect(atOnce.spread).toMatchObject({ instances: 1, applied: 0, out: [{ instance: "desk-2" }], lapsed: [] });
      const waited = await store.changes.report(Infinity, () => store.keys.revoke(one.id, 6000));
      expect(Date.now()).toBeGreaterThanOrEqual(until);
      expect(waited.value?.revokedAt).toBe(5000);
      expect(waited.spread).toMatchObject({ instances: 1, applied: 0, out: [], lapsed: ["desk-2"] });
    } finally {
      await redis.command("FLUSHALL");
      await store.close();
    }
  });
});

describe("the Redis URL", () => {
  test("carries user, password and database, which no error quotes", async () => {
    const guarded = await startRedis({ args: ["--requirepass", "s3cr3t/@"] });
    const host = `127.0.0.1:${guarded.port}`;
    const store = openRedisStore({ url: `redis://:s3cr3t%2F%40@${host}/3`, clock: systemClock });
    const warnings: unknown[] = [];
    const log = { info: () => {}, warn: (...all: unknown[]) => void warnings.push(all) };
    const wrong = openRedisStore({ url: `redis://default:hunter2@${host}`, clock: systemClock, log });
    try {
      const one = record();
      await store.keys.create(one);
      expect(await store.keys.get(one.id)).toEqual(one);
      const failure: unknown = await wrong.keys.get(one.id).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StoreUnavailable);
      const told = JSON.stringify([failure, String(failure), warnings, Object.entries(failure ?? {})]);
      expect(told).not.toContain("hunter2");
      expect(String(failure)).toContain(`Redis at ${host.replace(/\/.*$/, "")} `);
    } finally {
      await Promise.all([store.close(), wrong.close()]);
      await guarded.stop();
    }
  });

  test.each(["redis://u:hunter2@", "redis://u:hunter2@h:0", "redis+sentinel://u:hunter2@h", "redis://u:hunter2@a,b"])(
    "%s is refused without quoting it",
    (url) => {
      expect(() => openRedisStore({ url, clock: systemClock })).toThrow(/^(?!.*hunter2).*cannot be used/);
    },
  );

  test("of a Sentinel group leads to its master", async () => {
    const port = await freePort();
    const file = `${tempFolder()}/sentinel.conf`;
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor desk 127.0.0.1 ${redis.port} 1\n`);
    const sentinel = spawnProcess("redis-server", [file, "--sentinel"]);
    await waitForLine(sentinel, (line) => line.includes("+monitor master desk"));
    const store = openRedisStore({ url: `redis+sentinel://127.0.0.1:${port}/desk`, clock: systemClock });
    try {
      const one = record();
      await vi.waitFor(() => store.keys.create(one), 5000);
      expect(await store.keys.get(one.id)).toEqual(one);
    } finally {
      await store.close();
      await stop(sentinel);
    }
  });
});

describe("a Redis cluster", () => {
  let cluster: RedisServer;

  beforeAll(async () => {
    cluster = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"] });
    await cluster.command("CLUSTER ADDSLOTSRANGE 0 16383");
    await untilUp();
  });

  async function untilUp(): Promise<void> {
    await vi.waitFor(async () => {
      const answer = await cluster.command("GET x");
      if (answer !== "$-1") throw new Error(`the cluster is not up: ${answer}`);
    }, 10_000);
  }

  afterAll(async () => {
    await cluster.stop();
  });

  storeContract("Redis cluster", {
    reset: async () => void (await cluster.command("FLUSHALL")),
    open: () => openRedisStore({ url: `redis+cluster://127.0.0.1:${cluster.port}`, clock: systemClock }),
  });

  activityContract("Redis cluster", {
    reset: async () => void (await cluster.command("FLUSHALL")),
    open: (clock) => openRedisStore({ url: `redis+cluster://127.0.0.1:${cluster.port}`, clock }),
  });

  keyListContract("Redis cluster", {
    reset: async () => void (await cluster.command("FLUSHALL")),
    open: (clock) => openRedisStore({ url: `redis+cluster://127.0.0.1:${cluster.port}`, clock }),
  });

  documentsContract("Redis cluster", {
    reset: async () => void (await cluster.command("FLUSHALL")),
    open: (clock) => openRedisStore({ url: `redis+cluster://127.0.0.1:${cluster.port}`, clock }),
    restart: async () => {
      await cluster.restart();
      await untilUp();
    },
  });
});
