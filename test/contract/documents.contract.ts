import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { isClientId, isGrantId, isPersonId } from "../../src/core/ids.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import type { NewDocument, Store, StoredDocument } from "../../src/store/types.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { newEar } from "./store.contract.ts";

/** What the suite needs: fresh data for each test, stores on it, and a restart of what is behind them. */
export interface DocumentsUnderTest {
  reset(): Promise<void>;
  open(clock: Clock): Store;
  /** Called while no store is open. */
  restart(): Promise<void>;
}

const AT = 1_700_000_000_000;

/** A document of kind `thing` that never ends. */
function thing(id: string, changes: Partial<NewDocument> = {}): NewDocument {
  const value = { note: "Büro ☕ 'quoted' \0", list: [], nested: { empty: {}, none: null, number: 1.5 } };
  return { kind: "thing", id, value, createdAt: AT, expiresAt: null, lookups: [], groups: [], ...changes };
}

function stored(document: NewDocument, changes: Partial<StoredDocument> = {}): StoredDocument {
  return { ...document, consumedAt: null, version: 1, ...changes };
}

function wins(results: readonly boolean[]): number {
  return results.filter(Boolean).length;
}

/** Of ids that the brand's guard takes. */
const TAGS: readonly ChangeTag[] = [
  ...["usr_abcdefghijklmnopqrst"].filter(isPersonId).map((id): ChangeTag => `person:${id}`),
  ...["https://app.example/client.json?a=b:c#all", "all", "grant:x"]
    .filter(isClientId)
    .map((id): ChangeTag => `client:${id}`),
  ...["grant_abcdefghijklmnopqrstuv"].filter(isGrantId).map((id): ChangeTag => `grant:${id}`),
];

const HOSTILE_IDS = [
  "x:y",
  "thing:x",
  "{portcullis}:changes",
  "}",
  "'; DROP TABLE documents; --",
  '"]}',
  "a*?[b]",
  "__proto__",
  "%00",
  "\\",
  "-1",
  "x".repeat(512),
].map((id) => id.replaceAll(" ", "_"));

const IMPOSSIBLE_IDS = ["", " ", "a b", "a\nb", "a\0b", "ü", "x".repeat(513)];

