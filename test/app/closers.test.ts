import { expect, test } from "vitest";
import { Closers } from "../../src/app/closers.ts";

test("what failed to close keeps nothing else open, and the first failure is told", async () => {
  const closed: string[] = [];
  const closers = new Closers();
  closers.add(async () => void closed.push("first"));
  closers.add(() => {
    throw new Error("second");
  });
  closers.add(() => Promise.reject(new Error("third")));
  closers.add(() => void closed.push("last"));
  await expect(closers.closeAll()).rejects.toThrow("third");
  expect(closed).toEqual(["last", "first"]);
  await closers.closeAll();
  expect(closed).toEqual(["last", "first"]);
});
