import { expect, test } from "vitest";
import { hasOddBytes, isToken, readFields } from "../../src/http1/field.ts";

function read(text: string): string[] | string {
  const fields: string[] = [];
  return readFields(text, 0, text.length, fields) ?? fields;
}

test("a token has at least one character, none of them a separator, a space or beyond ASCII", () => {
  for (const token of ["a", "Content-Length", "!#$%&'*+-.^_`|~09azAZ"]) expect(isToken(token)).toBe(true);
  for (const no of ["", " ", "a b", "a:", "a(", "a/", "a\t", "ä", "a\0", "a\n", "a="]) expect(isToken(no)).toBe(false);
});

test("fields come out in order, with white space around the value taken off and inside it kept", () => {
  expect(read("A: 1\r\nB:2\r\nA: \t 3 4 \t\r\nEmpty:\r\nColon: a:b\r\n")).toEqual([
    "A",
    "1",
    "B",
    "2",
    "A",
    "3 4",
    "Empty",
    "",
    "Colon",
    "a:b",
  ]);
});

test("values keep their Latin-1 bytes", () => {
  expect(read("X: \xa0caf\xe9\xff\r\n")).toEqual(["X", "\xa0caf\xe9\xff"]);
});

test.each([
  ["white space before the colon", "A : 1\r\n"],
  ["no colon", "A\r\n"],
  ["no name", ": 1\r\n"],
  ["a folded line", "A: 1\r\n folded\r\n"],
  ["a folded line with a colon", "A: 1\r\n\tB: 2\r\n"],
  ["a name with a space", "A B: 1\r\n"],
  ["a name beyond ASCII", "\xc4: 1\r\n"],
  ["the colon of the next line", "A\r\nB: 1\r\n"],
  ["no line end", "A: 1"],
])("a field line is refused for %s", (_name, text) => {
  expect(typeof read(text)).toBe("string");
});

test("bare line ends and control characters are odd; CRLF, TAB and Latin-1 are not", () => {
  expect(hasOddBytes("A: \tb\xe9\x80\r\nC: d\r\n")).toBe(false);
  for (const odd of ["\r", "\n", "a\nb", "a\rb", "\n\r", "\r\r\n", "\0", "\x0b", "\x0c", "\x1f", "\x7f", "\x08"]) {
    expect([odd, hasOddBytes(odd)]).toEqual([odd, true]);
  }
});
