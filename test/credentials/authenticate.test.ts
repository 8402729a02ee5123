import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  type Authentication,
  type Authenticator,
  createAuthenticator,
  LOOKUPS,
} from "../../src/credentials/authenticate.ts";
import { createApiKeySource } from "../../src/credentials/api-key.ts";
import { createKey } from "../../src/credentials/key-format.ts";
import { principalOf } from "../../src/credentials/principal.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import { createCredentialCache, type CredentialCache } from "../../src/store/cache.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { CountingMetrics, digester, HeldKeys, HeldTokens, keyWithRecord, settings } from "./fakes.ts";

let clock: FakeClock;
let keys: HeldKeys;
let cache: CredentialCache;
let metrics: CountingMetrics;
let uses: string[];
let polls: { count: number; fails: boolean };
let authenticator: Authenticator;

function build(tokens: CredentialSource | null = null, lookupMs?: number): Authenticator {
  return createAuthenticator({
    ...(lookupMs === undefined ? {} : { lookupMs }),
    keys: createApiKeySource({ keys, settings }),
    tokens,
    cache,
    digester,
    clock,
    metrics,
    changes: {
      poll() {
        polls.count += 1;
        if (polls.fails) throw new StoreUnavailable("cannot tell");
      },
    },
    uses: { note: (entry) => void uses.push(entry.accepted.principal.credentialId) },
  });
}

beforeEach(() => {
  clock = fakeClock();
  keys = new HeldKeys();
  cache = createCredentialCache({ maxEntries: 1000, ttlMs: 60_000, negativeTtlMs: 5000, clock });
  metrics = new CountingMetrics();
  uses = [];
  polls = { count: 0, fails: false };
  authenticator = build();
});

/** Waits for answers, those that came at once among them. */
const settled = (answers: (Authentication | Promise<Authentication>)[]): Promise<Authentication[]> =>
  Promise.all(answers.map(async (answer) => answer));
const ask = (key: string): Authentication | Promise<Authentication> => authenticator.authenticate(key, "bearer");
const refusal = (reason: string, presented: object | null = null) => ({
  ok: false,
  deny: { allow: false, reason, detail: null, portal: null },
  presented,
});

/** A key that the store has. */
function stored(changes: Parameters<typeof keyWithRecord>[0] = {}) {
  const one = keyWithRecord(changes);
  keys.records.set(one.record.digest, one.record);
  return one;
}

describe("authenticate", () => {
  test("accepts a stored key, then synchronously, with the same frozen principal and a noted use", async () => {
    const { key, record } = stored({ expiresAt: clock.now() + 1000 });
    const first = await ask(key);
    expect(first).toEqual({
      ok: true,
      principal: {
        kind: "api_key",
        credentialId: record.id,
        subject: record.subject,
        scopes: new Set(record.scopes),
        portal: null,
        expiresAt: record.expiresAt,
      },
      digest: record.digest,
      mcpAccess: true,
    });
    expect(first.ok && Object.isFrozen(first.principal)).toBe(true);
    expect(ask(key)).toBe(first);
    expect(authenticator.authenticate(key, "api_key")).toBe(first);
    expect(uses).toEqual([record.id, record.id, record.id]);
    expect(metrics.lookups).toEqual({ miss: 1, hit: 2 });
    expect(metrics.durations).toEqual(["find ok true"]);
    expect(keys.asked).toBe(1);
  });

  test("refuses what is no key, at once and without the store", () => {
    const good = createKey(randomBytes);
    const swapped = good.slice(0, -1) + (good.endsWith("0") ? "1" : "0");
    expect(ask("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")).toEqual(refusal("credential_unknown"));
    expect(ask("noice_sk_live_short")).toEqual(refusal("credential_malformed"));
    expect(ask(swapped)).toEqual(refusal("credential_bad_checksum"));
    expect(ask(swapped)).toBe(ask(swapped));
    expect([keys.asked, polls.count]).toEqual([0, 0]);
    expect(metrics.lookups).toEqual({ malformed: 2, bad_checksum: 3 });
  });

  test("asks the store once for an unknown key, until the negative ttl is over", async () => {
    const { key, record } = keyWithRecord();
    expect(await ask(key)).toEqual(refusal("credential_unknown"));
    expect(ask(key)).toEqual(refusal("credential_unknown"));
    keys.records.set(record.digest, record);
    clock.advance(5000);
    expect(await ask(key)).toMatchObject({ ok: true });
    expect(metrics.lookups).toEqual({ miss: 2, negative: 1 });
  });

  test("a key that is made after it was found absent works when the change is applied", async () => {
    const { key, record } = keyWithRecord();
    await ask(key);
    keys.records.set(record.digest, record);
    cache.apply([`digest:${record.digest}`]);
    expect(await ask(key)).toMatchObject({ ok: true });
  });

  test("says revoked and expired, from the store and from the cache, and notes no use", async () => {
    const revoked = stored({ revokedAt: 1 });
    const expired = stored({ expiresAt: clock.now() });
    for (const { key, record, reason } of [
      { ...revoked, reason: "credential_revoked" },
      { ...expired, reason: "credential_expired" },
    ]) {
      expect(await ask(key)).toEqual(refusal(reason, principalOf(record)));
      expect(ask(key)).toEqual(refusal(reason, principalOf(record)));
    }
    expect(keys.asked).toBe(2);
    expect(uses).toEqual([]);
  });

  test("a cached key ends at the millisecond of its expiry", async () => {
    const { key, record } = stored({ expiresAt: clock.now() + 1000 });
    await ask(key);
    clock.advance(999);
    expect(ask(key)).toMatchObject({ ok: true });
    clock.advance(1);
    expect(ask(key)).toEqual(refusal("credential_expired", principalOf(record)));
  });

  test("asks again after the ttl", async () => {
    const { key, record } = stored();
    await ask(key);
    keys.records.set(record.digest, { ...record, revokedAt: 1 });
    clock.advance(59_999);
    expect(ask(key)).toMatchObject({ ok: true });
    clock.advance(1);
    expect(await ask(key)).toEqual(refusal("credential_revoked", principalOf(record)));
  });

  test("a record under another digest than was asked for is never accepted", async () => {
    const { key, record } = keyWithRecord();
    keys.records.set(record.digest, keyWithRecord().record);
    expect(await ask(key)).toEqual(refusal("store_unavailable"));
  });
});

