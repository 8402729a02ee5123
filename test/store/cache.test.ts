import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCredentialCache, type CredentialCache, type CredentialFacts } from "../../src/store/cache.ts";
import { fakeClock } from "./fake-clock.ts";
import { isClientId, isGrantId, isPersonId } from "../../src/core/ids.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { credentialId, digestOf, record } from "./records.ts";

const clock = fakeClock();

function newCache(maxEntries: number): CredentialCache {
  return createCredentialCache({ maxEntries, ttlMs: 60_000, negativeTtlMs: 5000, clock });
}

function facts(one = record(), tags: readonly ChangeTag[] = []): CredentialFacts {
  const principal = {
    kind: "api_key",
    credentialId: one.id,
    subject: one.subject,
    scopes: new Set(one.scopes),
    portal: null,
    expiresAt: null,
  } as const;
  const accepted = { ok: true, principal, digest: one.digest, mcpAccess: true } as const;
  return { accepted, digest: one.digest, tags, revoked: false, expiresAt: Infinity };
}

const RECORDS = Array.from({ length: 12 }, () => record());

/** The tag of a grant. */
function grantTag(number: number): ChangeTag {
  const id = `grant_${String(number).padStart(22, "0")}`;
  if (!isGrantId(id)) throw new Error(`no grant: ${id}`);
  return `grant:${id}`;
}

function personTag(): ChangeTag {
  const id = `usr_${"0".repeat(20)}`;
  if (!isPersonId(id)) throw new Error(`no person: ${id}`);
  return `person:${id}`;
}

function clientTag(): ChangeTag {
  const id: string = "https://client.example/metadata.json";
  if (!isClientId(id)) throw new Error(`no client: ${id}`);
  return `client:${id}`;
}

const [PERSON, CLIENT] = [personTag(), clientTag()];

const step = fc.record({
  act: fc.constantFrom("put", "put", "put", "absent", "drop", "one", "all"),
  at: fc.nat(RECORDS.length - 1),
  tags: fc.array(fc.constantFrom(PERSON, CLIENT, grantTag(1), grantTag(2), grantTag(3)), { maxLength: 4 }),
});

describe("the credential cache", () => {
  test("spreads over a tenth of the ttl when what came in together is asked for again", () => {
    let next = 0;
    const random = (): number => (next = (next + 0.25) % 1);
    const cache = createCredentialCache({ maxEntries: 10, ttlMs: 60_000, negativeTtlMs: 0, random, clock });
    const ends = ["a", "b", "c", "d"].map((key) => cache.put(key, facts()).freshUntil - clock.monotonic());
    expect(ends).toEqual([58_500, 57_000, 55_500, 60_000]);
  });

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
    expect(fill.touched(one.digest, facts(one))).toBe(false);
    cache.apply([`credential:${one.id}`]);
    expect(fill.touched(one.digest, facts(one))).toBe(true);
    expect(fill.touched(one.digest, null)).toBe(false);
    expect(cache.beginFill().touched(one.digest, facts(one))).toBe(false);
    fill.end();
    expect(cache.sizes().fills).toBe(1);
  });

  test("drops every entry that carries a tag of a group, and no other", () => {
    const cache = newCache(100);
    const [one, two, three] = [record(), record(), record()];
    cache.put(one.id, facts(one, [PERSON, grantTag(1)]));
    cache.put(two.id, facts(two, [PERSON, grantTag(2)]));
    cache.put(three.id, facts(three, [CLIENT]));
    cache.apply([grantTag(1)]);
    expect([one, two, three].map(({ id }) => cache.get(id) !== undefined)).toEqual([false, true, true]);
    cache.put(one.id, facts(one, [PERSON, grantTag(1)]));
    cache.apply([PERSON]);
    expect([one, two, three].map(({ id }) => cache.get(id) !== undefined)).toEqual([false, false, true]);
    expect(cache.sizes()).toEqual({ found: 1, absent: 0, indexed: 3, fills: 0 });
    cache.apply([CLIENT]);
    expect(cache.sizes()).toEqual({ found: 0, absent: 0, indexed: 0, fills: 0 });
  });

  test("tells a look-up of changes to the groups of what was found", () => {
    const cache = newCache(100);
    const one = record();
    const fill = cache.beginFill();
    cache.apply([PERSON]);
    expect(fill.touched(one.digest, facts(one, [CLIENT, PERSON]))).toBe(true);
    expect(fill.touched(one.digest, facts(one, [CLIENT]))).toBe(false);
    expect(fill.touched(one.digest, null)).toBe(false);
  });

  test("has in its index what its entries carry and nothing else, whatever happens to them", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const cache = newCache(5);
        const shadow = new Map<string, readonly ChangeTag[]>();
        for (const { act, at, tags } of steps) {
          const one = RECORDS[at % RECORDS.length] ?? record();
          if (act === "put") {
            cache.put(one.id, facts(one, tags));
            shadow.set(one.id, [...new Set(tags)]);
          } else if (act === "absent") cache.putAbsent(one.id, one.digest);
          else if (act === "drop") cache.apply(tags);
          else if (act === "one") cache.apply([`credential:${one.id}`]);
          else cache.apply(["all"]);
          const dropped = act === "drop" ? tags : [];
          const carriers = RECORDS.filter(({ id }) => shadow.get(id)?.some((tag) => dropped.includes(tag)) === true);
          expect(carriers.filter(({ id }) => cache.get(id) !== undefined)).toEqual([]);
          const held = RECORDS.filter(({ id }) => cache.get(id) !== undefined);
          const ofGroups = held.reduce((sum, { id }) => sum + (shadow.get(id)?.length ?? 0), 0);
          const { absent, found, indexed } = cache.sizes();
          expect(found).toBe(held.length);
          expect(indexed).toBe(2 * found + ofGroups + absent);
        }
        cache.apply(RECORDS.map(({ digest }) => `digest:${digest}` as const));
        expect(cache.sizes()).toEqual({ found: 0, absent: 0, indexed: 0, fills: 0 });
      }),
    );
  });

  test("counts a look-up as touched after more changes than it remembers", () => {
    const cache = newCache(100);
    const fill = cache.beginFill();
    for (let turn = 0; turn < 1001; turn += 1) cache.apply([`digest:${digestOf(String(turn))}`]);
    expect(fill.touched(digestOf("untouched"), null)).toBe(true);
  });
});
