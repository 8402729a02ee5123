import * as fc from "fast-check";
import { expect, it } from "vitest";
import { trimFieldValue } from "../../src/core/trim.ts";

it.each([
  ["", ""],
  [" \t ", ""],
  ["a", "a"],
  ["\t a \t b\t ", "a \t b"],
  ["\u00a0a\u00a0", "\u00a0a\u00a0"],
])("takes spaces and tabs off both ends, and nothing else: %j", (value, trimmed) => {
  expect(trimFieldValue(value)).toBe(trimmed);
});

it("takes off what the pattern of the grammar takes off", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(" ", "\t", "a", "\u00a0"), maxLength: 12 }), (value) => {
      expect(trimFieldValue(value)).toBe(value.replaceAll(/^[ \t]+|[ \t]+$/g, ""));
    }),
  );
});
