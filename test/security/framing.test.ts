// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { beforeAll, describe, expect, test } from "vitest";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import {
  ask,
  auditOf,
  codeOf,
  dial,
  expectRefused,
  expectRefusedAndClosed,
  expectServed,
  leaks,
  MARKER,
  openStage,
  recorded,
  request,
  type Stage,
} from "./support/stage.ts";

/** Follows every attack in the same packet: whoever loses count of the body takes it for a request. */
const SMUGGLED = request(`GET /open/${MARKER}`);
const PATH = `/open/${MARKER}`;
const BAD_REQUEST = { status: 400, code: "bad_request" };
const TOO_LARGE = { status: 431, code: "head_too_large" };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

const post = (lines: readonly string[], body: string): string => request(`POST ${PATH}`, lines, body);
const head = (text: string): string => `GET ${PATH} HTTP/1.1\r\nHost: desk.example\r\n${text}\r\n`;
const chunked = (body: string): string => post(["Transfer-Encoding: chunked"], body);

describe("a length that two readers could read in two ways is refused and the connection closed", () => {
  test.each([
    ["CL.TE", post(["Content-Length: 6", "Transfer-Encoding: chunked"], "0\r\n\r\nG")],
    ["TE.CL", post(["Transfer-Encoding: chunked", "Content-Length: 4"], "5c\r\nabc")],
    ["two different lengths", post(["Content-Length: 1", "Content-Length: 2"], "ab")],
    ["two equal lengths", post(["Content-Length: 1", "Content-Length: 1"], "a")],
    ["a list of lengths", post(["Content-Length: 1, 1"], "a")],
    ["+5", post(["Content-Length: +5"], "abcde")],
    ["-5", post(["Content-Length: -5"], "abcde")],
    ["0x5", post(["Content-Length: 0x5"], "abcde")],
    ["5.0", post(["Content-Length: 5.0"], "abcde")],
    ["5e0", post(["Content-Length: 5e0"], "abcde")],
    ["5 5", post(["Content-Length: 5 5"], "abcde")],
    ["an empty one", post(["Content-Length:"], "abcde")],
    ["one beyond 64 bits", post(["Content-Length: 18446744073709551617"], "abcde")],
    ["white space before the colon", post(["Content-Length : 5"], "abcde")],
    ["a folded value", post(["Content-Length:\r\n 5"], "abcde")],
  ])("%s", async (_name, attack) => {
    await expectRefusedAndClosed(stage, attack + SMUGGLED, BAD_REQUEST);
  });
});

