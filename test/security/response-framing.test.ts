import { beforeAll, describe, expect, test } from "vitest";
import { type Message, statusOf } from "../support/wire.ts";
import { ask, auditOf, codeOf, dial, openStage, request, type Stage } from "./support/stage.ts";

const SMUGGLED = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nxsmuggledx!";
const chunked = (body: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const withLines = (lines: string, body = "ok"): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;

/** Responses that break HTTP before their body: the client gets our 502. */
const HEADS: Readonly<Record<string, string>> = {
  "CL.TE": withLines("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  "TE.CL": withLines("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
  "TE.TE": withLines("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
  "chunked twice": withLines("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
  "another coding before chunked": withLines("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
  "an unknown coding": withLines("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
  "HTTP/1.0 with a transfer coding": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "two lengths": withLines("Content-Length: 2\r\nContent-Length: 3\r\n"),
  "two equal lengths": withLines("Content-Length: 2\r\nContent-Length: 2\r\n"),
  "a list of lengths": withLines("Content-Length: 2, 2\r\n"),
  "+2": withLines("Content-Length: +2\r\n"),
  "-2": withLines("Content-Length: -2\r\n"),
  "0x2": withLines("Content-Length: 0x2\r\n"),
  "2.0": withLines("Content-Length: 2.0\r\n"),
  "an empty length": withLines("Content-Length:\r\n"),
  "a length beyond 64 bits": withLines("Content-Length: 18446744073709551618\r\n"),
  "a folded line": withLines("X-A: a\r\n b\r\nContent-Length: 2\r\n"),
  "a bare LF behind a field": withLines("X-A: a\nX-B: b\r\nContent-Length: 2\r\n"),
  "a bare LF behind the status line": "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
  "bare LF everywhere": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
  "a bare CR in a value": withLines("X-A: a\rX-B: b\r\nContent-Length: 2\r\n"),
  "NUL in a value": withLines("X-A: a\0\r\nContent-Length: 2\r\n"),
  "NUL in a name": withLines("X\0A: a\r\nContent-Length: 2\r\n"),
  "a control character in the reason": "HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok",
  "a space before the colon": withLines("Content-Length : 2\r\n"),
  "a line without a colon": withLines("XA\r\nContent-Length: 2\r\n"),
  "an empty name": withLines(": a\r\nContent-Length: 2\r\n"),
  "HTTP/2.0": "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/0.9": "<html>xsmuggledx</html>\r\n\r\n",
  "ICY 200": "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "a status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
  "a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
  "status 0": "HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok",
  "status 600": "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok",
  "a line before the status line": `\r\n${withLines("Content-Length: 2\r\n")}`,
  "101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "a head without end": withLines(`X-A: ${"x".repeat(70_000)}\r\n`),
};

/** Responses that break HTTP in their body: the client's own response ends before its end. */
const BODIES: Readonly<Record<string, string>> = {
  "a chunk extension": chunked("5;a=b\r\nabcde\r\n0\r\n\r\n"),
  "a size with 0x": chunked("0x5\r\nabcde\r\n0\r\n\r\n"),
  "a size with a space behind": chunked("5 \r\nabcde\r\n0\r\n\r\n"),
  "a size beyond any body": chunked("ffffffffffffffff\r\nabcde\r\n0\r\n\r\n"),
  "no size": chunked("\r\nabcde\r\n0\r\n\r\n"),
  "a bare LF behind the size": chunked("5\nabcde\r\n0\r\n\r\n"),
  "a bare LF behind the data": chunked("5\r\nabcde\n0\r\n\r\n"),
  "a chunk longer than its size": chunked("5\r\nabcdefg\r\n0\r\n\r\n"),
  "a malformed trailer": chunked("5\r\nabcde\r\n0\r\nX A: b\r\n\r\n"),
  "a folded trailer": chunked("5\r\nabcde\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
  "trailers without end": chunked(`5\r\nabcde\r\n0\r\n${"X-A: x\r\n".repeat(5000)}`),
};

/** Whole responses with bytes behind them that nobody asked for. */
const EXTRA: Readonly<Record<string, readonly [response: string, status: number]>> = {
  "a second response behind a length": [`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${SMUGGLED}`, 200],
  "a second response behind chunks": [chunked(`2\r\nok\r\n0\r\n\r\n${SMUGGLED}`), 200],
  "a body behind 204": [`HTTP/1.1 204 No Content\r\n\r\n${SMUGGLED}`, 204],
  "a body behind 304": [`HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n${SMUGGLED}`, 304],
};

const ALL = { ...HEADS, ...BODIES, ...Object.fromEntries(Object.entries(EXTRA).map(([name, [text]]) => [name, text])) };
const NAMES = Object.keys(ALL);
/** `/open/NAME` answers with the malformed response, anything else says what was asked for. */
function respond({ startLine }: Message): string {
  const path = startLine.split(" ")[1] ?? "";
  const index = Number(/^\/open\/case-([0-9]+)$/.exec(path)?.[1] ?? "-1");
  const malformed = ALL[NAMES[index] ?? ""];
  return malformed ?? `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ respond });
});

const pathOf = (name: string): string => `/open/case-${NAMES.indexOf(name)}`;

/** The connection that carried the case is closed, and the next clients get their own answers over others. */
async function expectNotReused(name: string): Promise<void> {
  const carrier = stage.upstream.connections.find((wire) => wire.text.includes(`GET ${pathOf(name)} `));
  if (carrier === undefined) throw new Error("the case did not reach the upstream");
  await carrier.closed;
  for (const path of ["/open/next", "/open/after"]) {
    const answer = await ask(stage, request(`GET ${path}`));
    expect([statusOf(answer), answer.body.toString()]).toEqual([200, path]);
  }
  const [, ...behind] = carrier.text.split(`GET ${pathOf(name)} `);
  // A request went over the connection later.
  expect(behind.join("")).not.toContain("GET ");
}

describe("a response head that breaks HTTP is a 502, and its connection is not used again", () => {
  test.each(Object.keys(HEADS))("%s", async (name) => {
    const answer = await ask(stage, request(`GET ${pathOf(name)}`));
    expect([statusOf(answer), codeOf(answer)]).toEqual([502, "upstream_invalid"]);
    expect(answer.head + answer.body.toString()).not.toContain("xsmuggledx");
    expect(await auditOf(stage, answer)).toMatchObject({ reason: "upstream_invalid", status: 502 });
    await expectNotReused(name);
  });
});

describe("a response body that breaks HTTP ends the client's response before its end", () => {
  test.each(Object.keys(BODIES))("%s", async (name) => {
    const wire = await dial(stage);
    await wire.write(request(`GET ${pathOf(name)}`));
    await wire.end();
    wire.socket.destroy();
    // The last chunk would say that the body is whole.
    expect(wire.text).not.toContain("\r\n0\r\n\r\n");
    const audit = await stage.sidecar.auditLine({ path: pathOf(name) });
    expect(["upstream_cut", "upstream_invalid"]).toContain(audit["reason"]);
    await expectNotReused(name);
  });
});

describe("bytes behind a response reach nobody", () => {
  test.each(Object.keys(EXTRA))("%s", async (name) => {
    const wire = await dial(stage);
    await wire.write(request(`GET ${pathOf(name)}`) + request("GET /open/own"));
    expect(statusOf(await wire.nextResponse())).toBe(EXTRA[name]?.[1]);
    const second = await wire.nextResponse();
    expect([statusOf(second), second.body.toString()]).toEqual([200, "/open/own"]);
    wire.socket.destroy();
    expect(wire.text).not.toContain("xsmuggledx");
    await expectNotReused(name);
  });

  test("on an idle connection close it, and the next client gets its own answer", async () => {
    const own = await openStage({ respond });
    expect(statusOf(await ask(own, request("GET /open/first")))).toBe(200);
    const carrier = await own.upstream.connection(0);
    await carrier.write(SMUGGLED);
    await carrier.closed;
    const answer = await ask(own, request("GET /open/second"));
    expect(answer.body.toString()).toBe("/open/second");
  });
});

test("a trailer that ends in a bare LF never completes the client's response", async () => {
  const own = await openStage({ respond: () => chunked("5\r\nabcde\r\n0\r\nX-A: b\n\r\n") });
  const wire = await dial(own);
  await wire.write(request("GET /open/a"));
  await wire.closed;
  expect(wire.text).not.toContain("\r\n0\r\n");
  expect(await own.sidecar.auditLine({ path: "/open/a" })).toMatchObject({ reason: "upstream_cut" });
  await (
    await own.upstream.connection(0)
  ).closed;
});

test("a response cannot set fields of ours or of this hop", async () => {
  const own = await openStage({
    respond: () =>
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: forged\r\nX-Portcullis-Portal: globex\r\n" +
      "Keep-Alive: timeout=900\r\nConnection: x-hop\r\nX-Hop: here\r\nUpgrade: h2c\r\nX-Kept: yes\r\n\r\nok",
  });
  const answer = await ask(own, request("GET /open/a"));
  expect(statusOf(answer)).toBe(200);
  expect(answer.head).not.toMatch(/forged|x-portcullis|timeout=900|x-hop|upgrade/i);
  expect(answer.head).toContain("X-Kept: yes");
});