describe("authenticate with access tokens", () => {
  const TOKEN = "Abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE";
  let tokens: HeldTokens;

  beforeEach(() => {
    tokens = new HeldTokens(clock);
    authenticator = build(tokens);
  });

  test("accepts one, then synchronously with the same object, and notes no use in the store", async () => {
    tokens.add(TOKEN);
    const first = await ask(TOKEN);
    expect(first).toMatchObject({ ok: true, principal: { kind: "oauth" } });
    expect(ask(TOKEN)).toBe(first);
    expect([tokens.asked, keys.asked, polls.count]).toEqual([1, 0, 3]);
    expect(metrics.lookups).toEqual({ miss: 1, hit: 1 });
    expect(metrics.durations).toEqual(["find ok true"]);
  });

  test.each([
    ["42 characters", TOKEN.slice(1), "bearer"],
    ["44 characters", `${TOKEN}a`, "bearer"],
    ["a character beyond base64url", `${TOKEN.slice(1)}+`, "bearer"],
    ["a character beyond ASCII", `${TOKEN.slice(1)}ä`, "bearer"],
    ["a token in X-API-Key", TOKEN, "api_key"],
  ] as const)("%s is unknown without a look-up", (_name, text, via) => {
    tokens.add(text);
    expect(authenticator.authenticate(text, via)).toEqual(refusal("credential_unknown"));
    expect([tokens.asked, keys.asked, polls.count]).toEqual([0, 0, 0]);
    expect(metrics.lookups).toEqual({ malformed: 1 });
  });

  test("what claims to be a key is never looked up as a token", () => {
    const text = "noice_sk_live_".padEnd(43, "a");
    tokens.add(text);
    expect(ask(text)).toEqual(refusal("credential_malformed"));
    expect(tokens.asked).toBe(0);
  });

  test("where OAuth is off, one is unknown without a look-up", () => {
    authenticator = build();
    expect(ask(TOKEN)).toEqual(refusal("credential_unknown"));
    expect(polls.count).toBe(0);
  });

  test("keeps that one is unknown, and asks the store once for many", async () => {
    const answers = await settled(Array.from({ length: 100 }, () => ask(TOKEN)));
    expect(new Set(answers).size).toBe(1);
    expect(ask(TOKEN)).toEqual(refusal("credential_unknown"));
    expect(tokens.asked).toBe(1);
    expect(metrics.lookups).toEqual({ miss: 1, negative: 1 });
  });

  test("a flood of them is bounded as one of keys is", async () => {
    const { concurrent, queued } = LOOKUPS;
    const flood = Array.from({ length: concurrent + queued + 1 }, () => ask(randomBytes(32).toString("base64url")));
    expect(await flood.at(-1)).toEqual(refusal("store_unavailable"));
    expect(await settled(flood.slice(0, -1))).toEqual(flood.slice(1).map(() => refusal("credential_unknown")));
  });

  test.each(["tokens", "keys"] as const)("%s that fill their gate leave the other kind its own", async (kind) => {
    const { concurrent, queued } = LOOKUPS;
    const held = Promise.withResolvers<null>();
    authenticator = build(kind === "tokens" ? { find: () => held.promise } : tokens);
    keys.hold = kind === "keys";
    tokens.add(TOKEN);
    const { key } = stored();
    const random = (): string => (kind === "tokens" ? randomBytes(32).toString("base64url") : createKey(randomBytes));
    const flood = Array.from({ length: concurrent + queued }, () => ask(random()));
    expect(await ask(random())).toEqual(refusal("store_unavailable"));
    expect(await ask(kind === "tokens" ? key : TOKEN)).toMatchObject({ ok: true });
    held.resolve(null);
    keys.hold = false;
    keys.release();
    expect(await settled(flood)).toEqual(flood.map(() => refusal("credential_unknown")));
  });

  test("ends at the very millisecond of its end, and no part of one later", async () => {
    tokens.add(TOKEN, { expiresAt: clock.now() + 1000 });
    await ask(TOKEN);
    clock.advance(999.75);
    expect(ask(TOKEN)).toMatchObject({ ok: true });
    clock.advance(0.25);
    expect(ask(TOKEN)).toMatchObject({ ok: false, deny: { reason: "credential_expired" } });
  });

  test("a revoked one tells the audit whose it was", async () => {
    const { accepted } = tokens.add(TOKEN, { revoked: true });
    expect(await ask(TOKEN)).toEqual(refusal("credential_revoked", accepted.principal));
    expect(ask(TOKEN)).toEqual(refusal("credential_revoked", accepted.principal));
    expect(tokens.asked).toBe(1);
  });

  test("is asked for again where a change to what it hangs on raced the look-up", async () => {
    const [tag] = tokens.add(TOKEN).tags;
    const answer = ask(TOKEN);
    await Promise.resolve();
    if (tag !== undefined) cache.apply([tag]);
    expect(await answer).toMatchObject({ ok: true });
    expect(tokens.asked).toBe(2);
  });

  test("goes on from the cache while the store is out of reach, and another is a 503", async () => {
    tokens.add(TOKEN);
    await ask(TOKEN);
    tokens.down = true;
    clock.advance(60_000);
    expect(await ask(TOKEN)).toMatchObject({ ok: true });
    expect(await ask(TOKEN.toLowerCase())).toEqual(refusal("store_unavailable"));
  });
});

