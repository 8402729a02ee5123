import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkedDecoder } from "../../src/http1/chunked.ts";

interface Decoded {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly done: boolean;
  /** What stands behind the body. */
  readonly rest: string;
}

/** Decodes the pieces one after the other; the text of the violation where there is one. */
function decode(pieces: readonly string[]): Decoded | string {
  const decoder = new ChunkedDecoder();
  const parts: Buffer[] = [];
  let rest = "";
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1");
    const end = decoder.decode(bytes, 0, { data: (chunk) => parts.push(Buffer.from(chunk)) });
    if (typeof end === "string") return end;
    rest += bytes.toString("latin1", end);
  }
  return { body: Buffer.concat(parts).toString("latin1"), trailers: decoder.trailers, done: decoder.done, rest };
}

const MESSAGES: readonly [string, string, readonly string[]][] = [
  ["0\r\n\r\n", "", []],
  ["5\r\nhello\r\n0\r\n\r\n", "hello", []],
  ["000A\r\n0123456789\r\n1\r\n\n\r\n00\r\n\r\n", "0123456789\n", []],
  ["a\r\n\r\n0\r\n\r\n\r\n0\r\n0\r\n\r\n", "\r\n0\r\n\r\n\r\n0", []],
  ["3\r\na\xffb\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n", "a\xffb", ["X-Sum", "abc", "Y", ""]],
];

test.each(MESSAGES)("%j is decoded the same at every split into three", (message, body, trailers) => {
  const whole = { body, trailers, done: true, rest: "NEXT" };
  const text = `${message}NEXT`;
  for (let i = 0; i <= text.length; i++) {
    for (let j = i; j <= text.length; j++) {
      expect(decode([text.slice(0, i), text.slice(i, j), text.slice(j)]), `${i},${j}`).toEqual(whole);
    }
  }
  expect(decode(text.split(""))).toEqual(whole);
});

test("whatever is encoded comes out again, however it is cut into chunks and packets", () => {
  const chunk = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(chunk), fc.array(fc.nat(400)), (chunks, cuts) => {
      const text = `${chunks.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\nT: v\r\n\r\n`;
      const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
      expect(decode(pieces)).toEqual({ body: chunks.join(""), trailers: ["T", "v"], done: true, rest: "" });
    }),
  );
});

test.each([
  ["a chunk extension", "5;a=b\r\nhello\r\n0\r\n\r\n"],
  ["white space behind a size", "5 \r\nhello\r\n0\r\n\r\n"],
  ["white space before a size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size that is signed", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a size that is negative", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["an empty size", "\r\nhello\r\n0\r\n\r\n"],
  ["a size that is no number", "g\r\n"],
  ["a size of fourteen digits", "00000000000005\r\nhello\r\n"],
  ["a bare LF behind a size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare CR behind a size", "5\rhello\r\n0\r\n\r\n"],
  ["a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind a chunk", "5\r\nhello\n0\r\n\r\n"],
  ["a bare CR behind a chunk", "5\r\nhello\rX0\r\n\r\n"],
  ["a trailer without a name", "0\r\n: x\r\n\r\n"],
  ["a trailer that is folded", "0\r\nA: b\r\n c\r\n\r\n"],
  ["a trailer with NUL", "0\r\nA: \0\r\n\r\n"],
  ["a trailer with a bare LF", "0\r\nA: b\nC: d\r\n\r\n"],
  ["trailers without bound", `0\r\n${"A: b\r\n".repeat(2000)}`],
])("refused, however it is split: %s", (_name, text) => {
  expect(typeof decode([text])).toBe("string");
  expect(typeof decode(text.split(""))).toBe("string");
});

test("a body that is cut is never done", () => {
  const text = "5\r\nhello\r\n0\r\nT: v\r\n\r\n";
  for (let end = 0; end < text.length; end++) expect(decode([text.slice(0, end)])).toMatchObject({ done: false });
});

test("a size as large as a number is exact, and its data is handed on without being kept", () => {
  const decoder = new ChunkedDecoder();
  let received = 0;
  const sink = { data: (chunk: Buffer) => void (received += chunk.length) };
  expect(decoder.decode(Buffer.from("fffffffffffff\r\n"), 0, sink)).toBe(15);
  expect(decoder.decode(Buffer.alloc(65_536), 0, sink)).toBe(65_536);
  expect(received).toBe(65_536);
  expect(decoder.done).toBe(false);
});
