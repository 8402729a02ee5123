import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createApiKeySource } from "../../src/credentials/api-key.ts";
import { createAuthenticator, LOOKUPS } from "../../src/credentials/authenticate.ts";
import { createCredentialCache } from "../../src/store/cache.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { CountingMetrics, digester, keyWithRecord, settings } from "./fakes.ts";

const KEYS = 1000;
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** How often Redis has done a command, by itself. */
async function calls(command: string): Promise<number> {
  const script = `return string.match(redis.call('INFO','commandstats'),'cmdstat_${command}:calls=(%d+)') or '0'`;
  const answer = await redis.command(`EVAL "return tonumber((function() ${script} end)())" 0`);
  return Number(answer.slice(1));
}

test("after an outage, 1000 keys that are missing at once are asked for once each, and never more than a bound together", async () => {
  const store = openRedisStore({ url: redis.url, clock: systemClock });
  const { keys } = store;
  let [running, most] = [0, 0];
  const counted = {
    async findByDigest(...given: Parameters<typeof keys.findByDigest>) {
      running += 1;
      most = Math.max(most, running);
      return keys.findByDigest(...given).finally(() => {
        running -= 1;
      });
    },
  };
  const authenticator = createAuthenticator({
    keys: createApiKeySource({ keys: counted, settings }),
    tokens: null,
    changes: store.changes,
    cache: createCredentialCache({ maxEntries: 10_000, ttlMs: 60_000, negativeTtlMs: 5000, clock: systemClock }),
    digester,
    clock: systemClock,
    uses: { note: () => {} },
    metrics: new CountingMetrics(),
    // A busy machine is not what is tested.
    lookupMs: 10_000,
  });
  try {
    await store.changes.follow(() => {});
    const all = Array.from({ length: KEYS }, () => keyWithRecord());
    for (const { record } of all) await store.keys.create(record);
    await redis.kill();
    await vi.waitFor(() => expect(store.state().isOut).toBe(true), 5000);
    await redis.restart();
    await vi.waitFor(() => store.ping(), 10_000);
    await vi.waitFor(() => store.changes.poll(), 10_000);
    const before = await calls("hget");
    // Each key by three at once.
    const asked = [...all, ...all, ...all].map(({ key }) => authenticator.authenticate(key, "bearer"));
    const answers = await Promise.all(asked.map(async (answer) => answer));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(3 * KEYS);
    expect((await calls("hget")) - before).toBe(KEYS);
    expect(most).toBeLessThanOrEqual(LOOKUPS.concurrent);
  } finally {
    await store.close();
  }
});