describe("authenticate under load", () => {
  test("1,000 parallel requests for one key are one look-up", async () => {
    const { key } = stored();
    keys.hold = true;
    const answers = Array.from({ length: 1000 }, () => ask(key));
    await Promise.resolve();
    keys.release();
    expect(new Set(await settled(answers)).size).toBe(1);
    expect(keys.asked).toBe(1);
  });

  test("look-ups beyond the bound wait, and beyond the queue are refused as unavailable", async () => {
    const { concurrent, queued } = LOOKUPS;
    const bound = concurrent + queued;
    keys.hold = true;
    const all = Array.from({ length: bound + 2 }, () => stored()).map(({ key }) => ask(key));
    const refused = await settled(all.slice(bound));
    expect(refused).toEqual([refusal("store_unavailable"), refusal("store_unavailable")]);
    expect(keys.asked).toBe(concurrent);
    keys.hold = false;
    keys.release();
    expect((await settled(all.slice(0, bound))).every(({ ok }) => ok)).toBe(true);
    expect(keys.asked).toBe(bound);
    const later = Array.from({ length: 5 }, () => stored()).map(({ key }) => ask(key));
    expect((await settled(later)).every(({ ok }) => ok)).toBe(true);
  });

  test("a flood of 200,000 unknown keys stays within the bound and evicts no good entry", async () => {
    const { key } = stored();
    const good = await ask(key);
    for (let round = 0; round < 200; round += 1) {
      const flood = Array.from({ length: 1000 }, () => ask(createKey(randomBytes)));
      for (const { ok } of await settled(flood)) expect(ok).toBe(false);
      expect(ask(key)).toBe(good);
    }
    expect(cache.sizes()).toEqual({ found: 1, absent: 1000, indexed: 1002, fills: 0 });
  });
});

