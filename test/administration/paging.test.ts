import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pageOf, scan } from "../../src/administration/paging.ts";

const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `id${index}`);

/** A list of records, as a store has it. */
function reader(records: readonly string[]) {
  const asked: number[] = [];
  const read = async ({ after, limit }: { readonly after?: string; readonly limit: number }) => {
    asked.push(limit);
    const start = after === undefined ? 0 : records.indexOf(after) + 1;
    return records.slice(start, start + limit);
  };
  return { read, asked };
}

test("a filtered list gives each record that fits once, in order, whatever the pages", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(900),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 40 }),
      async (count, limit, every) => {
        const records = ids(count);
        const keep = (id: string): boolean => Number(id.slice(2)) % every === 0;
        const { read } = reader(records);
        const found: string[] = [];
        let page: { readonly after?: string } = {};
        for (;;) {
          const { items, next } = await scan({ read, keep, idOf: (id) => id, page, limit });
          expect(items.length).toBeLessThanOrEqual(limit);
          found.push(...items);
          if (next === null) break;
          page = { after: next };
        }
        expect(found).toEqual(records.filter(keep));
      },
    ),
    { numRuns: 50 },
  );
});

test("one page looks at 2000 records at most, and says where to go on", async () => {
  const { asked, read } = reader(ids(5000));
  const { items, next } = await scan({ read, keep: () => false, idOf: (id) => id, page: {}, limit: 10 });
  expect([items, next]).toEqual([[], "id1999"]);
  expect(asked.reduce((sum, limit) => sum + limit, 0)).toBe(2000);
});

test("a page names a next one only where more was read than it holds", () => {
  expect(pageOf(["a", "b"], 2, (id) => id)).toEqual({ items: ["a", "b"], next: null });
  expect(pageOf(["a", "b", "c"], 2, (id) => id)).toEqual({ items: ["a", "b"], next: "b" });
  expect(pageOf<string>([], 2, (id) => id)).toEqual({ items: [], next: null });
});
