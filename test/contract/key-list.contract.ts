import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import type { ApiKeyRecord, KeyQuery, Store } from "../../src/store/types.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { credentialId, record } from "../store/records.ts";

export interface KeyListUnderTest {
  reset(): Promise<void>;
  open(clock: Clock): Store;
}

/** Every promise of `KeyStore.list` on searches and states, on a real store. */
export function keyListContract(name: string, subject: KeyListUnderTest): void {
  describe(`${name} lists keys by name and state`, () => {
    let clock: FakeClock;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      await subject.reset();
      clock = fakeClock();
      store = subject.open(clock);
      other = subject.open(clock);
    });

    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
    });

    async function create(...changes: readonly Partial<ApiKeyRecord>[]): Promise<ApiKeyRecord[]> {
      const records = changes.map((change) => record(change));
      for (const one of records) await store.keys.create(one);
      return records;
    }

    const createNamed = (...names: readonly string[]): Promise<ApiKeyRecord[]> =>
      create(...names.map((one, at) => ({ name: one, last4: "zzzz", createdAt: 1000 + at })));

    async function found(query: Omit<KeyQuery, "limit">, limit = 1000): Promise<string[]> {
      return (await other.keys.list({ ...query, limit })).map((one) => one.name);
    }

    async function paged(query: Omit<KeyQuery, "limit" | "after">, limit: number): Promise<string[]> {
      const seen: ApiKeyRecord[] = [];
      for (;;) {
        const after = seen.at(-1)?.id;
        const page = await other.keys.list({ ...query, limit, ...(after === undefined ? {} : { after }) });
        seen.push(...page);
        if (page.length < limit) return seen.map(({ id }) => id);
      }
    }

    test("a search finds what begins with it, in the order of names, without regard to case", async () => {
      await createNamed("Reporting", "report", "REPORTS nightly", "my report", "repo", "Repoz");
      expect(await found({ search: "rEpOrT" })).toEqual(["report", "Reporting", "REPORTS nightly"]);
      expect(await found({ search: "repo" })).toEqual(["repo", "report", "Reporting", "REPORTS nightly", "Repoz"]);
      expect(await found({ search: "eport" })).toEqual([]);
      expect(await found({ search: "" })).toHaveLength(6);
    });

    test("wildcards, quotes and other special characters are plain text", async () => {
      const special = ["%", "_", "*", "?", "[a]", "\\", "'", '"', "a%b", "(", "-", "+", "{x}", "^", "$1"];
      await createNamed(...special, "plain");
      for (const text of special) {
        const expected = special.filter((one) => one.startsWith(text));
        expect((await found({ search: text })).toSorted()).toEqual(expected.toSorted());
      }
      for (const text of ["p%", "p*", "pl?in", ".*", "' OR 1=1 --", "\0", "p\0"]) {
        expect(await found({ search: text })).toEqual([]);
      }
    });

    test("names in any script are found, however they are composed and cased", async () => {
      await createNamed(
        "Ärger",
        "A\u0308hnlich",
        "ÉTÉ",
        "日本語キー",
        "日本",
        "😀 face",
        "Ωmega",
        "İstanbul",
        "\u{10FFFF}",
      );
      expect(await found({ search: "ä" })).toEqual(["A\u0308hnlich", "Ärger"]);
      expect(await found({ search: "a\u0308" })).toHaveLength(2);
      expect(await found({ search: "été" })).toEqual(["ÉTÉ"]);
      expect(await found({ search: "日本" })).toEqual(["日本", "日本語キー"]);
      expect(await found({ search: "😀" })).toEqual(["😀 face"]);
      expect(await found({ search: "ω" })).toEqual(["Ωmega"]);
      expect(await found({ search: "İ" })).toEqual(["İstanbul"]);
      expect(await found({ search: "\u{10FFFF}" })).toEqual(["\u{10FFFF}"]);
    });

    test("a search finds a key by its whole id, and by its last four characters in their case", async () => {
      const [first, second] = await create(
        { name: "one", last4: "aB3z" },
        { name: "two", last4: "ab3z" },
        { name: "aB3z is a name too", last4: "aB3z" },
      );
      expect(await found({ search: first?.id ?? "" })).toEqual(["one"]);
      expect(await found({ search: (second?.id ?? "").slice(0, -1) })).toEqual([]);
      expect(await found({ search: "aB3z" })).toEqual(["aB3z is a name too", "one"]);
      expect(await found({ search: "ab3z" })).toEqual(["aB3z is a name too", "two"]);
      expect(await found({ search: "B3z" })).toEqual([]);
      expect(await paged({ search: "aB3z" }, 1)).toHaveLength(2);
    });

    test("pages of a search hold each key once, many of one name too", async () => {
      const same = await create(...Array.from({ length: 60 }, () => ({ name: "Same", last4: "same" })));
      const [before, after] = await create({ name: "samd", last4: "same" }, { name: "samf", last4: "same" });
      await create({ name: "samd" });
      const ids = [before?.id ?? "", ...same.map(({ id }) => id).toSorted(), after?.id ?? ""];
      for (const limit of [1, 7, 62, 63]) expect(await paged({ search: "same" }, limit)).toEqual(ids);
    });

    test("a page after an unknown id is empty", async () => {
      await createNamed("a");
      expect(await found({ search: "a", after: credentialId() })).toEqual([]);
      expect(await found({ state: "active", after: credentialId() })).toEqual([]);
    });

    test("states are as they are now, newest first", async () => {
      const now = clock.now();
      await create(
        { name: "eternal", createdAt: 1 },
        { name: "ending", createdAt: 2, expiresAt: now + 1000 },
        { name: "ended", createdAt: 3, expiresAt: now },
        { name: "revoked", createdAt: 4, revokedAt: 5 },
        { name: "revoked and ended", createdAt: 5, revokedAt: 5, expiresAt: 6 },
      );
      expect(await found({ state: "active" })).toEqual(["ending", "eternal"]);
      expect(await found({ state: "expired" })).toEqual(["ended"]);
      expect(await found({ state: "revoked" })).toEqual(["revoked and ended", "revoked"]);
      clock.advance(1000);
      expect(await found({ state: "active" })).toEqual(["eternal"]);
      expect(await found({ state: "expired" })).toEqual(["ended", "ending"]);
      expect(await found({ state: "revoked", search: "REVOKED A" })).toEqual(["revoked and ended"]);
      expect(await found({ state: "active", search: "e" })).toEqual(["eternal"]);
      expect(await found({ state: "expired", search: "e" })).toEqual(["ended", "ending"]);
    });

    test("a revoke and a rotation move keys between states, and the new key is found", async () => {
      const [one, two] = await createNamed("one", "two");
      await store.keys.revoke(one?.id ?? credentialId(), clock.now());
      await store.keys.rotate(two?.id ?? credentialId(), record({ name: "two again" }), clock.now(), clock.now() - 1);
      expect(await found({ state: "revoked" })).toEqual(["one"]);
      expect(await found({ state: "expired" })).toEqual(["two"]);
      expect(await found({ state: "active" })).toEqual(["two again"]);
      expect(await found({ search: "TWO" })).toEqual(["two", "two again"]);
    });

    test("full pages of one state come from among many of others", async () => {
      const mixed = Array.from({ length: 300 }, (_, at) => ({
        name: `key ${String(at).padStart(3, "0")}`,
        createdAt: at,
        revokedAt: at % 50 === 0 ? 1 : null,
      }));
      await create(...mixed);
      for (const query of [{ state: "revoked" }, { state: "revoked", search: "key" }] as const) {
        expect(await found(query, 4)).toHaveLength(4);
        expect(new Set(await paged(query, 4)).size).toBe(6);
        expect(await paged(query, 4)).toHaveLength(6);
      }
    });
  });
}
