import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { stop, waitForLine } from "../support/processes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type Answer, type Installation, install, type Sidecar, startUpstream, ticketRules } from "./support.ts";

/** A command to Redis is given up after 500 ms; the rest is room for a busy machine. */
const BOUND_MS = 2500;
/** Where nothing is waited for; the rest is room for a busy machine. */
const AT_ONCE_MS = 400;
/** An entry is fresh for this long, and serves for the lease while the store is out of reach. */
const TTL_MS = 1000;
const LEASE_MS = 4000;

let redis: RedisServer;
let at: Installation;
let sidecar: Sidecar;
let cached: string;
/** When it came into the cache. */
let cachedAt: number;
let unseen: string;

beforeAll(async () => {
  redis = await startRedis();
  const upstream = await startUpstream((_request, response) => response.end("up"));
  at = install({
    rules: ticketRules(upstream),
    store: redis.url,
    more: `cache: { ttl: ${TTL_MS}ms }\nrevocation: { lease: ${LEASE_MS}ms }`,
  });
  sidecar = await at.serve();
});
afterAll(async () => {
  await stop(sidecar.process);
});

beforeEach(async () => {
  cached = (await at.createKey("--scope", "tickets:read")).key;
  unseen = (await at.createKey("--scope", "tickets:read")).key;
  cachedAt = performance.now();
  if ((await ask(cached)).status !== 200) throw new Error("the key that should be cached is refused");
});

const ask = (key: string): Promise<Answer> => sidecar.get("/tickets/acme", key);
const neverIssued = (): string => createKey(randomBytes);

/** Ten who are not in the cache, at once: each 503, none 401 or 200, and all within the bound. */
async function expectUnknownUnavailable(): Promise<void> {
  const keys = [unseen, ...Array.from({ length: 9 }, neverIssued)];
  const answers = await Promise.all(keys.map(ask));
  expect(answers.map(({ status, code }) => [status, code])).toEqual(keys.map(() => [503, "store_unavailable"]));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(BOUND_MS);
}

/** The cached key, again and again, until after its entry went stale. */
async function expectCachedGoesOn(): Promise<void> {
  const end = cachedAt + TTL_MS + 700;
  const answers: Answer[] = [];
  while (performance.now() < end) answers.push(await ask(cached));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(BOUND_MS);
}

/** Not even the cached key; but what is public, and each at once. */
async function expectNobodyAfterTheLease(): Promise<void> {
  const { reasons } = await sidecar.untilReadiness((readiness) => readiness.reasons.length > 1);
  expect(reasons).toEqual(["store_unavailable", "lease_over"]);
  expect(await sidecar.metric("portcullis_lease_remaining_seconds")).toBe(0);
  const response = await fetch(`${sidecar.url}/tickets/acme`, { headers: { authorization: `Bearer ${cached}` } });
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  const answers = await Promise.all([ask(cached), ask(unseen), sidecar.get("/status")]);
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(AT_ONCE_MS);
}

async function keyIds(): Promise<readonly string[]> {
  const records: readonly { id: string }[] = JSON.parse(await at.command("keys", "list", "--json"));
  return records.map(({ id }) => id);
}

async function expectBack(): Promise<void> {
  await sidecar.untilReadiness(({ ready }) => ready);
  expect((await ask(unseen)).status).toBe(200);
  expect((await ask(cached)).status).toBe(200);
  expect(await ask(neverIssued())).toMatchObject({ status: 401, code: "credential_invalid" });
  expect(sidecar.process.child.exitCode).toBeNull();
}

describe.each([
  ["gone", (): Promise<void> => redis.kill(), (): Promise<void> => redis.restart()],
  ["frozen", async (): Promise<void> => redis.pause(), async (): Promise<void> => redis.resume()],
])("while Redis is %s", (_what, fail, recover) => {
  test("cached keys go on, others get 503 in bounded time, /readyz says so; then it recovers by itself", async () => {
    await fail();
    try {
      await expectUnknownUnavailable();
      await expectCachedGoesOn();
      expect(await sidecar.untilReadiness(({ ready }) => !ready)).toEqual({
        ready: false,
        reasons: ["store_unavailable"],
      });
      expect(await sidecar.metric("portcullis_store_up")).toBe(0);
      expect(await sidecar.metric("portcullis_store_circuit_open")).toBe(1);
      expect((await sidecar.get("/status")).status).toBe(200);
      await expectNobodyAfterTheLease();
    } finally {
      await recover();
    }
    await expectBack();
    expect(await sidecar.metric("portcullis_store_up")).toBe(1);
    expect(await sidecar.metric("portcullis_store_circuit_open")).toBe(0);
    expect(await sidecar.metric("portcullis_lease_remaining_seconds")).toBeGreaterThan(0);
    expect(await sidecar.metric("portcullis_revocation_applied_entry")).toBeGreaterThan(0);
  }, 60_000);
});

describe("a key command while Redis is gone", () => {
  test("fails plainly and in bounded time, and makes nothing", async () => {
    const before = await keyIds();
    await redis.kill();
    try {
      await expect(at.command("keys", "create", "--name", "x", "--scope", "tickets:read")).rejects.toThrow(
        /exit 1: [\s\S]*Redis at 127\.0\.0\.1:\d+ is out of reach \(ECONNREFUSED\)\. Is it running\? See store\.url\n/,
      );
    } finally {
      await redis.restart();
    }
    expect(await keyIds()).toEqual(before);
    await expectBack();
  }, 40_000);
});

describe("a start while Redis is gone", () => {
  test("says so, serves what is public, refuses the rest with 503, and serves all once Redis is there", async () => {
    await redis.kill();
    const second = await at.serve();
    try {
      await waitForLine(second.process, (line) => line.startsWith("The store does not answer (see store.url):"));
      await waitForLine(second.process, (line) => line.includes("the store has not answered since the start"));
      expect((await second.get("/status")).status).toBe(200);
      expect(await second.get("/tickets/acme", cached)).toMatchObject({ status: 503, code: "store_unavailable" });
      expect(await second.readiness()).toEqual({
        ready: false,
        reasons: ["store_unavailable", "starting_without_store"],
      });
      expect(second.process.stdout()).not.toContain("/setup?token=");
      await redis.restart();
      // Nobody can sign in yet, which it finds out now.
      await waitForLine(second.process, (line) => line.includes("/setup?token="));
      await second.untilReadiness(({ ready }) => ready);
      expect((await second.get("/tickets/acme", cached)).status).toBe(200);
      const link = /http\S+\/setup\?token=\S+/.exec(second.process.stdout())?.[0] ?? "";
      // It keeps the secret in a cookie and goes on without it.
      expect((await fetch(link, { redirect: "manual" })).status).toBe(303);
      expect((await fetch(`${second.url}/.well-known/oauth-authorization-server`)).status).toBe(200);
      expect((await fetch(`${second.adminUrl}/`)).status).toBeLessThan(400);
    } finally {
      expect(await stop(second.process)).toEqual({ code: 0, signal: null });
    }
    await expectBack();
  }, 60_000);
});
