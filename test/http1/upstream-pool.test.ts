import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "../support/processes.ts";
import { OK, type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import type { Wire } from "../support/wire.ts";
import { codeOf, run, TestExchange, testPool } from "./exchange.ts";

/** An upstream whose every answer waits for the test. */
async function holding(): Promise<RawUpstream> {
  return startRawUpstream(() => undefined);
}

async function wireOf(upstream: RawUpstream, index: number): Promise<Wire> {
  return upstream.connection(index);
}

test("requests one after the other share a connection", async () => {
  const upstream = await startRawUpstream();
  const pool = testPool(upstream.port);
  for (let i = 0; i < 5; i++) expect((await run(pool, { target: `/${i}` })).body).toBe("ok");
  expect(upstream.connections).toHaveLength(1);
  expect(upstream.requests.map(({ startLine }) => startLine)).toEqual([0, 1, 2, 3, 4].map((i) => `GET /${i} HTTP/1.1`));
});

test("the connection used last is used first", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port);
  const [a, b] = [new TestExchange({ target: "/a" }), new TestExchange({ target: "/b" })];
  pool.dispatch(a);
  pool.dispatch(b);
  await upstream.request(1);
  const connection = await b.sent;
  const first = upstream.connections.find((wire) => wire.text.includes("/a"));
  const second = upstream.connections.find((wire) => wire.text.includes("/b"));
  await first?.write(OK);
  await a.ended;
  await second?.write(OK);
  await b.ended;
  const c = new TestExchange({ target: "/c" });
  pool.dispatch(c);
  await upstream.request(2);
  expect(await c.sent).toBe(connection);
  expect(second?.text).toContain("/c");
  await second?.write(OK);
  await c.ended;
});

test("requests beyond max_connections wait in order, and those beyond the queue are refused at once", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port, { maxConnections: 1, maxQueue: 2 });
  const exchanges = [1, 2, 3].map((i) => new TestExchange({ target: `/${i}` }));
  for (const exchange of exchanges) pool.dispatch(exchange);
  const refused = await run(pool, { target: "/4" });
  expect(refused.end.failure).toMatchObject({ code: "upstream_overloaded" });
  const wire = await wireOf(upstream, 0);
  for (const [index, exchange] of exchanges.entries()) {
    await upstream.request(index);
    expect(pool.size).toBe(1);
    await wire.write(OK);
    expect(codeOf(await exchange.ended)).toBeNull();
  }
  expect(upstream.requests.map(({ startLine }) => startLine)).toEqual([1, 2, 3].map((i) => `GET /${i} HTTP/1.1`));
});

test("who waits gets a new connection where the busy one ends", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port, { maxConnections: 1 });
  const [a, b] = [new TestExchange({ target: "/a" }), new TestExchange({ target: "/b" })];
  pool.dispatch(a);
  pool.dispatch(b);
  await upstream.request(0);
  (await wireOf(upstream, 0)).reset();
  expect(codeOf(await a.ended)).toBe("upstream_unreachable");
  await upstream.request(1);
  await (await wireOf(upstream, 1)).write(OK);
  expect(codeOf(await b.ended)).toBeNull();
});

test("waiting for a connection has a time-out", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port, { maxConnections: 1, connectTimeout: 50 });
  const first = new TestExchange();
  pool.dispatch(first);
  await upstream.request(0);
  const { end } = await run(pool);
  expect(end.failure).toMatchObject({ code: "upstream_overloaded" });
  await (await wireOf(upstream, 0)).write(OK);
  expect(codeOf(await first.ended)).toBeNull();
});

test("a request taken back while it waits is never sent", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port, { maxConnections: 1 });
  const first = new TestExchange({ target: "/first" });
  const gone = new TestExchange({ target: "/gone" });
  const last = new TestExchange({ target: "/last" });
  for (const exchange of [first, gone, last]) pool.dispatch(exchange);
  pool.cancel(gone);
  await upstream.request(0);
  const wire = await wireOf(upstream, 0);
  await wire.write(OK);
  await upstream.request(1);
  await wire.write(OK);
  await last.ended;
  expect(wire.text).not.toContain("/gone");
  expect(gone.connections).toHaveLength(0);
});

test("a request taken back while its connection is being made is never sent", async () => {
  const upstream = await startRawUpstream();
  const pool = testPool(upstream.port, { maxConnections: 1 });
  const gone = new TestExchange({ target: "/gone" });
  pool.dispatch(gone);
  pool.cancel(gone);
  expect((await run(pool, { target: "/next" })).body).toBe("ok");
  expect(gone.connections).toHaveLength(0);
  expect(upstream.requests.map(({ startLine }) => startLine)).toEqual(["GET /next HTTP/1.1"]);
});

test("a GET on a connection that the upstream closed meanwhile is sent again, once, and answered", async () => {
  const upstream = await startRawUpstream((request, wire) => {
    if (!request.startLine.includes("/again") || upstream.requests.length > 2) return OK;
    wire.socket.destroy();
    return undefined;
  });
  const pool = testPool(upstream.port);
  await run(pool, { target: "/warm" });
  const again = await run(pool, { target: "/again" });
  expect(again.body).toBe("ok");
  expect(again.late).toBe(0);
  expect(upstream.requests.map(({ startLine }) => startLine)).toEqual(
    ["/warm", "/again", "/again"].map((target) => `GET ${target} HTTP/1.1`),
  );
});

