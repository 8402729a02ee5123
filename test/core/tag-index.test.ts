import { expect, test } from "vitest";
import { TagIndex } from "../../src/core/tag-index.ts";
import { digestOf } from "../store/records.ts";

const [TAG, OTHER] = [`digest:${digestOf("tag")}`, `digest:${digestOf("other")}`] as const;

test("keeps one key, then many, and forgets a tag with its last key", () => {
  const index = new TagIndex();
  for (const key of ["a", "a", "b", "c", "b"]) index.add(TAG, key);
  index.add(OTHER, "a");
  expect([index.tags, index.pairs]).toEqual([2, 4]);
  expect(index.keysOf(TAG)).toEqual(["a", "b", "c"]);
  for (const key of ["a", "a", "unknown", "b"]) index.remove(TAG, key);
  expect(index.keysOf(TAG)).toEqual(["c"]);
  index.remove(TAG, "c");
  index.remove(TAG, "c");
  expect([index.tags, index.pairs, index.keysOf(TAG)]).toEqual([1, 1, []]);
  index.remove(OTHER, "b");
  expect(index.keysOf(OTHER)).toEqual(["a"]);
  index.remove(OTHER, "a");
  expect([index.tags, index.pairs]).toEqual([0, 0]);
});