/** Every promise of `DocumentStore` and `CounterStore`, on a real store. */
export function documentsContract(name: string, subject: DocumentsUnderTest): void {
  describe(`${name} keeps the promises of documents and counters`, () => {
    let clock: FakeClock;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      await subject.reset();
      clock = fakeClock(AT);
      store = subject.open(clock);
      other = subject.open(clock);
    });

    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
    });

    /** `count` calls at once, by turns on both stores. */
    function inParallel<T>(count: number, call: (by: Store, turn: number) => Promise<T>): Promise<T[]> {
      return Promise.all(Array.from({ length: count }, (_, turn) => call(turn % 2 === 0 ? store : other, turn)));
    }

    test("an inserted document is read by id and lookups, with every field, from every store", async () => {
      const full = thing("full", { expiresAt: AT + 60_000, lookups: ["email:a", "code:b"], groups: ["all", "by:a"] });
      const bare = thing("bare", { value: {} });
      expect(await store.documents.insert(full)).toBe(true);
      expect(await store.documents.insert(bare)).toBe(true);
      for (const { documents } of [store, other]) {
        expect(await documents.get("thing", "full")).toEqual(stored(full));
        expect(await documents.find("thing", "email:a")).toEqual(stored(full));
        expect(await documents.find("thing", "code:b")).toEqual(stored(full));
        expect(await documents.get("thing", "bare")).toEqual(stored(bare));
      }
    });

    test("what is unknown is absent for every call", async () => {
      const { documents } = store;
      await documents.insert(thing("a", { lookups: ["l"], groups: ["g"] }));
      expect(await documents.get("thing", "b")).toBeNull();
      expect(await documents.get("other", "a")).toBeNull();
      expect(await documents.find("thing", "a")).toBeNull();
      expect(await documents.find("other", "l")).toBeNull();
      expect(await documents.consume("other", "a", AT)).toBe(false);
      expect(await documents.remove("other", "a")).toBe(false);
      expect(await documents.removeGroup("g", ["other"])).toBe(0);
      expect(await documents.removeGroup("g", [])).toBe(0);
      expect(await documents.replace(thing("b"), 1)).toBe(false);
      expect(await documents.replace(thing("b"), 0)).toBe(false);
      expect(await documents.list("other", "g", { limit: 10 })).toEqual([]);
      expect(await documents.count("other", "g")).toBe(0);
      expect(await documents.get("thing", "a")).not.toBeNull();
    });

    test("an id or lookup that is taken refuses an insert, and nothing of it is written", async () => {
      const first = thing("first", { lookups: ["name:x"], groups: ["g"] });
      await store.documents.insert(first);
      expect(await other.documents.insert(thing("first", { lookups: ["name:y"], groups: ["h"] }))).toBe(false);
      expect(await other.documents.insert(thing("second", { lookups: ["name:z", "name:x"], groups: ["h"] }))).toBe(
        false,
      );
      expect(await store.documents.get("thing", "first")).toEqual(stored(first));
      expect(await store.documents.get("thing", "second")).toBeNull();
      for (const lookup of ["name:y", "name:z"]) expect(await store.documents.find("thing", lookup)).toBeNull();
      expect(await store.documents.count("thing", "h")).toBe(0);
    });

    test("ids, lookups and groups of one kind are apart from those of another", async () => {
      const [one, two] = ["thing", "Thing"].map((kind) => thing("same", { kind, lookups: ["l"], groups: ["g"] }));
      if (one === undefined || two === undefined) throw new Error("two documents");
      expect(await store.documents.insert(one)).toBe(true);
      expect(await store.documents.insert(two)).toBe(true);
      expect(await store.documents.remove("thing", "same")).toBe(true);
      expect(await store.documents.find("Thing", "l")).toEqual(stored(two));
      expect(await store.documents.list("Thing", "g", { limit: 5 })).toEqual([stored(two)]);
    });

    test("put adds, then takes the place, with its names, and what was consumed stays consumed", async () => {
      const { documents } = store;
      const before = thing("a", { lookups: ["old"], groups: ["old", "kept"] });
      const after = thing("a", { value: { n: 2 }, createdAt: AT + 1, lookups: ["new"], groups: ["new", "kept"] });
      expect(await documents.put(before)).toBe(true);
      expect(await documents.consume("thing", "a", AT + 7)).toBe(true);
      expect(await other.documents.put(after)).toBe(true);
      const now = stored(after, { consumedAt: AT + 7, version: 3 });
      expect(await documents.get("thing", "a")).toEqual(now);
      expect(await documents.find("thing", "old")).toBeNull();
      expect(await documents.find("thing", "new")).toEqual(now);
      expect(await documents.list("thing", "old", { limit: 9 })).toEqual([]);
      expect(await documents.list("thing", "new", { limit: 9 })).toEqual([now]);
      expect(await documents.list("thing", "kept", { limit: 9 })).toEqual([now]);
      expect(await documents.count("thing", "kept")).toBe(1);
      expect(await documents.consume("thing", "a", AT + 9)).toBe(false);
    });

    test("neither put nor replace takes a lookup that is another's", async () => {
      const [one, two] = [thing("one", { lookups: ["l"] }), thing("two", { lookups: ["m"] })];
      await store.documents.insert(one);
      await store.documents.insert(two);
      expect(await store.documents.put(thing("two", { lookups: ["l"] }))).toBe(false);
      expect(await store.documents.replace(thing("two", { lookups: ["l"] }), 1)).toBe(false);
      expect(await store.documents.find("thing", "l")).toEqual(stored(one));
      expect(await store.documents.find("thing", "m")).toEqual(stored(two));
    });

    test("replace writes only over the version that was read, and every write counts", async () => {
      const { documents } = store;
      await documents.insert(thing("a"));
      const next = thing("a", { value: { n: 2 } });
      expect(await documents.replace(next, 2)).toBe(false);
      expect(await documents.replace(next, 1)).toBe(true);
      expect(await documents.replace(thing("a"), 1)).toBe(false);
      expect(await documents.get("thing", "a")).toEqual(stored(next, { version: 2 }));
      await documents.consume("thing", "a", AT);
      expect(await documents.replace(thing("a"), 2)).toBe(false);
      expect(await documents.replace(next, 3)).toBe(true);
      expect(await documents.get("thing", "a")).toEqual(stored(next, { consumedAt: AT, version: 4 }));
    });

    test("of 20 parallel inserts of one id, consumptions, replacements and removals, one wins each", async () => {
      expect(wins(await inParallel(20, (by, turn) => by.documents.insert(thing("a", { value: { turn } }))))).toBe(1);
      expect(wins(await inParallel(20, (by) => by.documents.consume("thing", "a", AT)))).toBe(1);
      const replaced = await inParallel(20, (by, turn) => by.documents.replace(thing("a", { value: { turn } }), 2));
      expect(wins(replaced)).toBe(1);
      expect((await store.documents.get("thing", "a"))?.value).toEqual({ turn: replaced.indexOf(true) });
      expect(wins(await inParallel(20, (by) => by.documents.remove("thing", "a")))).toBe(1);
    });

    test("of 20 parallel inserts under one lookup one wins, and it alone is there", async () => {
      const won = await inParallel(20, (by, turn) =>
        by.documents.insert(thing(`t${turn}`, { lookups: ["one"], groups: ["g"] })),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await other.documents.find("thing", "one"))?.id).toBe(`t${won.indexOf(true)}`);
      expect(await store.documents.count("thing", "g")).toBe(1);
    });

    test("what has expired is absent for every call, from the very millisecond on", async () => {
      const { documents } = store;
      const brief = thing("brief", { expiresAt: AT + 60_000, lookups: ["l"], groups: ["g"] });
      await documents.insert(brief);
      await documents.insert(thing("lasting", { createdAt: AT - 5, groups: ["g"] }));
      clock.advance(59_999);
      expect(await documents.get("thing", "brief")).toEqual(stored(brief));
      expect(await documents.count("thing", "g")).toBe(2);
      clock.advance(1);
      expect(await documents.get("thing", "brief")).toBeNull();
      expect(await documents.find("thing", "l")).toBeNull();
      expect(await documents.consume("thing", "brief", AT)).toBe(false);
      expect(await documents.replace(brief, 1)).toBe(false);
      expect(await documents.count("thing", "g")).toBe(1);
      expect((await documents.list("thing", "g", { limit: 1 })).map(({ id }) => id)).toEqual(["lasting"]);
      expect(await documents.list("thing", "g", { limit: 1, after: "brief" })).toEqual([]);
      expect(await documents.removeGroup("g", ["thing"])).toBe(1);
      expect(await documents.remove("thing", "brief")).toBe(false);
    });

    test("an id and a lookup held by what has expired are free again, and begin anew", async () => {
      const { documents } = store;
      await documents.insert(thing("a", { expiresAt: AT + 20_000, lookups: ["l", "m"], groups: ["g"] }));
      await documents.insert(thing("b", { expiresAt: AT + 20_000, lookups: ["n"], groups: ["g"] }));
      await documents.consume("thing", "a", AT);
      clock.advance(20_000);
      const again = thing("a", { lookups: ["k"] });
      const heir = thing("c", { expiresAt: AT + 120_000, lookups: ["l", "n"] });
      expect(await documents.insert(again)).toBe(true);
      expect(await documents.put(heir)).toBe(true);
      expect(await documents.get("thing", "a")).toEqual(stored(again));
      for (const lookup of ["l", "n"]) expect(await documents.find("thing", lookup)).toEqual(stored(heir));
      expect(await documents.find("thing", "m")).toBeNull();
      expect(await documents.list("thing", "g", { limit: 9 })).toEqual([]);
      expect(await documents.count("thing", "g")).toBe(0);
      // What swept the old ones has not taken names of the new ones.
      expect(await documents.insert(thing("b", { lookups: ["o"] }))).toBe(true);
      expect(await documents.find("thing", "n")).toEqual(stored(heir));
    });

    test("a put may make a life longer, shorter or endless", async () => {
      const { documents } = store;
      const named = { lookups: ["l"], groups: ["g"] };
      await documents.put(thing("a", { expiresAt: AT + 60_000, ...named }));
      await documents.put(thing("a", { expiresAt: AT + 600_000, ...named }));
      clock.advance(300_000);
      expect((await documents.find("thing", "l"))?.version).toBe(2);
      await documents.put(thing("a", named));
      clock.advance(900_000);
      expect(await documents.count("thing", "g")).toBe(1);
      await documents.put(thing("a", { expiresAt: AT, ...named }));
      expect(await documents.get("thing", "a")).toBeNull();
      expect(await documents.count("thing", "g")).toBe(0);
    });

    test("a removed document takes its names with it", async () => {
      const { documents } = store;
      await documents.insert(thing("a", { lookups: ["l"], groups: ["g"] }));
      expect(await other.documents.remove("thing", "a")).toBe(true);
      expect(await documents.remove("thing", "a")).toBe(false);
      expect(await documents.find("thing", "l")).toBeNull();
      expect(await documents.list("thing", "g", { limit: 9 })).toEqual([]);
      expect(await documents.insert(thing("b", { lookups: ["l"] }))).toBe(true);
    });

    test("a group is removed of the kinds named, with all names, and no other", async () => {
      const { documents } = store;
      for (let at = 0; at < 30; at += 1) {
        await documents.insert(thing(`a${at}`, { lookups: [`a${at}`], groups: ["g", "h"] }));
        await documents.insert(thing(`b${at}`, { kind: "Token", groups: ["g"] }));
      }
      await documents.insert(thing("kept", { kind: "Other", groups: ["g"] }));
      await documents.insert(thing("apart", { groups: ["h"] }));
      expect(await other.documents.removeGroup("g", ["thing", "Token", "Token", "None"])).toBe(60);
      expect(await documents.removeGroup("g", ["thing", "Token"])).toBe(0);
      expect(await documents.get("thing", "a7")).toBeNull();
      expect(await documents.find("thing", "a7")).toBeNull();
      expect((await documents.list("thing", "h", { limit: 99 })).map(({ id }) => id)).toEqual(["apart"]);
      expect(await documents.count("Other", "g")).toBe(1);
    });

    test("a list pages through 250 with equal times, each once, newest first", async () => {
      const { documents } = store;
      const ids = Array.from({ length: 250 }, (_, at) => `t${at}`);
      await documents.insert(thing("older", { createdAt: AT - 1, groups: ["g"] }));
      for (const id of ids) await documents.insert(thing(id, { groups: ["g"] }));
      await documents.insert(thing("newer", { createdAt: AT + 1, groups: ["g"] }));
      const seen: string[] = [];
      for (;;) {
        const after = seen.at(-1);
        const page = await other.documents.list("thing", "g", { limit: 40, ...(after === undefined ? {} : { after }) });
        expect(page.length).toBeLessThanOrEqual(40);
        seen.push(...page.map(({ id }) => id));
        if (page.length === 0) break;
      }
      expect(seen[0]).toBe("newer");
      expect(seen.at(-1)).toBe("older");
      expect(seen.slice(1, -1)).toEqual(ids.toSorted().toReversed());
      expect(await documents.count("thing", "g")).toBe(252);
      expect(await documents.list("thing", "g", { limit: 9, after: "nobody" })).toEqual([]);
    });

    test("hostile ids, lookups and groups are names like any other", async () => {
      const { documents } = store;
      for (const id of HOSTILE_IDS) {
        const one = thing(id, { value: { id }, lookups: [id], groups: [id] });
        expect(await documents.insert(one)).toBe(true);
      }
      for (const id of HOSTILE_IDS) {
        const one = stored(thing(id, { value: { id }, lookups: [id], groups: [id] }));
        expect(await other.documents.get("thing", id)).toEqual(one);
        expect(await other.documents.find("thing", id)).toEqual(one);
        expect(await other.documents.list("thing", id, { limit: 9 })).toEqual([one]);
      }
      for (const id of HOSTILE_IDS) expect(await documents.removeGroup(id, ["thing"])).toBe(1);
      await store.ping();
    });

    test("ids that cannot be are absent when read, and refused when written", async () => {
      const { documents } = store;
      const refused = { name: "StoreUnavailable" };
      for (const id of IMPOSSIBLE_IDS) {
        expect(await documents.get("thing", id)).toBeNull();
        expect(await documents.consume("thing", id, AT)).toBe(false);
        expect(await documents.remove("thing", id)).toBe(false);
        await expect(documents.insert(thing(id))).rejects.toMatchObject(refused);
      }
      for (const text of ["", "a b", "ü"]) {
        expect(await documents.find("thing", text)).toBeNull();
        expect(await documents.list("thing", text, { limit: 1 })).toEqual([]);
        expect(await documents.count("thing", text)).toBe(0);
        expect(await documents.removeGroup(text, ["thing"])).toBe(0);
        await expect(documents.put(thing("a", { lookups: [text] }))).rejects.toMatchObject(refused);
        await expect(documents.put(thing("a", { groups: [text] }))).rejects.toMatchObject(refused);
      }
      expect(await documents.get("thing:a", "b")).toBeNull();
      await expect(documents.insert(thing("b", { kind: "thing:a" }))).rejects.toMatchObject(refused);
      await expect(documents.insert(thing("b", { createdAt: 1.5 }))).rejects.toMatchObject(refused);
      await expect(documents.insert(thing("b", { value: { big: 1n } }))).rejects.toMatchObject(refused);
      expect(await documents.get("thing", "a")).toBeNull();
    });

    test("members of a value named __proto__ and constructor stay what they are", async () => {
      const text = '{"__proto__":{"admin":true},"constructor":1}';
      const value: Record<string, unknown> = JSON.parse(text);
      await store.documents.insert(thing("a", { value }));
      expect(JSON.stringify((await other.documents.get("thing", "a"))?.value)).toBe(text);
    });

    test("what was acknowledged is there after a restart", async () => {
      const document = thing("a", { lookups: ["l"], groups: ["g"], expiresAt: AT + 60_000 });
      await store.documents.insert(document);
      await store.documents.consume("thing", "a", AT + 1);
      await store.counters.add("c", 60_000);
      await Promise.all([store.close(), other.close()]);
      await subject.restart();
      store = subject.open(clock);
      const kept = stored(document, { consumedAt: AT + 1, version: 2 });
      expect(await store.documents.get("thing", "a")).toEqual(kept);
      expect(await store.documents.find("thing", "l")).toEqual(kept);
      expect(await store.documents.list("thing", "g", { limit: 1 })).toEqual([kept]);
      expect(await store.documents.consume("thing", "a", AT + 2)).toBe(false);
      expect((await store.counters.read("c")).count).toBe(1);
    });

    test("the tags of a change reach followers of every store, before it resolves where it takes away", async () => {
      const [here, there] = [newEar(), newEar()];
      await store.changes.follow(here.onChange);
      await other.changes.follow(there.onChange);
      const { documents } = store;
      const group = thing("b", { groups: ["g"] });
      await documents.insert(thing("quiet"));
      const changes: readonly (() => Promise<unknown>)[] = [
        () => documents.insert(thing("a"), TAGS),
        () => documents.put(thing("a"), ["all"]),
        () => documents.replace(thing("a"), 2, TAGS),
        () => documents.remove("thing", "a", TAGS),
        () => documents.insert(group),
        () => documents.removeGroup("g", ["thing"], TAGS.slice(1)),
      ];
      for (const change of changes) await change();
      other.changes.poll();
      // Without another wait: the last one took something away.
      const wanted = [TAGS, ["all"], TAGS, TAGS, TAGS.slice(1)];
      expect(there.changes).toEqual(wanted);
      await vi.waitFor(() => expect(here.changes).toEqual(wanted));
    });

    test("a change that was refused tells nothing, and a repeated removal tells again", async () => {
      const ear = newEar();
      await store.changes.follow(ear.onChange);
      const { documents } = other;
      await documents.insert(thing("a"));
      await documents.insert(thing("a"), TAGS);
      await documents.replace(thing("a"), 7, TAGS);
      await documents.remove("thing", "nobody", ["all"]);
      store.changes.poll();
      await vi.waitFor(() => expect(ear.changes).toEqual([["all"]]));
    });

    test("a counter counts its window for all stores, from its first use on, and then begins anew", async () => {
      expect(await store.counters.read("a")).toEqual({ count: 0, resetsAt: 0 });
      expect(await store.counters.add("a", 60_000)).toEqual({ count: 1, resetsAt: AT + 60_000 });
      clock.advance(400);
      expect(await other.counters.add("a", 60_000)).toEqual({ count: 2, resetsAt: AT + 60_000 });
      clock.advance(59_599);
      expect(await other.counters.read("a")).toEqual({ count: 2, resetsAt: AT + 60_000 });
      clock.advance(1);
      expect(await other.counters.read("a")).toEqual({ count: 0, resetsAt: 0 });
      expect(await store.counters.add("a", 5000)).toEqual({ count: 1, resetsAt: AT + 65_000 });
    });

    test("no parallel count is lost, and counters are apart, whatever their names", async () => {
      const names = ["a", "A", "a ", "", "ü", "a:b", "{portcullis}", "x".repeat(5000)];
      const sums = await inParallel(20, (by) => by.counters.add("contended", 60_000));
      expect(sums.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual(sums.map((_, at) => at + 1));
      for (const one of names) expect((await store.counters.add(one, 60_000)).count).toBe(1);
      await other.counters.clear("a");
      expect((await store.counters.read("a")).count).toBe(0);
      expect((await store.counters.read("A")).count).toBe(1);
    });

    test("a count is taken back from its own window alone, and never below nought", async () => {
      const { resetsAt } = await store.counters.add("a", 60_000);
      await store.counters.add("a", 60_000);
      await other.counters.takeBack("a", resetsAt);
      expect(await store.counters.read("a")).toEqual({ count: 1, resetsAt });
      for (const end of [resetsAt - 1, resetsAt, resetsAt]) await store.counters.takeBack("a", end);
      expect((await store.counters.add("a", 60_000)).count).toBe(1);
      clock.advance(60_000);
      const next = await store.counters.add("a", 60_000);
      await store.counters.takeBack("a", resetsAt);
      expect(await store.counters.read("a")).toEqual(next);
      await store.counters.takeBack("unknown", resetsAt);
      expect((await store.counters.read("unknown")).count).toBe(0);
    });

    test("no count is lost where others are taken back at the same time", async () => {
      const { resetsAt } = await store.counters.add("contended", 60_000);
      await inParallel(20, async ({ counters }) => {
        await counters.add("contended", 60_000);
        await counters.takeBack("contended", resetsAt);
      });
      expect((await other.counters.read("contended")).count).toBe(1);
    });

    test("after close every call is refused as unavailable", async () => {
      const closed = subject.open(clock);
      await closed.close();
      const { documents, counters } = closed;
      const calls = [
        documents.insert(thing("a")),
        documents.put(thing("a")),
        documents.replace(thing("a"), 1),
        documents.get("thing", "a"),
        documents.find("thing", "a"),
        documents.consume("thing", "a", AT),
        documents.remove("thing", "a"),
        documents.removeGroup("g", ["thing"]),
        documents.list("thing", "g", { limit: 1 }),
        documents.count("thing", "g"),
        counters.add("a", 1000),
        counters.read("a"),
        counters.takeBack("a", AT),
        counters.clear("a"),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ name: "StoreUnavailable" });
    });
  });
}