describe("authenticate while the store is out of reach", () => {
  test("refuses a key that is not cached as unavailable, never as unknown, and recovers", async () => {
    const { key } = stored();
    keys.down = true;
    expect(await ask(key)).toEqual(refusal("store_unavailable"));
    expect(await ask(keyWithRecord().key)).toEqual(refusal("store_unavailable"));
    expect(metrics.durations).toEqual(["find error true", "find error true"]);
    keys.down = false;
    expect(await ask(key)).toMatchObject({ ok: true });
  });

  test("goes on with a stale entry while changes would be seen, asking the store once a second, then refuses", async () => {
    const { key } = stored();
    const first = await ask(key);
    keys.down = true;
    clock.advance(60_000);
    expect(await ask(key)).toBe(first);
    expect(ask(key)).toBe(first);
    expect(keys.asked).toBe(2);
    clock.advance(1000);
    expect(await ask(key)).toBe(first);
    expect(keys.asked).toBe(3);
    expect(metrics.lookups["stale"]).toBe(3);
    clock.advance(600_000);
    expect(await ask(key)).toBe(first);
    polls.fails = true;
    expect(await ask(key)).toEqual(refusal("store_unavailable"));
  });

  test("keeps nobody waiting for a look-up that is late, and asks the store once all the same", async () => {
    authenticator = build(null, 30);
    const [{ key }, { key: other }] = [stored(), stored()];
    keys.hold = true;
    expect(await settled([ask(key), ask(other)])).toEqual([refusal("store_unavailable"), refusal("store_unavailable")]);
    // At once: no promise.
    expect(ask(key)).toEqual(refusal("store_unavailable"));
    expect(keys.asked).toBe(2);
    keys.release();
    await vi.waitFor(() => expect(cache.sizes().found).toBe(2));
    expect(ask(key)).toMatchObject({ ok: true });
    expect(keys.asked).toBe(2);
  });

  test("a stale entry serves on when its look-up is late", async () => {
    authenticator = build(null, 30);
    const { key } = stored();
    const first = await ask(key);
    clock.advance(60_000);
    keys.hold = true;
    expect(await ask(key)).toBe(first);
    expect(ask(key)).toBe(first);
    keys.release();
  });

  test.each([
    ["revoked", "store_unavailable"],
    ["at its end", "credential_expired"],
  ])("a stale entry that is %s serves nobody, however long its look-up is late", async (end, reason) => {
    authenticator = build(null, 30);
    const { key, record } = stored({ expiresAt: clock.now() + 60_500 });
    const first = await ask(key);
    clock.advance(60_000);
    keys.hold = true;
    expect(await ask(key)).toBe(first);
    if (end === "revoked") cache.apply([`credential:${record.id}`]);
    else clock.advance(500 + 1000);
    expect(await ask(key)).toMatchObject({ ok: false, deny: { reason } });
    expect(keys.asked).toBe(2);
    keys.release();
  });

  test("a stale entry that was revoked meanwhile is not used", async () => {
    const { key, record } = stored();
    await ask(key);
    clock.advance(60_000);
    keys.down = true;
    keys.hold = true;
    const answer = ask(key);
    await Promise.resolve();
    cache.apply([`credential:${record.id}`]);
    keys.release();
    expect(await answer).toEqual(refusal("store_unavailable"));
  });

  test("trusts no entry while it cannot be told what changed", async () => {
    const { key } = stored();
    await ask(key);
    polls.fails = true;
    expect(ask(key)).toEqual(refusal("store_unavailable"));
    polls.fails = false;
    clock.advance(60_000);
    keys.hold = true;
    const answer = ask(key);
    await Promise.resolve();
    polls.fails = true;
    keys.release();
    expect(await answer).toEqual(refusal("store_unavailable"));
  });
});

describe("a look-up that raced a change", () => {
  test("is thrown away and asked again, so that the revoke is seen", async () => {
    const { key, record } = stored();
    keys.hold = true;
    const answer = ask(key);
    await Promise.resolve();
    // The store read the record before the revoke; its answer arrives after the change was applied.
    keys.records.set(record.digest, { ...record, revokedAt: 1 });
    cache.apply([`credential:${record.id}`]);
    keys.hold = false;
    keys.release();
    expect(await answer).toEqual(refusal("credential_revoked", principalOf(record)));
    expect(ask(key)).toEqual(refusal("credential_revoked", principalOf(record)));
    expect(keys.asked).toBe(2);
  });

  test("of an absent key that was just made finds it", async () => {
    const { key, record } = keyWithRecord();
    keys.hold = true;
    const answer = ask(key);
    await Promise.resolve();
    keys.records.set(record.digest, record);
    cache.apply([`digest:${record.digest}`]);
    keys.hold = false;
    keys.release();
    expect(await answer).toMatchObject({ ok: true });
  });

  test("is kept where the change touched others only", async () => {
    const { key } = stored();
    keys.hold = true;
    const answer = ask(key);
    await Promise.resolve();
    cache.apply([`credential:${keyWithRecord().record.id}`]);
    keys.release();
    expect(await answer).toBe(ask(key));
    expect(keys.asked).toBe(1);
  });

  test("twice is refused as unavailable, and nothing is kept", async () => {
    const { key, record } = stored();
    keys.hold = true;
    const answer = ask(key);
    for (const round of [1, 2]) {
      await vi.waitFor(() => expect(keys.waiting).toBe(1));
      cache.apply(round === 1 ? ["all"] : [`credential:${record.id}`]);
      keys.release();
    }
    expect(await answer).toEqual(refusal("store_unavailable"));
    expect(cache.sizes()).toEqual({ found: 0, absent: 0, indexed: 0, fills: 0 });
  });
});