describe("a transfer coding that two readers could read in two ways is refused and the connection closed", () => {
  test.each([
    ["TE.TE, the second unknown", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]],
    ["chunked twice", ["Transfer-Encoding: chunked, chunked"]],
    ["an unknown coding", ["Transfer-Encoding: xchunked"]],
    ["chunked not last", ["Transfer-Encoding: chunked, gzip"]],
    ["an empty one", ["Transfer-Encoding: "]],
    ["a vertical tab before it", ["Transfer-Encoding: \x0bchunked"]],
    ["a parameter", ["Transfer-Encoding: chunked;a=b"]],
    ["in quotes", ['Transfer-Encoding: "chunked"']],
    ["white space before the colon", ["Transfer-Encoding : chunked"]],
    ["a folded value", ["Transfer-Encoding:\r\n chunked"]],
  ])("%s", async (_name, lines) => {
    await expectRefusedAndClosed(stage, post(lines, "0\r\n\r\n") + SMUGGLED, BAD_REQUEST);
  });

  test("HTTP/1.0 with a transfer coding", async () => {
    const attack = `POST ${PATH} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    await expectRefusedAndClosed(stage, attack, BAD_REQUEST);
  });

  test.each([
    ["another coding before chunked", ["Transfer-Encoding: gzip, chunked"]],
    ["TE.TE, the first unknown", ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]],
  ])("%s: what comes later on the connection is not read as a request", async (_name, lines) => {
    const before = stage.upstream.requests.length;
    const leaked = leaks(stage);
    const wire = await dial(stage);
    await wire.write(post(lines, ""));
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([400, "bad_request"]);
    expect(valuesOf(answer, "connection")).toEqual(["close"]);
    await wire.write("0\r\n\r\n");
    await wire.end();
    wire.socket.destroy();
    await expectServed(stage);
    expect(stage.upstream.requests).toHaveLength(before + 1);
    expect(leaks(stage)).toBe(leaked);
  });
});

describe("a head that is malformed is refused and the connection closed", () => {
  test.each([
    ["a folded line", head("X-A: a\r\n b: c\r\n")],
    ["a folded line behind the request line", `GET ${PATH} HTTP/1.1\r\n Host: a\r\n\r\n`],
    ["a bare LF behind the request line", `GET ${PATH} HTTP/1.1\nHost: a\r\n\r\n`],
    ["a bare LF behind a field", head("X-A: a\nX-B: b\r\n")],
    ["a bare LF as the empty line", `GET ${PATH} HTTP/1.1\r\nHost: a\r\n\n`],
    ["bare LF everywhere", `GET ${PATH} HTTP/1.1\nHost: a\n\n`],
    ["a bare CR in a value", head("X-A: a\rX-B: b\r\n")],
    ["a bare CR in a name", head("X\rA: a\r\n")],
    ["NUL in a value", head("X-A: a\0b\r\n")],
    ["NUL in a name", head("X\0A: a\r\n")],
    ["NUL in the target", `GET ${PATH}\0 HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["a control character in a value", head("X-A: a\x01b\r\n")],
    ["DEL in a value", head("X-A: a\x7fb\r\n")],
    ["a byte above 0x7f in a name", head("X-\x80: a\r\n")],
    ["a space before the colon", head("X-A : a\r\n")],
    ["a tab before the colon", head("X-A\t: a\r\n")],
    ["a line without a colon", head("XA\r\n")],
    ["an empty name", head(": a\r\n")],
    ["a method in lower case", `get ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["an unknown method", `FOO ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["a space before the method", ` GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["tabs in the request line", `GET\t${PATH}\tHTTP/1.1\r\nHost: a\r\n\r\n`],
    ["words behind the version", `GET ${PATH} HTTP/1.1 x\r\nHost: a\r\n\r\n`],
    ["HTTP/1.2", `GET ${PATH} HTTP/1.2\r\nHost: a\r\n\r\n`],
    ["http/1.1 in lower case", `GET ${PATH} http/1.1\r\nHost: a\r\n\r\n`],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["the authority form", "GET desk.example:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["CONNECT in authority form", "CONNECT desk.example:443 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("%s", async (_name, attack) => {
    await expectRefusedAndClosed(stage, attack + SMUGGLED, BAD_REQUEST);
  });

  test.each([
    ["one huge field", head(`X-A: ${"x".repeat(70_000)}\r\n`)],
    ["fields without end", head("X-A: x\r\n".repeat(5000))],
    ["a huge target", `GET ${PATH}${"x".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("%s: too large", async (_name, attack) => {
    await expectRefusedAndClosed(stage, attack + SMUGGLED, TOO_LARGE);
  });

  test("CONNECT with a path is no tunnel", async () => {
    const attack = `CONNECT ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`;
    await expectRefusedAndClosed(stage, attack + SMUGGLED, { status: 405, code: "method_not_allowed" });
  });
});

describe("a request that is well framed and not in its one form is refused", () => {
  test.each([
    ["the absolute form", `GET http://desk.example${PATH} HTTP/1.1\r\nHost: desk.example\r\n\r\n`],
    ["the asterisk form", "OPTIONS * HTTP/1.1\r\nHost: desk.example\r\n\r\n"],
    ["no Host", `GET ${PATH} HTTP/1.1\r\n\r\n`],
    ["an empty Host", `GET ${PATH} HTTP/1.1\r\nHost:\r\n\r\n`],
    ["two Hosts", head("Host: other.example\r\n")],
    ["two equal Hosts", head("Host: desk.example\r\n")],
    ["a Host with user info", `GET ${PATH} HTTP/1.1\r\nHost: a@b\r\n\r\n`],
    ["a list of Hosts", `GET ${PATH} HTTP/1.1\r\nHost: a, b\r\n\r\n`],
    ["a Host with a path", `GET ${PATH} HTTP/1.1\r\nHost: a/b\r\n\r\n`],
    ["a Host with a byte above 0x7f", `GET ${PATH} HTTP/1.1\r\nHost: a\x80\r\n\r\n`],
    ["an expectation that is not known", request(`POST ${PATH}`, ["Expect: 200-ok", "Content-Length: 1"], "a")],
  ])("%s", async (_name, attack) => {
    await expectRefused(stage, attack, BAD_REQUEST);
  });

  test.each(["TRACE", "PURGE", "SOURCE", "PROPFIND", "LINK"])("the method %s is not served", async (method) => {
    await expectRefused(stage, request(`${method} ${PATH}`), { status: 405, code: "method_not_allowed" });
  });

  test("a target beyond its limit", async () => {
    await expectRefused(stage, request(`GET ${PATH}${"x".repeat(9000)}`), { status: 414, code: "target_too_long" });
  });
});

/** The parser finds these behind the head; together, because a refused body is waited for. */
const BODIES: Readonly<Record<string, readonly [body: string, status: number, code: string]>> = {
  "a size with a space behind": ["5 \r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size with a space before": [" 5\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size with 0x": ["0x5\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size with +": ["+5\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size with -": ["-5\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size with _": ["5_0\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "no size": ["\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size that is no number": ["g\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a size beyond 64 bits": ["fffffffffffffffff\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a bare LF behind the size": ["5\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a bare CR behind the size": ["5\rabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a bare LF behind the data": ["5\r\nabcde\n0\r\n\r\n", 400, "bad_request"],
  "no line end behind the data": ["5\r\nabcde0\r\n\r\n", 400, "bad_request"],
  "a chunk longer than its size": ["5\r\nabcdefg\r\n0\r\n\r\n", 400, "bad_request"],
  "bare LF at the end": ["5\r\nabcde\r\n0\n\n", 400, "bad_request"],
  "an extension without a name": ["5;\r\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "an extension that ends in a bare LF": ["5;\nabcde\r\n0\r\n\r\n", 400, "bad_request"],
  "a line end inside a quoted extension": ['5;a="x\n"\r\nabcde\r\n0\r\n\r\n', 400, "bad_request"],
  "an extension without end": [`5;a=${"x".repeat(20_000)}\r\nabcde\r\n0\r\n\r\n`, 413, "body_too_large"],
  "a trailer with a space in its name": ["0\r\nX A: b\r\n\r\n", 400, "bad_request"],
  "a trailer without a colon": ["0\r\nXA\r\n\r\n", 400, "bad_request"],
  "a trailer that ends in a bare LF": ["0\r\nX-A: b\n\r\n", 400, "bad_request"],
  "a folded trailer": ["0\r\nX-A: b\r\n c\r\n\r\n", 400, "bad_request"],
  "NUL in a trailer": ["0\r\nX-A: b\0\r\n\r\n", 400, "bad_request"],
  "a length as trailer": ["0\r\nContent-Length: 5\r\n\r\n", 400, "bad_request"],
  "a transfer coding as trailer": ["0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"],
  "a huge trailer": [`0\r\nX-A: ${"x".repeat(20_000)}\r\n\r\n`, 431, "head_too_large"],
  "trailers without end": [`0\r\n${"X-A: x\r\n".repeat(6000)}\r\n`, 431, "head_too_large"],
};

describe("a chunked body that is malformed is refused and the connection closed", () => {
  const outcomes = new Map<string, { readonly answer: Message; readonly text: string }>();
  let lines = 0;
  let requests = 0;
  let leaked = 0;

  beforeAll(async () => {
    lines = stage.sidecar.audit().length;
    requests = stage.upstream.requests.length;
    leaked = leaks(stage);
    await Promise.all(
      Object.entries(BODIES).map(async ([name, [body]]) => {
        const wire = await dial(stage);
        await wire.write(chunked(body) + SMUGGLED);
        const answer = await wire.nextResponse();
        // Again behind the answer, for a reader that is still there.
        await wire.write(SMUGGLED);
        await wire.end();
        wire.socket.destroy();
        outcomes.set(name, { answer, text: wire.text });
      }),
    );
    await expectServed(stage);
  });

  test.each(Object.keys(BODIES))("%s", async (name) => {
    const outcome = outcomes.get(name);
    const [, status, code] = BODIES[name] ?? [];
    if (outcome === undefined) throw new Error("no answer");
    expect([statusOf(outcome.answer), codeOf(outcome.answer)]).toEqual([status, code]);
    expect(outcome.text.match(/HTTP\/1\.[01] [0-9]{3}/g)).toHaveLength(1);
    const audit = await auditOf(stage, outcome.answer);
    expect(audit).toMatchObject({ status, reason: code });
    expect(audit["detail"]).toMatch(/^malformed HTTP/);
  });

  test("and none of them reached the upstream", () => {
    expect(stage.upstream.requests).toHaveLength(requests + 1);
    expect(leaks(stage)).toBe(leaked);
    expect(stage.sidecar.audit()).toHaveLength(lines + Object.keys(BODIES).length + 1);
  });

  test("found after the head was forwarded: the upstream never gets a whole request, and loses the connection", async () => {
    const own = await openStage();
    const wire = await dial(own);
    await wire.write(request("POST /open/late", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n"));
    const behind = await own.upstream.connection(0);
    await behind.until("abc\r\n");
    await wire.write(`zz\r\n${SMUGGLED}`);
    expect(statusOf(await wire.nextResponse())).toBe(400);
    await behind.closed;
    wire.socket.destroy();
    await expectServed(own);
    expect(own.upstream.requests.map(({ startLine }) => startLine)).toEqual([
      expect.stringMatching(/^GET \/open\/good-/),
    ]);
    expect(leaks(own)).toBe(0);
  });
});

/**
 * Here node:http is laxer than we would be. What goes on is framed anew, so that no reader behind sees the odd form;
 * these tests pin what it gets.
 */
describe("an odd form that the parser takes is framed anew", () => {
  test.each([
    ["a chunk extension", "5;ext=odd\r\nabcde\r\n0\r\n\r\n"],
    ["an extension of the last chunk", "5\r\nabcde\r\n0;ext=odd\r\n\r\n"],
    ["leading zeros of a size", "000000000000000000000005\r\nabcde\r\n0\r\n\r\n"],
  ])("%s never reaches the upstream", async (name, body) => {
    const path = `/open/lax-${name.replaceAll(" ", "-")}`;
    const answer = await ask(stage, request(`POST ${path}`, ["Transfer-Encoding: chunked"], body));
    expect(statusOf(answer)).toBe(200);
    expect(stage.upstream.requests.at(-1)?.startLine).toBe(`POST ${path} HTTP/1.1`);
    const bytes = recorded(stage);
    expect(
      bytes
        .slice(bytes.indexOf(`POST ${path} `))
        .split("\r\n\r\n")
        .slice(1, 3),
    ).toEqual(["5\r\nabcde\r\n0", expect.any(String)]);
    expect(bytes).not.toContain("odd");
  });

  test.each([
    ["white space around a length (RFC 9110 §5.5 takes it off)", "Content-Length: \t 5 \t"],
    ["no space before a length", "Content-Length:5"],
    ["leading zeros of a length", "Content-Length: 0005"],
  ])("%s: the upstream gets the plain number", async (_name, line) => {
    const answer = await ask(stage, request("POST /open/lax-length", [line], "abcde"));
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.at(-1);
    expect(got === undefined ? [] : valuesOf(got, "content-length")).toEqual(["5"]);
    expect(got?.body.toString()).toBe("abcde");
  });

  test.each([
    ["an empty line before the request line (RFC 9112 §2.2)", "\r\nGET /open/lax-line HTTP/1.1\r\n"],
    ["a bare LF before the request line", "\nGET /open/lax-line HTTP/1.1\r\n"],
    ["two spaces behind the method", "GET  /open/lax-line HTTP/1.1\r\n"],
    ["two spaces before the version", "GET /open/lax-line  HTTP/1.1\r\n"],
    ["RTSP/1.0 as the version", "GET /open/lax-line RTSP/1.0\r\n"],
  ])("%s: the upstream gets a plain request line", async (_name, line) => {
    const answer = await ask(stage, `${line}Host: desk.example\r\n\r\n`);
    expect(statusOf(answer)).toBe(200);
    expect(stage.upstream.requests.at(-1)?.startLine).toBe("GET /open/lax-line HTTP/1.1");
  });

  test.each(["Transfer_Encoding: chunked", "Transfer.Encoding: chunked", "Content_Length: 5", "Content.Length: 5"])(
    "%s is left out, and no body is sent",
    async (line) => {
      const answer = await ask(stage, request("POST /open/lax-name", [line]));
      expect(statusOf(answer)).toBe(200);
      const got = stage.upstream.requests.at(-1);
      expect(got?.startLine).toBe("POST /open/lax-name HTTP/1.1");
      expect(got?.head).not.toMatch(/transfer.encoding|content.length: 5/i);
      expect(got?.body).toHaveLength(0);
    },
  );

  test("a chunk of 2^64-1 bytes is cut at the limit of bodies, and the upstream never gets a whole request", async () => {
    const own = await openStage({ config: { limits: { drain: "1s", body_bytes: "64KiB" } } });
    const wire = await dial(own);
    await wire.write(request("POST /open/endless", ["Transfer-Encoding: chunked"], "ffffffffffffffff\r\n"));
    await wire.write("x".repeat(70_000));
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([413, "body_too_large"]);
    wire.socket.destroy();
    await expectServed(own);
    expect(own.upstream.requests).toHaveLength(1);
  });
});

describe("what goes on is whole", () => {
  test("1,500 fields: none is left out in silence", async () => {
    const lines = Array.from({ length: 1500 }, (_, index) => `X-${index}: v`);
    const answer = await ask(stage, request("GET /open/many", lines));
    expect(statusOf(answer)).toBe(200);
    const names = stage.upstream.requests.at(-1)?.fields.map(([name]) => name);
    expect(names?.filter((name) => /^X-[0-9]+$/.test(name))).toEqual(lines.map((line) => line.split(":")[0]));
  });

  test("a body that looks like a request is a body", async () => {
    const body = request("GET /open/inner");
    const before = stage.upstream.requests.length;
    const answer = await ask(stage, request("POST /open/outer", [`Content-Length: ${body.length}`], body));
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.slice(before);
    expect(got.map(({ startLine }) => startLine)).toEqual(["POST /open/outer HTTP/1.1"]);
    expect(got[0]?.body.toString("latin1")).toBe(body);
  });

  test("pipelined requests are decided one by one", async () => {
    const wire = await dial(stage);
    await wire.write(
      request("GET /open/first") + request("GET /api/portals/acme/tickets/1") + request("GET /open/third"),
    );
    expect([
      statusOf(await wire.nextResponse()),
      statusOf(await wire.nextResponse()),
      statusOf(await wire.nextResponse()),
    ]).toEqual([200, 401, 200]);
    wire.socket.destroy();
  });
});