test("a GET whose second try fails too is not sent a third time", async () => {
  const upstream = await startRawUpstream((request, wire) => {
    if (request.startLine.includes("/warm")) return OK;
    wire.socket.destroy();
    return undefined;
  });
  const pool = testPool(upstream.port);
  await run(pool, { target: "/warm" });
  expect(codeOf((await run(pool, { target: "/again" })).end)).toBe("upstream_unreachable");
  expect(upstream.requests).toHaveLength(3);
});

test.each([
  ["POST", "none"],
  ["PATCH", "none"],
  ["PUT", "length"],
] as const)("a %s with body `%s` on a connection that died is not sent again", async (method, bodyKind) => {
  const upstream = await startRawUpstream((request, wire) => {
    if (request.startLine.includes("/warm")) return OK;
    wire.socket.destroy();
    return undefined;
  });
  const pool = testPool(upstream.port);
  await run(pool, { target: "/warm" });
  const exchange = new TestExchange({ method, bodyKind, length: 1 });
  pool.dispatch(exchange);
  const connection = await exchange.sent;
  if (bodyKind === "length") {
    connection.writeBody(Buffer.from("x"));
    connection.endBody([]);
  }
  expect(codeOf(await exchange.ended)).toBe("upstream_unreachable");
  expect(upstream.requests).toHaveLength(2);
});

test("a GET on a new connection that dies is not sent again", async () => {
  const upstream = await startRawUpstream((_request, wire) => void wire.socket.destroy());
  const pool = testPool(upstream.port);
  expect(codeOf((await run(pool)).end)).toBe("upstream_unreachable");
  expect(upstream.requests).toHaveLength(1);
});

test("a GET that got one byte of an answer is not sent again", async () => {
  const upstream = await startRawUpstream(async (request, wire) => {
    if (request.startLine.includes("/warm")) return OK;
    await wire.write("H");
    wire.socket.destroy();
    return undefined;
  });
  const pool = testPool(upstream.port);
  await run(pool, { target: "/warm" });
  expect(codeOf((await run(pool)).end)).not.toBeNull();
  expect(upstream.requests).toHaveLength(2);
});

test("a connection that the upstream ended while idle is not used", async () => {
  const upstream = await startRawUpstream();
  const pool = testPool(upstream.port);
  await run(pool);
  const wire = await wireOf(upstream, 0);
  wire.socket.end();
  await wire.closed;
  expect((await run(pool, { method: "POST" })).body).toBe("ok");
  expect(upstream.connections).toHaveLength(2);
});

test("bytes on an idle connection close it", async () => {
  const upstream = await startRawUpstream();
  const pool = testPool(upstream.port);
  await run(pool);
  const wire = await wireOf(upstream, 0);
  await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  await wire.closed;
  expect(pool.size).toBe(0);
  expect((await run(pool)).body).toBe("ok");
});

test("a refused connection fails at once", async () => {
  const pool = testPool(await freePort());
  const { end } = await run(pool);
  expect(end.failure).toMatchObject({ code: "upstream_unreachable" });
  expect(pool.size).toBe(0);
});

test("a connection that is never made has a time-out", async () => {
  // TLS that is never answered: TCP is there, and the connection is not.
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const { createSecureContext } = await import("node:tls");
  const tls = { serverName: "localhost", context: createSecureContext({}) };
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const pool = testPool(port, { tls, connectTimeout: 50 });
  const { end } = await run(pool);
  expect(end.failure).toMatchObject({ code: "upstream_timeout", detail: "connecting took too long" });
  server.close();
});

test("close ends idle connections now, and busy ones after their answer", async () => {
  const upstream = await holding();
  const pool = testPool(upstream.port);
  const [idle, busy] = [new TestExchange({ target: "/idle" }), new TestExchange({ target: "/busy" })];
  pool.dispatch(idle);
  pool.dispatch(busy);
  await upstream.request(1);
  const wireFor = (target: string): Wire | undefined => upstream.connections.find((wire) => wire.text.includes(target));
  await wireFor("/idle")?.write(OK);
  await idle.ended;
  pool.close();
  await wireFor("/idle")?.closed;
  expect(pool.size).toBe(1);
  await wireFor("/busy")?.write(OK);
  expect(codeOf(await busy.ended)).toBeNull();
  await wireFor("/busy")?.closed;
  expect(pool.size).toBe(0);
});

test("a request that comes after close is answered, or has its time-out", async () => {
  const upstream = await startRawUpstream((request) => (request.startLine.includes("/silent") ? undefined : OK));
  const pool = testPool(upstream.port, { responseTimeout: 50 });
  await run(pool, { target: "/before" });
  pool.close();
  expect((await run(pool, { target: "/after" })).body).toBe("ok");
  expect(codeOf((await run(pool, { target: "/silent" })).end)).toBe("upstream_timeout");
  expect(pool.size).toBe(0);
});
