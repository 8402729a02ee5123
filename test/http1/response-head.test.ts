import { expect, test } from "vitest";
import { MAX_RESPONSE_HEAD, readResponseHead, type ResponseHead } from "../../src/http1/response-head.ts";

function read(text: string, method = "GET") {
  return readResponseHead(Buffer.from(text, "latin1"), 0, method);
}

function head(text: string, method = "GET"): ResponseHead {
  const result = read(text, method);
  if (result.kind !== "head") throw new Error(JSON.stringify(result));
  return result.head;
}

test("a head is read with its status, text and fields as they came", () => {
  const text = "HTTP/1.1 200 Tr\xe8s bien\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\n";
  expect(read(`${text}hello`)).toEqual({
    kind: "head",
    end: text.length,
    head: {
      status: 200,
      statusText: "Tr\xe8s bien",
      fields: ["X-A", "1", "x-a", "2", "Content-Length", "5"],
      connection: null,
      contentType: null,
      framing: { kind: "length", length: 5 },
      keepAlive: true,
    },
  });
});

test("the head tells all values of Connection, and the first Content-Type", () => {
  const text =
    "HTTP/1.1 200 OK\r\nConnection: X-A\r\nCONTENT-TYPE: a/b\r\ncontent-type: c/d\r\nconnection: x-b\r\n\r\n";
  const result = readResponseHead(Buffer.from(text, "latin1"), 0, "GET");
  expect(result).toMatchObject({ head: { connection: "X-A, x-b", contentType: "a/b" } });
});

test("a head is incomplete until its empty line is whole, wherever it is split", () => {
  const text = "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n";
  for (let end = 0; end < text.length; end++) expect(read(text.slice(0, end)).kind, `${end}`).toBe("incomplete");
  expect(read(text).kind).toBe("head");
});

test("reading starts where it is told to", () => {
  const first = "HTTP/1.1 103 Early Hints\r\n\r\n";
  const bytes = Buffer.from(`${first}HTTP/1.1 200 OK\r\n\r\n`, "latin1");
  expect(readResponseHead(bytes, first.length, "GET")).toMatchObject({ kind: "head", end: bytes.length });
});

const CL = "Content-Length: 7\r\n";
const TE = "Transfer-Encoding: chunked\r\n";
test.each([
  ["a length", "1.1 200 OK", CL, "GET", { kind: "length", length: 7 }, true],
  ["a length of zero", "1.1 200 OK", "Content-Length: 0\r\n", "GET", { kind: "none" }, true],
  ["chunked", "1.1 200 OK", TE, "GET", { kind: "chunked" }, true],
  ["chunked, in capitals", "1.1 200 OK", "TRANSFER-ENCODING: CHUNKED\r\n", "GET", { kind: "chunked" }, true],
  ["neither", "1.1 200 OK", "", "GET", { kind: "close" }, false],
  ["HEAD with a length", "1.1 200 OK", CL, "HEAD", { kind: "none" }, true],
  ["HEAD without a length", "1.1 200 OK", "", "HEAD", { kind: "none" }, true],
  ["HEAD with a coding", "1.1 200 OK", TE, "HEAD", { kind: "none" }, true],
  ["204 with a length", "1.1 204 No Content", CL, "GET", { kind: "none" }, true],
  ["304 with a length", "1.1 304 Not Modified", CL, "GET", { kind: "none" }, true],
  ["103", "1.1 103 Early Hints", "", "GET", { kind: "none" }, true],
  ["205 with a length", "1.1 205 Reset Content", CL, "GET", { kind: "length", length: 7 }, true],
  ["HTTP/1.0", "1.0 200 OK", CL, "GET", { kind: "length", length: 7 }, false],
  ["HTTP/1.0 keep-alive", "1.0 200 OK", `${CL}Connection: Keep-Alive\r\n`, "GET", { kind: "length", length: 7 }, true],
  ["HTTP/1.0 without framing", "1.0 200 OK", "Connection: keep-alive\r\n", "GET", { kind: "close" }, false],
  ["close", "1.1 200 OK", `${CL}Connection: x, Close\r\n`, "GET", { kind: "length", length: 7 }, false],
  [
    "HTTP/1.0 with close and keep-alive",
    "1.0 200 OK",
    `${CL}Connection: close\r\nConnection: keep-alive\r\n`,
    "GET",
    { kind: "length", length: 7 },
    false,
  ],
] as const)("framing: %s", (_name, line, fields, method, framing, keepAlive) => {
  const result = head(`HTTP/${line}\r\n${fields}\r\n`, method);
  expect({ framing: result.framing, keepAlive: result.keepAlive }).toEqual({ framing, keepAlive });
});

test.each([
  ["TE and CL", `HTTP/1.1 200 OK\r\n${TE}${CL}\r\n`],
  ["CL and TE", `HTTP/1.1 200 OK\r\n${CL}${TE}\r\n`],
  ["TE and CL on HEAD and 304 alike", `HTTP/1.1 304 OK\r\n${CL}${TE}\r\n`],
  ["two lengths that differ", `HTTP/1.1 200 OK\r\n${CL}Content-Length: 8\r\n\r\n`],
  ["two lengths that agree", `HTTP/1.1 200 OK\r\n${CL}${CL}\r\n`],
  ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 7, 7\r\n\r\n"],
  ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"],
  ["a hexadecimal length", "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n"],
  ["a length with a space", "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n"],
  ["an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"],
  ["a length beyond exact numbers", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n"],
  ["two codings", `HTTP/1.1 200 OK\r\n${TE}${TE}\r\n`],
  ["gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["chunked, identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n"],
  ["xchunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n"],
  ["an empty coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n"],
  ["HTTP/1.0 with a coding", `HTTP/1.0 200 OK\r\n${TE}\r\n`],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
  ["NUL", "HTTP/1.1 200 OK\r\nA: \0b\r\n\r\n"],
  ["a bare LF between fields", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status of 600", "HTTP/1.1 600 OK\r\n\r\n"],
  ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["lower case", "http/1.1 200 OK\r\n\r\n"],
  ["two spaces", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a line before the status line", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["HTTP/0.9", "<html>hello</html>"],
  ["HTTP/0.9, one byte", "<"],
  ["bare LF only", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
])("invalid: %s", (_name, text) => {
  expect(read(text).kind).toBe("invalid");
});

test("a head longer than the bound is invalid, whether its end has come or not", () => {
  const long = `HTTP/1.1 200 OK\r\nA: ${"a".repeat(MAX_RESPONSE_HEAD)}`;
  expect(read(long)).toMatchObject({ kind: "invalid", detail: "the response head is too long" });
  expect(read(`${long}\r\n\r\n`)).toMatchObject({ kind: "invalid", detail: "the response head is too long" });
});
