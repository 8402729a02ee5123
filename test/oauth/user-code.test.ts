import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatUserCode, readUserCode } from "../../src/oauth/user-code.ts";

const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ".split("");

describe("a user code as a person types it", () => {
  test("is read without regard to case, spaces and punctuation", () => {
    const noise = fc.constantFrom("", "-", " ", ".", "–", "_", "/");
    const letters = fc.array(fc.tuple(fc.constantFrom(...ALPHABET), fc.boolean(), noise), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(letters, (typed) => {
        const code = typed.map(([letter]) => letter).join("");
        const text = typed.map(([letter, lower, mark]) => (lower ? letter.toLowerCase() : letter) + mark).join("");
        expect(readUserCode(text)).toBe(code);
        expect(readUserCode(formatUserCode(code))).toBe(code);
      }),
    );
  });

  test.each(["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJ0", "ACDF-GHJK", "BCDF-GHJ1", "ＢCDFGHJK", "B".repeat(80)])(
    "is none where it is %j",
    (text) => {
      expect(readUserCode(text)).toBeNull();
    },
  );
});
