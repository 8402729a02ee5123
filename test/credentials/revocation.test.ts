import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Authentication, createAuthenticator } from "../../src/credentials/authenticate.ts";
import { createApiKeySource } from "../../src/credentials/api-key.ts";
import { createKeyService } from "../../src/credentials/key-service.ts";
import { createLastUsed } from "../../src/credentials/last-used.ts";
import { isScope, type Scope } from "../../src/core/ids.ts";
import { createCredentialCache } from "../../src/store/cache.ts";
import { createSettings } from "../../src/store/settings.ts";
import { openStore } from "../../src/store/open.ts";
import { spawnProcess } from "../support/processes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { CountingMetrics, digester } from "./fakes.ts";

const scopes = new Map<Scope, string>(["tickets:read"].filter(isScope).map((scope) => [scope, "…"]));

/** All parts of one instance, on a real store. */
async function startInstance(url: string) {
  const store = openStore(url, { clock: systemClock });
  const { keys, changes } = store;
  const cache = createCredentialCache({ maxEntries: 1000, ttlMs: 60_000, negativeTtlMs: 60_000, clock: systemClock });
  const uses = createLastUsed({ keys });
  const metrics = new CountingMetrics();
  const source = createApiKeySource({ keys, settings: createSettings(store.documents) });
  const authenticator = createAuthenticator({
    keys: source,
    tokens: null,
    changes,
    cache,
    digester,
    clock: systemClock,
    uses,
    metrics,
  });
  const service = createKeyService({ keys, digester, clock: systemClock, randomBytes, scopes });
  await changes.follow((tags) => cache.apply(tags));
  return {
    service,
    uses,
    authenticate: (key: string): Authentication | Promise<Authentication> => authenticator.authenticate(key, "bearer"),
    async close() {
      await uses.close();
      await store.close();
    },
  };
}

const request = {
  name: "key",
  scopes: ["tickets:read"],
  portal: null,
  expiresInMs: null,
  subject: "anna",
  createdBy: "test",
};
const revoked = { ok: false, deny: { reason: "credential_revoked" } };

describe("on the embedded store", () => {
  const file = join(tempFolder(), "portcullis.db");

  test("a revoke by another process is seen by the very next request", async () => {
    const instance = await startInstance(`sqlite:${file}`);
    for (let round = 0; round < 5; round += 1) {
      const { key, record } = await instance.service.create(request);
      const accepted = await instance.authenticate(key);
      expect(accepted.ok).toBe(true);
      expect(instance.authenticate(key)).toBe(accepted);
      const agent = spawnProcess(process.execPath, [
        join(import.meta.dirname, "../store/sqlite-agent.ts"),
        "revoke",
        file,
        record.id,
      ]);
      expect({ ...(await agent.exited), stderr: agent.stderr() }).toMatchObject({ code: 0, stderr: "" });
      expect(await instance.authenticate(key)).toMatchObject(revoked);
    }
    await instance.close();
  });

  test("a revoke in this process is seen by the very next request", async () => {
    const instance = await startInstance(`sqlite:${file}`);
    const { key, record } = await instance.service.create(request);
    await instance.authenticate(key);
    await instance.service.revoke(record.id);
    expect(await instance.authenticate(key)).toMatchObject(revoked);
    await instance.close();
  });

  test("uses are written to the store", async () => {
    const instance = await startInstance(`sqlite:${file}`);
    const { key, record } = await instance.service.create(request);
    const before = Date.now();
    await instance.authenticate(key);
    await instance.uses.flush();
    expect((await instance.service.get(record.id))?.lastUsedAt).toBeGreaterThanOrEqual(before);
    await instance.close();
  });
});

describe("on Redis", () => {
  let redis: RedisServer;
  let here: Awaited<ReturnType<typeof startInstance>>;
  let there: Awaited<ReturnType<typeof startInstance>>;

  beforeAll(async () => {
    redis = await startRedis();
    here = await startInstance(redis.url);
    there = await startInstance(redis.url);
  });

  afterAll(async () => {
    redis.resume();
    await Promise.all([here.close(), there.close()]);
    await redis.stop();
  });

  test("a revoke by another instance holds here when the call returns", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { key, record } = await there.service.create(request);
      const accepted = await here.authenticate(key);
      expect(accepted.ok).toBe(true);
      expect(here.authenticate(key)).toBe(accepted);
      await there.service.revoke(record.id);
      expect(await here.authenticate(key)).toMatchObject(revoked);
    }
  });

  test("a key that was unknown here works here when its creation elsewhere returns", async () => {
    const { key, record } = await there.service.create(request);
    const rotated = await there.service.rotate(record.id, { overlapMs: 0 });
    expect(await here.authenticate(key)).toMatchObject({ ok: false, deny: { reason: "credential_expired" } });
    expect(await here.authenticate(rotated.kind === "rotated" ? rotated.key : "")).toMatchObject({ ok: true });
  });

  test("while Redis hangs, cached keys go on and others are refused as unavailable; then all is as before", async () => {
    const cached = await there.service.create(request);
    const uncached = await there.service.create(request);
    const accepted = await here.authenticate(cached.key);
    redis.pause();
    expect(here.authenticate(cached.key)).toBe(accepted);
    const unavailable = { ok: false, deny: { reason: "store_unavailable" } };
    expect(await here.authenticate(uncached.key)).toMatchObject(unavailable);
    redis.resume();
    await vi.waitFor(async () => expect(await here.authenticate(uncached.key)).toMatchObject({ ok: true }), 5000);
  });

  test("a revoke made while this instance had lost its connection is seen when it is back", async () => {
    const { key, record } = await there.service.create(request);
    await here.authenticate(key);
    await redis.restart();
    await vi.waitFor(() => there.service.revoke(record.id), 5000);
    await vi.waitFor(async () => expect(await here.authenticate(key)).toMatchObject(revoked), 5000);
  });
});
