import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import type { NewDocument, Store } from "../../src/store/types.ts";
import { newEar } from "../contract/store.contract.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { fakeClock } from "./fake-clock.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

/** Milliseconds that a key has left; -1 is for ever, -2 that there is none. */
async function timeLeft(key: string): Promise<number> {
  return Number((await redis.command(`PTTL {portcullis}:${key}`)).slice(1));
}

async function length(key: string): Promise<number> {
  return Number((await redis.command(`ZCARD {portcullis}:${key}`)).slice(1));
}

function thing(id: string, changes: Partial<NewDocument> = {}): NewDocument {
  return { kind: "thing", id, value: {}, createdAt: 1000, expiresAt: null, lookups: [], groups: [], ...changes };
}

describe("documents in Redis", () => {
  let store: Store;

  beforeEach(async () => {
    await redis.command("FLUSHALL");
    store = openRedisStore({ url: redis.url, clock: systemClock });
  });

  afterEach(async () => {
    await store.close();
  });

  test("that end leave nothing behind, and a group of such ends with its last", async () => {
    const now = Date.now();
    const named = { lookups: ["l"], groups: ["g"] };
    await store.documents.insert(thing("a", { expiresAt: now + 90_000, ...named }));
    await store.documents.insert(thing("b", { expiresAt: now + 50_000, groups: ["g"] }));
    const keys = ["doc:thing:a", "lookup:thing:l", "group:thing:g", "expiry:thing:g"];
    for (const key of keys) {
      const left = await timeLeft(key);
      expect(left).toBeGreaterThan(60_000);
      expect(left).toBeLessThanOrEqual(90_000);
    }
    await store.documents.insert(thing("lasting", { groups: ["g"] }));
    expect(await timeLeft("group:thing:g")).toBe(-1);
    await store.documents.remove("thing", "lasting");
    expect(await timeLeft("group:thing:g")).toBeGreaterThan(60_000);
    await store.documents.remove("thing", "a");
    expect(await timeLeft("group:thing:g")).toBeLessThanOrEqual(50_000);
    await store.documents.remove("thing", "b");
    await store.counters.add("c", 60_000);
    await store.counters.clear("c");
    expect(await redis.command("DBSIZE")).toBe(":0");
  });

  test("that Redis itself has cleared away are in no group any more, also where the id is used again", async () => {
    await store.documents.insert(thing("lasting", { groups: ["g"] }));
    await store.documents.insert(thing("a", { expiresAt: Date.now() + 20, lookups: ["l"], groups: ["g"] }));
    await vi.waitFor(async () => expect(await timeLeft("doc:thing:a")).toBe(-2));
    expect(await length("group:thing:g")).toBe(2);
    expect(await store.documents.count("thing", "g")).toBe(1);
    expect(await store.documents.insert(thing("a", { lookups: ["m"], groups: ["h"] }))).toBe(true);
    expect(await store.documents.find("thing", "l")).toBeNull();
    expect(await store.documents.count("thing", "g")).toBe(1);
    expect(await store.documents.removeGroup("g", ["thing"])).toBe(1);
    expect((await store.documents.find("thing", "m"))?.groups).toEqual(["h"]);
  });

  test("that take the id of one that expired stay in its groups, however many others are left in them", async () => {
    await store.documents.insert(thing("lasting", { createdAt: 5, groups: ["g"] }));
    const brief = { expiresAt: Date.now() + 200, groups: ["g"] };
    const ids = Array.from({ length: 80 }, (_, at) => `t${at + 10}`);
    await Promise.all(ids.map((id) => store.documents.insert(thing(id, brief))));
    await vi.waitFor(async () => expect(await redis.command("KEYS {portcullis}:doc:thing:t*")).toBe("*0"));
    expect(await length("expiry:thing:g")).toBe(80);
    await store.documents.insert(thing("t89", { groups: ["g"] }));
    expect(await store.documents.count("thing", "g")).toBe(2);
    const listed = await store.documents.list("thing", "g", { limit: 9 });
    expect(listed.map(({ id }) => id)).toEqual(["t89", "lasting"]);
  });

  test("are not found by a name that they do not have", async () => {
    await store.documents.insert(thing("a", { lookups: ["l"] }));
    await redis.command("SET {portcullis}:lookup:thing:stale a");
    expect(await store.documents.find("thing", "stale")).toBeNull();
    expect(await store.documents.find("thing", "l")).not.toBeNull();
  });

  test("that have expired leave their groups a bounded part at a time", async () => {
    const clock = fakeClock();
    const early = openRedisStore({ url: redis.url, clock });
    const expiresAt = clock.now() + 60_000;
    await Promise.all(
      Array.from({ length: 120 }, (_, at) => early.documents.insert(thing(`t${at}`, { expiresAt, groups: ["g"] }))),
    );
    clock.advance(60_000);
    await early.documents.insert(thing("one", { groups: ["g"] }));
    expect(await length("group:thing:g")).toBe(71);
    expect(await early.documents.count("thing", "g")).toBe(1);
    await early.documents.insert(thing("two", { groups: ["g"] }));
    await early.documents.insert(thing("three", { groups: ["g"] }));
    expect(await length("group:thing:g")).toBe(3);
    expect(await length("expiry:thing:g")).toBe(0);
    await early.close();
  });

  test("with a field that cannot be understood are unavailable, and can be removed", async () => {
    await store.documents.insert(thing("a", { lookups: ["l"], groups: ["g"] }));
    for (const wrong of ["value [1]", "value {", "version x", "groups 7", "createdAt 1.5"]) {
      await redis.command(`HSET {portcullis}:doc:thing:a ${wrong}`);
      await expect(store.documents.get("thing", "a")).rejects.toMatchObject({ name: "StoreUnavailable" });
      await store.documents.remove("thing", "a");
      expect(await store.documents.get("thing", "a")).toBeNull();
      await store.documents.insert(thing("a", { lookups: ["l"], groups: ["g"] }));
    }
  });

  test("are taken away only where live instances can be told; an insert is done once it is written", async () => {
    const tags = ["all"] as const;
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    const refused = { name: "StoreUnavailable" };
    // Not a sorted set: who follows cannot be told.
    await redis.command("DEL {portcullis}:followers");
    await redis.command("SET {portcullis}:followers x");
    expect(await store.documents.insert(thing("a", { groups: ["g"] }), tags)).toBe(true);
    await expect(store.documents.put(thing("a", { groups: ["g"] }), tags)).rejects.toMatchObject(refused);
    await expect(store.documents.replace(thing("a", { groups: ["g"] }), 2, tags)).rejects.toMatchObject(refused);
    await expect(store.documents.removeGroup("g", ["thing"], tags)).rejects.toMatchObject(refused);
    await expect(store.documents.remove("thing", "a", tags)).rejects.toMatchObject(refused);
    expect(await store.documents.remove("thing", "a")).toBe(false);
    await redis.command("DEL {portcullis}:followers");
    await store.documents.remove("thing", "a", tags);
    await vi.waitFor(() => expect(ear.changes).toHaveLength(6));
  });

  test("keep no name of a counter readable", async () => {
    await store.counters.add("email:hunter2@example.com", 60_000);
    expect(await redis.command("KEYS *hunter2*")).toBe("*0");
    expect(await redis.command("DBSIZE")).toBe(":1");
  });
});
