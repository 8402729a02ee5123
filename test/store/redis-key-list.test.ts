import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRedisStore } from "../../src/store/redis.ts";
import type { KeyQuery, Store } from "../../src/store/types.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { fakeClock } from "./fake-clock.ts";
import { credentialId, record } from "./records.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

/** Keys as an earlier version wrote them: nothing to look for them by name. */
async function writeOldKeys(count: number): Promise<void> {
  const fields = [
    ["digest", "string.format('%064x', i)"],
    ["name", "string.format('SERVICE %06d', i)"],
    ["subject", "'s'"],
    ["scopes", "'[]'"],
    ["last4", "string.format('%04d', i % 10000)"],
    ["createdAt", "i"],
    ["createdBy", "'c'"],
  ];
  const script = [
    `for i = 0, ${count - 1} do`,
    "local id = string.format('key_%020d', i)",
    `redis.call('HSET', '{portcullis}:key:' .. id, 'id', id, ${fields.map(([name, value]) => `'${name}', ${value}`).join(", ")})`,
    "redis.call('ZADD', '{portcullis}:keys', i, id)",
    "end",
  ].join(" ");
  const answer = await redis.command(`EVAL "${script}" 0`);
  if (answer.startsWith("-")) throw new Error(answer);
}

/** Commands that Redis did since the statistics were reset, those in scripts too. */
async function commandsDone(): Promise<number> {
  const count = [
    "local n = 0",
    "for calls in string.gmatch(redis.call('INFO', 'commandstats'), 'calls=(%d+)') do n = n + tonumber(calls) end",
    "return n",
  ].join(" ");
  const answer = await redis.command(`EVAL "${count}" 0`);
  if (!answer.startsWith(":")) throw new Error(answer);
  return Number(answer.slice(1));
}

const idOf = (n: number): ReturnType<typeof credentialId> => credentialId(`key_${String(n).padStart(20, "0")}`);

describe("100,000 keys of an earlier version, in Redis", () => {
  let store: Store;

  beforeAll(async () => {
    await redis.command("FLUSHALL");
    await writeOldKeys(100_000);
    store = openRedisStore({ url: redis.url, clock: fakeClock() });
  }, 60_000);

  afterAll(() => store.close());

  test("are named by the first search, and found from then on at the cost of a page", async () => {
    const first = await store.keys.list({ search: "service 0420", limit: 100 });
    expect(first.map(({ name }) => name)).toEqual(
      Array.from({ length: 100 }, (_, at) => `SERVICE 0420${String(at).padStart(2, "0")}`),
    );
    expect(await redis.command("ZCARD {portcullis}:keys:names")).toBe(":100000");
    const cost = async (query: KeyQuery): Promise<number> => {
      await redis.command("CONFIG RESETSTAT");
      await store.keys.list(query);
      return commandsDone();
    };
    // Two sizes, two ranges and a read for each key of the page; the instance's own polls come on top.
    for (const query of [
      { search: "service", limit: 50 },
      { search: "service", limit: 50, after: idOf(90_000) },
      { search: "4711", limit: 50 },
      { search: idOf(99_999), limit: 50 },
      { limit: 50, after: idOf(50_000) },
      { search: "nobody", limit: 50 },
    ]) {
      expect(await cost(query)).toBeLessThan(100);
    }
    expect(await store.keys.list({ search: "4711", limit: 50 })).toHaveLength(10);
  }, 60_000);

  test("of a rare state are found in steps that each look at a thousand", async () => {
    await store.keys.revoke(idOf(7), 5);
    expect((await store.keys.list({ state: "revoked", limit: 2 })).map(({ name }) => name)).toEqual(["SERVICE 000007"]);
    expect(await store.keys.list({ state: "active", limit: 2 })).toHaveLength(2);
    await redis.command("CONFIG RESETSTAT");
    const searched = await store.keys.list({ state: "revoked", search: "service", limit: 2 });
    expect(searched.map(({ name }) => name)).toEqual(["SERVICE 000007"]);
    // Each key's state is read once, within a hundred scripts; only the one that is found is read as a whole.
    expect(await commandsDone()).toBeLessThan(101_000);
  }, 60_000);
});

describe("keys without names in Redis", () => {
  beforeEach(async () => void (await redis.command("FLUSHALL")));

  test("are found by a search, though an instance of an earlier version added one since", async () => {
    const store = openRedisStore({ url: redis.url, clock: fakeClock() });
    try {
      await writeOldKeys(450);
      await store.keys.create(record({ name: "Service new", last4: "zzzz" }));
      expect(await store.keys.list({ search: "SERVICE", limit: 1000 })).toHaveLength(451);
      await redis.command("FLUSHALL");
      await writeOldKeys(3);
      const searches = Array.from({ length: 5 }, () => store.keys.list({ search: "service", limit: 1000 }));
      for (const found of await Promise.all(searches)) expect(found).toHaveLength(3);
      expect(await store.keys.list({ search: "0002", limit: 10 })).toHaveLength(1);
    } finally {
      await store.close();
    }
  });

  test("and an id that has lost its record hide no other, and are walked once", async () => {
    const store = openRedisStore({ url: redis.url, clock: fakeClock() });
    try {
      await writeOldKeys(3);
      await redis.command(`DEL {portcullis}:key:${idOf(1)}`);
      expect(await store.keys.list({ search: "service", limit: 10 })).toHaveLength(2);
      expect(await redis.command("ZCARD {portcullis}:keys:names")).toBe(":3");
    } finally {
      await store.close();
    }
  });
});
