import { describe, expect, test } from "vitest";
import { createCredentialCache, type CredentialCache, type CredentialFacts } from "../../src/store/cache.ts";
import { fakeClock } from "./fake-clock.ts";
import { credentialId, digestOf, record } from "./records.ts";

const clock = fakeClock();

function newCache(maxEntries: number): CredentialCache {
  return createCredentialCache({ maxEntries, ttlMs: 60_000, negativeTtlMs: 5000, clock });
}

function facts(one = record()): CredentialFacts {
  const principal = {
    kind: "api_key",
    credentialId: one.id,
    subject: one.subject,
    scopes: new Set(one.scopes),
    portal: null,
    expiresAt: null,
  } as const;
  return { accepted: { ok: true, principal }, digest: one.digest, revoked: false, expiresAt: Infinity };
}

describe("the credential cache", () => {
  test("holds a flood of 200,000 unknown keys within its bound, and the good entry is still there", () => {
    const cache = newCache(1000);
    cache.put("good", facts());
    for (let turn = 0; turn < 200_000; turn += 1) cache.putAbsent(`bad-${turn}`, digestOf(`bad-${turn}`));
    expect(cache.get("good")).toBeDefined();
    expect(cache.sizes()).toEqual({ found: 1, absent: 1000, indexed: 1002, fills: 0 });
  });

  test("keeps its index in step when entries are evicted, replaced and dropped", () => {
    const cache = newCache(100);
    const records = Array.from({ length: 500 }, () => record());
    for (const one of records) cache.putAbsent(one.id, one.digest);
    for (const one of records) cache.put(one.id, facts(one));
    expect(cache.sizes()).toEqual({ found: 100, absent: 100 - 100, indexed: 200, fills: 0 });
    for (const one of records.slice(-50)) cache.putAbsent(one.id, one.digest);
    expect(cache.sizes()).toEqual({ found: 50, absent: 50, indexed: 150, fills: 0 });
    for (const one of records.slice(-100)) cache.apply([`credential:${one.id}`, `digest:${one.digest}`]);
    expect(cache.sizes()).toEqual({ found: 0, absent: 0, indexed: 0, fills: 0 });
  });

  test("drops by credential, by digest and all", () => {
    const cache = newCache(100);
    const [one, two, three] = [record(), record(), record()];
    for (const each of [one, two, three]) cache.put(each.id, facts(each));
    cache.putAbsent("absent", digestOf("absent"));
    cache.apply([`credential:${one.id}`]);
    expect(cache.get(one.id)).toBeUndefined();
    cache.apply([`digest:${two.digest}`, `digest:${digestOf("absent")}`]);
    expect(cache.get(two.id)).toBeUndefined();
    expect(cache.isAbsent("absent")).toBe(false);
    expect(cache.get(three.id)).toBeDefined();
    cache.putAbsent("absent", digestOf("absent"));
    cache.apply(["all"]);
    expect(cache.sizes()).toEqual({ found: 0, absent: 0, indexed: 0, fills: 0 });
  });

  test("forgets that a credential is absent after the negative ttl", () => {
    const cache = newCache(100);
    cache.putAbsent("absent", digestOf("absent"));
    clock.advance(4999);
    expect(cache.isAbsent("absent")).toBe(true);
    clock.advance(1);
    expect(cache.isAbsent("absent")).toBe(false);
    expect(cache.sizes().absent).toBe(0);
  });

  test("tells a look-up of the changes since its start that touch it, and of no others", () => {
    const cache = newCache(100);
    const one = record();
    cache.apply([`digest:${one.digest}`]);
    const fill = cache.beginFill();
    cache.apply([`credential:${credentialId()}`, `digest:${digestOf("other")}`]);
    expect(fill.touched(one.digest, one.id)).toBe(false);
    cache.apply([`credential:${one.id}`]);
    expect(fill.touched(one.digest, one.id)).toBe(true);
    expect(fill.touched(one.digest, null)).toBe(false);
    expect(cache.beginFill().touched(one.digest, one.id)).toBe(false);
    fill.end();
    expect(cache.sizes().fills).toBe(1);
  });

  test("counts a look-up as touched after more changes than it remembers", () => {
    const cache = newCache(100);
    const fill = cache.beginFill();
    for (let turn = 0; turn < 1001; turn += 1) cache.apply([`digest:${digestOf(String(turn))}`]);
    expect(fill.touched(digestOf("untouched"), null)).toBe(true);
  });
});
