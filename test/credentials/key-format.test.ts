import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createKey, inspectKey, keyProblem, randomBase62 } from "../../src/credentials/key-format.ts";

const ALPHABET = Array.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** Bytes from a seed, so that a failure comes again. */
const key = fc
  .uint8Array({ minLength: 64, maxLength: 64 })
  .map((bytes) => createKey((size) => Uint8Array.from({ length: size }, (_, at) => (bytes[at % 64] ?? 0) % 248)));

describe("an API key", () => {
  test("has the published form, and its checksum is CRC-32 in base62", () => {
    fc.assert(
      fc.property(key, (text) => {
        expect(text).toMatch(/^noice_sk_live_[0-9A-Za-z]{36}$/);
        expect(inspectKey(text)).toBe("ok");
        const sum = Array.from(text.slice(-6)).reduce((value, digit) => value * 62 + ALPHABET.indexOf(digit), 0);
        expect(sum).toBe(crc32(text.slice(0, -6)));
      }),
    );
  });

  test("with any one character changed to another of the alphabet has a bad checksum", () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 14, max: 49 }), fc.constantFrom(...ALPHABET), (text, at, other) => {
        fc.pre(text[at] !== other);
        expect(inspectKey(text.slice(0, at) + other + text.slice(at + 1))).toBe("bad_checksum");
      }),
      { numRuns: 5000 },
    );
  });

  test("with two neighbours swapped has a bad checksum", () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 14, max: 48 }), (text, at) => {
        const [left = "", right = ""] = [text[at], text[at + 1]];
        fc.pre(left !== right);
        expect(inspectKey(text.slice(0, at) + right + left + text.slice(at + 2))).toBe("bad_checksum");
      }),
    );
  });

  test("is never taken from text of another form", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((tail) => `noice_sk_live_${tail}`),
        ),
        (text) => {
          expect(inspectKey(text)).toBe("malformed");
        },
      ),
    );
    const good = createKey(randomBytes);
    for (const text of [`${good} `, ` ${good}`, good.slice(0, -1), `${good}0`, good.replace("live", "test")]) {
      expect(inspectKey(text)).toBe("malformed");
    }
    for (const odd of ["-", "_", " ", "\0", "é", "٣", "\uff21"]) {
      expect(inspectKey(good.slice(0, 20) + odd + good.slice(21))).toBe("malformed");
    }
    expect(inspectKey(`noice_sk_live_${"z".repeat(36)}`)).toBe("bad_checksum");
  });

  test("is told from other tokens by its prefix", () => {
    expect(keyProblem("noice_sk_live_")).toBe("credential_malformed");
    expect(keyProblem("eyJhbGciOi")).toBe("credential_unknown");
    const made = createKey(randomBytes);
    expect(keyProblem(made)).toBeNull();
    expect(keyProblem(made.slice(0, -1) + (made.endsWith("0") ? "1" : "0"))).toBe("credential_bad_checksum");
  });

  test("has characters that are equally likely", () => {
    const counts = new Map<string, number>();
    const total = 310_000;
    for (const digit of randomBase62(total, randomBytes)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    const expected = total / 62;
    const chiSquare = ALPHABET.reduce((sum, digit) => sum + ((counts.get(digit) ?? 0) - expected) ** 2 / expected, 0);
    // 61 degrees of freedom: fair in all but about one run of a million. Bytes taken modulo 62 give about 1,600.
    expect(chiSquare).toBeLessThan(130);
  });
});
