import { expect, test } from "vitest";
import { within } from "../../src/core/within.ts";

const never = new Promise<string>(() => undefined);
const refuse = (): string => {
  throw new Error("too late");
};

test("gives what was in time, and rejects as it did", async () => {
  expect(await within(60_000, Promise.resolve("in time"), () => "late")).toBe("in time");
  await expect(within(60_000, Promise.reject(new Error("failed")), () => "late")).rejects.toThrow("failed");
});

test("gives what stands in for what is late, or rejects as that does", async () => {
  expect(await within(1, never, () => "late")).toBe("late");
  await expect(within(1, never, refuse)).rejects.toThrow("too late");
});

test("drops what comes of the work later", async () => {
  const { promise, reject } = Promise.withResolvers<string>();
  expect(await within(1, promise, () => "late")).toBe("late");
  reject(new Error("nobody waits any more"));
});
