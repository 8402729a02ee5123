import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { createDigester } from "../../src/credentials/digest.ts";

test("a stored digest is SHA-256, and HMAC-SHA-256 with a pepper", () => {
  expect(createDigester({ pepper: null }).stored("secret")).toBe(createHash("sha256").update("secret").digest("hex"));
  expect(createDigester({ pepper: "p" }).stored("secret")).toBe(
    createHmac("sha256", "p").update("secret").digest("hex"),
  );
});

test("a cache key tells secrets apart, and is neither the secret nor the stored digest", () => {
  const digester = createDigester({ pepper: null });
  expect(digester.cacheKey("a")).not.toBe(digester.cacheKey("b"));
  expect(digester.cacheKey("a")).toBe(digester.cacheKey("a"));
  expect(digester.cacheKey("a")).not.toBe(digester.stored("a"));
});

test("an empty pepper is refused", () => {
  expect(() => createDigester({ pepper: "" })).toThrow(/empty/);
});
