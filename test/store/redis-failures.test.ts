import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import { type ApiKeyRecord, type Store, StoreUnavailable } from "../../src/store/types.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { startRelay, type TcpRelay } from "../support/tcp-relay.ts";
import { record } from "./records.ts";

/** Longest that a call takes: 500 ms, and room for a busy machine. */
const BOUND_MS = 1200;
const AT_ONCE_MS = 100;
const LEASE_MS = 1000;

let redis: RedisServer;
let relay: TcpRelay;
let store: Store;
let one: ApiKeyRecord;

beforeEach(async () => {
  redis = await startRedis({ args: ["--enable-debug-command", "yes"] });
  relay = await startRelay(redis.port);
  store = openRedisStore({ url: `redis://127.0.0.1:${relay.port}`, clock: systemClock, leaseMs: LEASE_MS });
  await store.changes.follow(() => {});
  one = record();
  await store.keys.create(one);
});

afterEach(async () => {
  relay.heal();
  await store.close();
  await redis.stop();
});

/** Whether the lease holds. */
function holds(): boolean {
  try {
    store.changes.poll();
    return true;
  } catch {
    return false;
  }
}

async function refusalOf(call: () => Promise<unknown>): Promise<{ readonly ms: number; readonly text: string }> {
  const start = performance.now();
  const error: unknown = await call().then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(StoreUnavailable);
  return { ms: performance.now() - start, text: String(error) };
}

const read = (): Promise<unknown> => store.keys.get(one.id);

async function expectBack(): Promise<void> {
  await vi.waitFor(async () => expect(await read()).toMatchObject({ id: one.id }), 10_000);
  await vi.waitFor(() => expect(holds()).toBe(true), 10_000);
  await vi.waitFor(() => store.keys.create(record()), 10_000);
  expect(store.state().isOut).toBe(false);
}

describe.each([
  ["slow", (): void => relay.delay(900)],
  ["half-open", (): void => relay.freeze()],
  ["stopped", (): void => redis.pause()],
])("a Redis that is %s", (_what, fail) => {
  test("holds up a few calls for 500 ms and then none; the lease ends; it recovers by itself", async () => {
    fail();
    const first = await Promise.all(Array.from({ length: 20 }, () => refusalOf(read)));
    expect(Math.max(...first.map(({ ms }) => ms))).toBeLessThan(BOUND_MS);
    expect(store.state()).toMatchObject({ isOut: true, errors: { timeout: expect.any(Number), refused: 0 } });
    expect(store.state().errors.timeout).toBeGreaterThanOrEqual(5);
    const end = performance.now() + 2 * LEASE_MS;
    const later: number[] = [];
    while (performance.now() < end) {
      later.push((await refusalOf(read)).ms);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(Math.max(...later)).toBeLessThan(AT_ONCE_MS);
    await vi.waitFor(() => expect(holds()).toBe(false), 5000);
    relay.heal();
    redis.resume();
    await expectBack();
  });
});

describe("a Redis that answers", () => {
  test("with READONLY still serves reads; changes fail, the lease ends, and all comes back", async () => {
    await redis.command("REPLICAOF 127.0.0.1 1");
    const revoke = await refusalOf(() => store.keys.revoke(one.id, 5000));
    expect(revoke).toMatchObject({ text: expect.stringContaining("READONLY") });
    expect(revoke.ms).toBeLessThan(BOUND_MS);
    await vi.waitFor(() => expect(holds()).toBe(false), 5000);
    await vi.waitFor(async () => expect(await read()).toEqual(one), 2000);
    expect(store.state().isOut).toBe(false);
    await redis.command("REPLICAOF NO ONE");
    await expectBack();
  });

  test("with OOM still serves reads, keeps the lease, and takes a revoke, but no new key", async () => {
    const person = { kind: "person", id: "p", value: {}, createdAt: 1, expiresAt: null, lookups: [], groups: ["all"] };
    await store.documents.insert(person);
    await redis.command("CONFIG SET maxmemory 1");
    expect(await store.documents.replace({ ...person, value: { disabled: true } }, 1, ["all"])).toBe(true);
    expect(await store.documents.remove("person", "p", ["all"])).toBe(true);
    expect((await refusalOf(() => store.keys.create(record()))).text).toContain("OOM");
    await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
    expect(holds()).toBe(true);
    expect(await store.keys.revoke(one.id, 5000)).toEqual({ ...one, revokedAt: 5000 });
    expect(await read()).toEqual({ ...one, revokedAt: 5000 });
    await redis.command("CONFIG SET maxmemory 0");
    await expectBack();
  });

  test("that the password is another fails at once, and comes back when it is right again", async () => {
    await redis.command("CONFIG SET requirepass another-one");
    await redis.command("AUTH another-one\r\nCLIENT KILL TYPE normal");
    await vi.waitFor(() => expect(store.state().isOut).toBe(true), 5000);
    await vi.waitFor(async () => expect((await refusalOf(read)).text).toMatch(/NOAUTH/), 5000);
    expect((await refusalOf(read)).ms).toBeLessThan(AT_ONCE_MS);
    await vi.waitFor(() => expect(holds()).toBe(false), 5000);
    await redis.command('AUTH another-one\r\nCONFIG SET requirepass ""');
    await expectBack();
  });

  test("LOADING while it restarts is waited out", async () => {
    await redis.command("DEBUG POPULATE 3000");
    await redis.command("BGREWRITEAOF");
    await redis.command("CONFIG SET key-load-delay 700");
    await redis.command("CONFIG SET loading-process-events-interval-bytes 1024");
    const loaded = redis.command("DEBUG RELOAD");
    await vi.waitFor(async () => expect((await refusalOf(read)).ms).toBeLessThan(BOUND_MS), 3000);
    expect(await loaded).toBe("+OK");
    await redis.command("CONFIG SET key-load-delay 0");
    await expectBack();
  });
});
