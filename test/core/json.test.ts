import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStrictJson } from "../../src/core/json.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string, maxDepth?: number) => parseStrictJson(encode(text), maxDepth);

/** What we refuse although `JSON.parse` takes it. */
const STRICTER = /twice|__proto__|surrogate|too large|too deep|byte order/;

/** What sets our reading apart from that of `JSON.parse`; `null` where nothing does but being stricter. */
function difference(text: string): string | null {
  let expected: { value: unknown } | null;
  try {
    expected = { value: JSON.parse(text) };
  } catch {
    expected = null;
  }
  const ours = parse(text);
  if (!ours.ok) return expected === null || STRICTER.test(ours.detail) ? null : `${text}: ${ours.detail}`;
  return isDeepStrictEqual({ value: ours.value }, expected) ? null : `${text}: another value`;
}

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("parseStrictJson", () => {
  it("reads every value that can be written", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 8 }), fc.constantFrom(0, 2), (value, indent) => {
        expect(difference(JSON.stringify(value, null, indent))).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  it("agrees with JSON.parse on texts made of the pieces of JSON", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"b"',
      '"',
      "\\",
      "\\u0061",
      "\\ud800",
      "\\udc00",
      "\\n",
      "\\x",
      "1",
      "-",
      "0",
      ".5",
      "e3",
      "E+",
      "true",
      "false",
      "null",
      "nul",
      " ",
      "\n",
      "\t",
      "\u00a0",
      "\u0001",
      "é",
      "😀",
      "\ufeff",
      "/",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        expect(difference(pieces.join(""))).toBeNull();
        expect(difference(`"${pieces.join("")}"`)).toBeNull();
        expect(difference(`{"k":${pieces.join("")}}`)).toBeNull();
      }),
      { numRuns: 3000 },
    );
  });

  it("agrees with JSON.parse on texts with one character changed", () => {
    const any = fc.tuple(fc.jsonValue(), fc.nat(), fc.string({ minLength: 0, maxLength: 1, unit: "binary-ascii" }));
    fc.assert(
      fc.property(any, ([value, at, char]) => {
        const text = JSON.stringify(value);
        const place = at % (text.length + 1);
        expect(difference(text.slice(0, place) + char + text.slice(place + 1))).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', "a key that stands twice", 7],
    ['{"a":1,"\\u0061":2}', "a key that stands twice", 7],
    ['{"é":{"b":0,"b":0}}', "a key that stands twice", 13],
    ['[{"__proto__":{}}]', "the key __proto__", 2],
    ['{"\\u005f_proto__":1}', "the key __proto__", 1],
    ['"\\ud800"', "a lone surrogate", 0],
    ['"\\udc00\\ud800"', "a lone surrogate", 0],
    ['{"\\ud83dx":1}', "a lone surrogate", 1],
    ["1e999", "a number that is too large", 0],
    ["[-1e400]", "a number that is too large", 1],
    ["\ufeff{}", "byte order mark", 0],
    ["{} {}", "bytes behind the value", 3],
    ["1\0", "bytes behind the value", 1],
    ["", "not JSON", 0],
    ["[1,]", "not JSON", 3],
    ["{'a':1}", "not JSON", 1],
    ["NaN", "not JSON", 0],
    ["01", "bytes behind the value", 1],
    ['"a', "a string without end", 2],
    ['"a\nb"', "a control character in a string", 2],
    ['"\\x"', "a broken escape", 1],
    ['"\\u00zz"', "a broken escape", 1],
  ])("refuses %j: %s", (text, detail, offset) => {
    expect(parse(text)).toEqual({ ok: false, detail, offset });
  });

  it("takes a surrogate pair, escaped or not", () => {
    expect(parse('["\\ud83d\\ude00","😀"]')).toEqual({ ok: true, value: ["😀", "😀"] });
  });

  it.each([
    [[0x22, 0xff, 0x22], 1],
    [[0x22, 0xc0, 0xae, 0x22], 1],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xc3, 0xa9, 0xc3], 3],
  ])("refuses bytes %j that are not UTF-8", (bytes, offset) => {
    expect(parseStrictJson(Uint8Array.from(bytes))).toEqual({ ok: false, detail: "not UTF-8", offset });
  });

  it("nests 32 deep and no deeper, unless told", () => {
    expect(parse(nested(32)).ok).toBe(true);
    expect(parse(nested(33))).toEqual({ ok: false, detail: "nested too deep", offset: 32 });
    expect(parse('{"a":[1]}', 1)).toEqual({ ok: false, detail: "nested too deep", offset: 5 });
    expect(parse("1", 0).ok).toBe(true);
    expect(parse(nested(100_000), 1_000_000)).toMatchObject({ ok: false, detail: "nested too deep" });
  });

  it("keeps keys of Object.prototype as plain members", () => {
    const parsed = parse('{"constructor":1,"toString":"x"}');
    expect(parsed).toEqual({ ok: true, value: { constructor: 1, toString: "x" } });
  });
});
