import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { type Line, startLine } from "../support/line.ts";
import { type OwnPages, ownPages } from "../support/own-pages.ts";
import { type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import { type Message, statusOf, valuesOf, type Wire } from "../support/wire.ts";
import { codeOf, connectTo, head } from "./client.ts";

let line: Line;
let own: OwnPages;
let upstream: RawUpstream;

const ROUTES = [{ id: "all", match: { path: "/*" }, upstream: "up", public: true }];

beforeAll(async () => {
  upstream = await startRawUpstream();
  own = ownPages();
  line = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own });
});

const idOf = (answer: Message): string => valuesOf(answer, "x-request-id").join();
const OWN = { event: "request", route: "portcullis", decision: "allow", reason: "own_endpoint", credential: null };

async function ask(bytes: string, method = "GET"): Promise<Message> {
  const wire = await connectTo(line);
  await wire.write(bytes);
  return wire.nextResponse(method);
}

describe("a path that Portcullis serves itself", () => {
  test.each([
    "/oauth",
    "/oauth/token",
    "/oauth/interaction/abc",
    "/signin",
    "/signin/out",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
  ])("%s goes to its endpoints, not to a rule for all paths", async (path) => {
    const before = upstream.requests.length;
    const answer = await ask(head(`GET ${path}`));
    expect([statusOf(answer), answer.body.toString()]).toEqual([200, `page of ${path}`]);
    expect(upstream.requests).toHaveLength(before);
    expect(await line.auditOf(idOf(answer))).toMatchObject({ ...OWN, path, status: 200, bytes_out: 8 + path.length });
  });

  test.each([
    ["/OAuth/token", 200],
    ["/oauthtoken", 200],
    ["/signin.css", 200],
    ["/.well-known/oauth-authorization-server/x", 200],
    ["/.well-known/openid-configuration/", 200],
    ["/.well-known/security.txt", 200],
    ["/oauth//token", 400],
    ["/%6fauth/token", 400],
    ["/x/../oauth/token", 400],
    ["/oauth/./token", 400],
    ["/oauth%2Ftoken", 400],
    ["/oauth;a/token", 400],
    ["http://desk.example.com/oauth/token", 400],
  ])("look-alike %s never gets there", async (target, status) => {
    const before = own.served.length;
    const answer = await ask(head(`GET ${target}`));
    expect(statusOf(answer)).toBe(status);
    expect(own.served).toHaveLength(before);
    expect((await line.auditOf(idOf(answer)))["route"]).toBe(status === 200 ? "all" : null);
  });

  test("with a slash at its end is a path under its endpoints, and theirs to refuse", async () => {
    const before = own.served.length;
    await ask(head("GET /oauth/token/"));
    expect(own.served.slice(before).map(({ url }) => url)).toEqual(["/oauth/token/"]);
  });

  test("keeps the strict reading of the head", async () => {
    const before = own.served.length;
    expect(statusOf(await ask(`${head("POST /oauth/token", ["Content-Length: 1", "Content-Length: 1"])}x`))).toBe(400);
    expect(statusOf(await ask("GET /oauth/token HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"))).toBe(400);
    expect(statusOf(await ask("GET /oauth/token HTTP/1.1\r\n\r\n"))).toBe(400);
    expect(own.served).toHaveLength(before);
  });

  test("keeps the check of the host", async () => {
    const strict = await startLine({
      upstreamUrl: upstream.url,
      routes: ROUTES,
      own,
      limits: { hosts: new Set(["desk.example.com"]) },
    });
    const before = own.served.length;
    const wire = await connectTo(strict);
    await wire.write(head("GET /oauth/a") + "GET /oauth/b HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    expect(statusOf(await wire.nextResponse())).toBe(200);
    expect(statusOf(await wire.nextResponse())).toBe(421);
    expect(own.served.length - before).toBe(1);
  });

  test("is no way round for credentials: its endpoints get them as they are, and no rule looks at them", async () => {
    const fields = ["Authorization: Basic YTpi", "X-API-Key: x"];
    const answer = await ask(head("GET /oauth/token", fields));
    expect(statusOf(answer)).toBe(200);
  });

  test("has no query in its audit line", async () => {
    const answer = await ask(head("GET /oauth/callback?code=s3cr3tc0de&state=s3cr3tstate"));
    expect(await line.auditOf(idOf(answer))).toMatchObject({ path: "/oauth/callback" });
    expect(line.auditText()).not.toContain("s3cr3t");
  });

  test("tells its endpoints the request's id, and the client behind a trusted proxy", async () => {
    const trusting = await startLine({
      upstreamUrl: upstream.url,
      routes: ROUTES,
      own,
      trustedProxies: ["127.0.0.1/32"],
    });
    const wire = await connectTo(trusting);
    await wire.write(head("GET /oauth/a", ["X-Forwarded-For: 203.0.113.9", "X-Request-Id: mine"]));
    const answer = await wire.nextResponse();
    expect(own.served.at(-1)?.about).toEqual({ requestId: idOf(answer), clientIp: "203.0.113.9" });
    const untrusted = await ask(head("GET /oauth/a", ["X-Forwarded-For: 203.0.113.9"]));
    expect(own.served.at(-1)?.about).toEqual({ requestId: idOf(untrusted), clientIp: "127.0.0.1" });
  });

  test("is counted under a route of its own", async () => {
    await ask(head("GET /oauth/denied"));
    expect(await line.metrics()).toContain(
      'portcullis_requests_total{route="portcullis",decision="allow",reason="own_endpoint",status="401"} 1',
    );
    expect(await line.metrics()).toContain('portcullis_request_duration_seconds_count{route="portcullis"}');
  });
});

/** Sends a byte of a body every few milliseconds, until the other side has had enough. */
async function drip(wire: Wire, byte: string): Promise<void> {
  while (!wire.finished && !wire.socket.destroyed && wire.socket.writable) {
    wire.socket.write(byte);
    await setTimeout(5);
  }
}

describe("the connection goes on behind an answer of our own", () => {
  test("with keep-alive and pipelining, in order, mixed with the upstream's", async () => {
    const wire = await connectTo(line);
    const echo = head("POST /oauth/echo", ["Content-Length: 5"]);
    await wire.write(head("GET /oauth/late") + head("GET /x") + `${echo}hello` + head("GET /oauth/chunks"));
    expect((await wire.nextResponse()).body.toString()).toBe("late");
    expect((await wire.nextResponse()).body.toString()).toBe("ok");
    const echoed = await wire.nextResponse();
    expect(echoed.body.toString()).toBe("hello");
    const posted = { ...OWN, method: "POST", status: 200, bytes_in: 5, bytes_out: 5 };
    expect(await line.auditOf(idOf(echoed))).toMatchObject(posted);
    const chunks = await wire.nextResponse();
    expect(chunks.body.toString()).toBe("äb");
    expect(await line.auditOf(idOf(chunks))).toMatchObject({ bytes_out: 3 });
    await wire.write(head("HEAD /oauth/a"));
    const headAnswer = await wire.nextResponse("HEAD");
    expect(await line.auditOf(idOf(headAnswer))).toMatchObject({ ...OWN, method: "HEAD", bytes_out: 0 });
  });

  test("with a chunked body, and one that waits for 100-continue", async () => {
    const wire = await connectTo(line);
    await wire.write(head("POST /oauth/echo", ["Transfer-Encoding: chunked"]));
    await wire.write("3\r\nabc\r\n");
    await wire.write("2\r\nde\r\n0\r\n\r\n");
    const chunked = await wire.nextResponse();
    expect(chunked.body.toString()).toBe("abcde");
    expect(await line.auditOf(idOf(chunked))).toMatchObject({ bytes_in: 5, bytes_out: 5 });
    await wire.write(head("POST /oauth/echo", ["Content-Length: 2", "Expect: 100-continue"]));
    expect(statusOf(await wire.nextResponse())).toBe(100);
    await wire.write("ok");
    expect((await wire.nextResponse()).body.toString()).toBe("ok");
  });

  test("where the endpoint did not read a small body", async () => {
    const wire = await connectTo(line);
    await wire.write(`${head("POST /oauth/denied", ["Content-Length: 5"])}he`);
    expect(statusOf(await wire.nextResponse())).toBe(401);
    await wire.write(`llo${head("GET /oauth/a")}`);
    expect(statusOf(await wire.nextResponse())).toBe(200);
  });

  test("and ends where the client's body is larger than what is read, once the client has the answer", async () => {
    const wire = await connectTo(line);
    await wire.write(head("POST /oauth/echo", ["Content-Length: 1000000"]));
    await wire.write(Buffer.alloc(200_000, "a"));
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(413);
    expect(valuesOf(answer, "connection")).toEqual(["close"]);
    await wire.write(Buffer.alloc(800_000, "a"));
    expect(await wire.closed).toEqual({ error: null });
    expect(await line.auditOf(idOf(answer))).toMatchObject({ ...OWN, status: 413, bytes_out: 9 });
  });
});

describe("what goes wrong with a request of our own", () => {
  test("a fault is a 500 of the line, with nothing of what was prepared", async () => {
    const wire = await connectTo(line);
    await wire.write(head("GET /oauth/fault") + head("GET /oauth/a"));
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([500, "internal_error"]);
    expect(valuesOf(answer, "set-cookie")).toEqual([]);
    expect(valuesOf(answer, "x-request-id")).toHaveLength(1);
    expect(await line.auditOf(idOf(answer))).toMatchObject({
      route: "portcullis",
      decision: "deny",
      reason: "internal_error",
      status: 500,
      bytes_out: answer.body.length,
    });
    expect(statusOf(await wire.nextResponse())).toBe(200);
  });

  test("an upgrade is a 400", async () => {
    const before = own.served.length;
    const upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: a"];
    const answer = await ask(head("GET /oauth/token", upgrade));
    expect([statusOf(answer), codeOf(answer)]).toEqual([400, "bad_request"]);
    expect(await line.auditOf(idOf(answer))).toMatchObject({ route: "portcullis", decision: "deny", status: 400 });
    expect(statusOf(await ask("CONNECT /oauth/token HTTP/1.1\r\nHost: desk.example.com\r\n\r\n"))).toBe(400);
    expect(own.served).toHaveLength(before);
  });

  test("a client that leaves before the answer", async () => {
    const wire = await connectTo(line);
    const before = own.served.length;
    await wire.write(head("GET /oauth/never"));
    await expect.poll(() => own.served.length).toBe(before + 1);
    wire.socket.destroy();
    const closed = await line.auditOf(own.served.at(-1)?.about.requestId);
    expect(closed).toMatchObject({ ...OWN, reason: "client_closed", status: 499, bytes_out: 0 });
  });

  test("a client that leaves inside the answer", async () => {
    const wire = await connectTo(line);
    await wire.write(head("GET /oauth/half"));
    await wire.until("half");
    wire.socket.destroy();
    const closed = await line.auditOf(own.served.at(-1)?.about.requestId);
    expect(closed).toMatchObject({ ...OWN, reason: "client_closed", status: 200, bytes_out: 4 });
  });

  test("a client that leaves inside its body", async () => {
    const wire = await connectTo(line);
    const before = own.served.length;
    await wire.write(`${head("POST /oauth/echo", ["Content-Length: 10"])}abc`);
    await expect.poll(() => own.served.length).toBe(before + 1);
    wire.socket.destroy();
    const closed = await line.auditOf(own.served.at(-1)?.about.requestId);
    expect(closed).toMatchObject({ ...OWN, reason: "client_closed", status: 499, bytes_in: 3 });
  });

  test("a body that breaks the chunked coding is a 400, and the connection ends", async () => {
    const wire = await connectTo(line);
    await wire.write(head("POST /oauth/echo", ["Transfer-Encoding: chunked"]));
    await wire.write("zz\r\n");
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(400);
    await wire.end();
    expect(await line.auditOf(idOf(answer))).toMatchObject({ route: "portcullis", reason: "bad_request", status: 400 });
  });

  test("a body that stops coming is a 408", async () => {
    const slow = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own, limits: { idleMs: 200 } });
    const wire = await connectTo(slow);
    await wire.write(`${head("POST /oauth/echo", ["Content-Length: 10"])}abc`);
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(408);
    await wire.end();
    expect(await slow.auditOf(idOf(answer))).toMatchObject({ route: "portcullis", reason: "request_timeout" });
  });

  test.each([
    ["with a length", ["Content-Length: 60000"], "x"],
    ["in chunks", ["Transfer-Encoding: chunked"], "1\r\nx\r\n"],
  ])("a body %s that drips is a 408 once its time is over, however often a byte comes", async (_name, lines, byte) => {
    const slow = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own, limits: { bodyMs: 300 } });
    const wire = await connectTo(slow);
    await wire.write(head("POST /oauth/echo", lines));
    const dripping = drip(wire, byte);
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer), valuesOf(answer, "connection")]).toEqual([
      408,
      "request_timeout",
      ["close"],
    ]);
    await wire.end();
    wire.socket.destroy();
    await dripping;
    expect(await slow.auditOf(idOf(answer))).toMatchObject({
      route: "portcullis",
      reason: "request_timeout",
      status: 408,
    });
  });

  test("a small body that drips on behind its answer ends the connection", async () => {
    const slow = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own, limits: { bodyMs: 300 } });
    const wire = await connectTo(slow);
    await wire.write(head("POST /oauth/page", ["Content-Length: 60000"]));
    const dripping = drip(wire, "x");
    expect(statusOf(await wire.nextResponse())).toBe(200);
    await wire.closed;
    await dripping;
    expect(wire.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  test("a body within its time is served, and the connection goes on past it", async () => {
    const slow = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own, limits: { bodyMs: 300 } });
    const wire = await connectTo(slow);
    await wire.write(`${head("POST /oauth/echo", ["Content-Length: 2"])}a`);
    await wire.write("b");
    expect((await wire.nextResponse()).body.toString()).toBe("ab");
    const began = performance.now();
    while (performance.now() - began < 400) {
      await wire.write(head("GET /oauth/late"));
      expect(statusOf(await wire.nextResponse())).toBe(200);
    }
  });

  test("draining lets an answer under way end, and closes the connection", async () => {
    const leaving = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own });
    const wire = await connectTo(leaving);
    const before = own.served.length;
    await wire.write(head("GET /oauth/late"));
    await expect.poll(() => own.served.length).toBe(before + 1);
    const drained = leaving.listener.drain(5000);
    const answer = await wire.nextResponse();
    expect([statusOf(answer), valuesOf(answer, "connection")]).toEqual([200, ["close"]]);
    await wire.end();
    await drained;
    expect(await leaving.auditOf(idOf(answer))).toMatchObject(OWN);
  });

  test("draining that takes too long cuts it", async () => {
    const leaving = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own });
    const wire = await connectTo(leaving);
    const before = own.served.length;
    await wire.write(head("GET /oauth/never"));
    await expect.poll(() => own.served.length).toBe(before + 1);
    await leaving.listener.drain(50);
    const cut = await leaving.auditOf(own.served.at(-1)?.about.requestId);
    expect(cut).toMatchObject({ route: "portcullis", reason: "draining" });
  });
});

test("where OAuth is off, its paths are paths as any other", async () => {
  const plain = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own: null });
  const wire = await connectTo(plain);
  await wire.write(head("GET /oauth/token"));
  const answer = await wire.nextResponse();
  expect([statusOf(answer), answer.body.toString()]).toEqual([200, "ok"]);
  expect(await plain.auditOf(idOf(answer))).toMatchObject({ route: "all", reason: "public" });
});
