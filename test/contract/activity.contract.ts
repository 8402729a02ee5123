import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import type { Activity } from "../../src/core/activity.ts";
import { ACTIVITY_LOOKED_AT, type ActivityEntry, type ActivityQuery } from "../../src/store/activity.ts";
import type { Store } from "../../src/store/types.ts";
import { activity, ACTIVITY_AT } from "../store/activities.ts";
import { fakeClock } from "../store/fake-clock.ts";

export interface ActivityUnderTest {
  reset(): Promise<void>;
  open(clock: Clock): Store;
}

const numbered = (count: number, change: (n: number) => Partial<Activity> = () => ({})): Activity[] =>
  Array.from({ length: count }, (_, n) => activity({ at: ACTIVITY_AT + n, status: n, ...change(n) }));

/** Every promise of `ActivityStore`, on a real store. */
export function activityContract(name: string, subject: ActivityUnderTest): void {
  describe(`${name} keeps the promises of activity`, () => {
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      await subject.reset();
      store = subject.open(fakeClock());
      other = subject.open(fakeClock());
    });

    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
    });

    /** All pages, and what is in them. */
    async function pages(query: Omit<ActivityQuery, "limit">, limit = 10): Promise<ActivityEntry[][]> {
      const all: ActivityEntry[][] = [];
      for (let after: string | null | undefined = query.after; after !== null;) {
        const page = await other.activity.list({ ...query, limit, ...(after === undefined ? {} : { after }) });
        all.push([...page.items]);
        after = page.next;
      }
      return all;
    }

    async function statuses(query: Partial<ActivityQuery>): Promise<(number | null)[]> {
      return (await store.activity.list({ limit: 1000, ...query })).items.map(({ status }) => status);
    }

    test("an entry comes back with every field, in every store", async () => {
      const full = activity({
        event: "admin",
        detail: "'; DROP TABLE activity; -- ☕ \0 \u{1F600}",
        action: "key.create",
        target: "key_abc",
        credentialKind: "api_key",
        mcp: { method: "tools/call", tool: "get_ticket" },
        before: null,
        after: { scopes: ["tickets:read"], nested: { portal: null } },
        count: 7,
      });
      const bare = activity({ subject: null, credential: null, client: null, route: null, path: null, status: null });
      await store.activity.append([bare, full]);
      for (const reader of [store, other]) {
        const { items, next } = await reader.activity.list({ limit: 10 });
        expect(items.map(({ id, ...rest }) => [typeof id, rest])).toEqual([
          ["string", full],
          ["string", bare],
        ]);
        expect(next).toBeNull();
      }
    });

    test("pages go through all entries, newest first, each once, and end", async () => {
      await store.activity.append(numbered(25));
      const all = await pages({});
      expect(all.map((page) => page.length)).toEqual([10, 10, 5]);
      expect(all.flat().map(({ status }) => status)).toEqual(Array.from({ length: 25 }, (_, n) => 24 - n));
      expect(await pages({}, 25)).toHaveLength(1);
      expect((await store.activity.list({ limit: 3, subject: "nobody" })).next).toBeNull();
    });

    test("entries of one time keep the order in which they came", async () => {
      await store.activity.append(numbered(450, () => ({ at: ACTIVITY_AT })));
      await other.activity.append([activity({ at: ACTIVITY_AT, status: 450 })]);
      expect((await pages({}, 100)).flat().map(({ status }) => status)).toEqual(
        Array.from({ length: 451 }, (_, n) => 450 - n),
      );
    });

    test("entries that come while someone pages shift no page, and are found by `before`", async () => {
      await store.activity.append(numbered(4));
      const first = await store.activity.list({ limit: 2 });
      await store.activity.append([activity({ at: ACTIVITY_AT + 10, status: 10 })]);
      expect(await statuses({ after: first.next ?? "" })).toEqual([1, 0]);
      expect(await statuses({ before: first.items[0]?.id })).toEqual([10]);
      const [before, after] = [first.items[1]?.id, first.items[0]?.id];
      expect(await statuses({ before, after })).toEqual([]);
    });

    test.each([
      ["credential", "key_a", "key_b"],
      ["client", "client_a", "https://b.example/client.json"],
      ["subject", "anna@example.com", "ANNA@example.com"],
      ["route", "tickets.read", "tickets"],
      ["reason", "insufficient_scope", "no_route"],
      ["decision", "deny", "allow"],
      ["event", "signin", "oauth"],
    ] as const)("%s alone finds its entries, and those only", async (field, wanted, unwanted) => {
      await store.activity.append(numbered(6, (n) => ({ [field]: n % 2 === 0 ? wanted : unwanted })));
      expect(await statuses({ [field]: wanted })).toEqual([4, 2, 0]);
      expect(await statuses({ [field]: wanted, limit: 2 })).toEqual([4, 2]);
      for (const stranger of ["", "%", "*", `${wanted} `, `${wanted}' OR '1'='1`]) {
        expect(await statuses({ [field]: stranger })).toEqual([]);
      }
    });

    test("all filters hold at once", async () => {
      const match = { event: "oauth", decision: "deny", reason: "no_route", credential: "c", client: "d" } as const;
      const more = { subject: "e", route: "f" };
      await store.activity.append(numbered(3, (n) => ({ ...match, ...more, ...(n === 1 ? {} : { route: `${n}` }) })));
      expect(await statuses({ ...match, ...more })).toEqual([1]);
      expect(await statuses({ ...match, ...more, from: ACTIVITY_AT + 1, to: ACTIVITY_AT + 2 })).toEqual([1]);
      expect(await statuses({ ...match, ...more, to: ACTIVITY_AT + 1 })).toEqual([]);
      expect(await statuses({ ...match, ...more, from: ACTIVITY_AT + 2 })).toEqual([]);
    });

    test("`from` is included, `to` is not, with and without cursors", async () => {
      await store.activity.append(numbered(10));
      const span = { from: ACTIVITY_AT + 3, to: ACTIVITY_AT + 7 };
      expect(await statuses(span)).toEqual([6, 5, 4, 3]);
      expect((await pages(span, 3)).map((page) => page.map(({ status }) => status))).toEqual([[6, 5, 4], [3]]);
      const [newest, oldest] = [await store.activity.list({ limit: 1 }), (await pages({}, 1)).flat().at(-1)];
      expect(await statuses({ ...span, after: newest.items[0]?.id, before: oldest?.id })).toEqual([6, 5, 4, 3]);
    });

    test("times before all others are times like any", async () => {
      await store.activity.append(numbered(3));
      expect(await statuses({ from: -62_135_596_800_000 })).toEqual([2, 1, 0]);
      expect(await statuses({ to: -62_135_596_800_000 })).toEqual([]);
    });

    test("what is no cursor gives an empty page", async () => {
      await store.activity.append(numbered(2));
      for (const id of ["", "x", "-", "+", "1", "1-", "-1", "1-1-1", "9".repeat(40), "(1-1", "1 -1"]) {
        expect(await store.activity.list({ limit: 5, after: id })).toEqual({ items: [], next: null });
        expect(await store.activity.list({ limit: 5, before: id })).toEqual({ items: [], next: null });
      }
    });

    test("one is found by its id, and none by what is no id", async () => {
      await store.activity.append(numbered(3));
      const [, second] = (await store.activity.list({ limit: 5 })).items;
      expect(await other.activity.get(second?.id ?? "")).toEqual(second);
      for (const id of ["", "x", "-", "+", "1", "1-1", "0-0", "1-", "9".repeat(40), "(1-1", "1 -1"]) {
        expect(await store.activity.get(id)).toBeNull();
      }
    });

    test("nothing is a batch too", async () => {
      await store.activity.append([]);
      expect(await store.activity.list({ limit: 5 })).toEqual({ items: [], next: null });
    });

    test("a rare entry far behind is found in bounded steps, by pages that may be empty", async () => {
      const rare = { decision: "deny", reason: "no_route", subject: "anna" } as const;
      await store.activity.append([activity({ ...rare, at: ACTIVITY_AT - 1, status: 7 })]);
      const many = numbered(ACTIVITY_LOOKED_AT + 500, (n) => ({ subject: "anna", status: n }));
      for (let at = 0; at < many.length; at += 2000) await store.activity.append(many.slice(at, at + 2000));
      const first = await store.activity.list({ limit: 5, ...rare });
      expect(first.items).toEqual([]);
      expect(first.next).not.toBeNull();
      const second = await store.activity.list({ limit: 5, ...rare, after: first.next ?? "" });
      expect(second.items.map(({ status }) => status)).toEqual([7]);
      expect(second.next).toBeNull();
    });

    test("after close every call is refused as unavailable", async () => {
      const closed = subject.open(fakeClock());
      await closed.ping();
      await closed.close();
      const refused = { name: "StoreUnavailable" };
      await expect(closed.activity.append([activity()])).rejects.toMatchObject(refused);
      await expect(closed.activity.list({ limit: 1 })).rejects.toMatchObject(refused);
      await expect(closed.activity.get("1-1")).rejects.toMatchObject(refused);
    });
  });
}
