import { expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { SWEEP_MS } from "../../src/http1/upstream-pool.ts";
import { fakeClock } from "../store/fake-clock.ts";
import { OK, startRawUpstream } from "../support/raw-upstream.ts";
import { codeOf, run, TestExchange, testPool } from "./exchange.ts";

/** Time that passes only when the test says so, the sweep of the pool with it. */
function heldTime(): { readonly clock: Clock; readonly pass: (ms: number) => void } {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const clock = fakeClock();
  return {
    clock,
    pass: (ms) => {
      clock.advance(ms);
      vi.advanceTimersByTime(SWEEP_MS);
    },
  };
}

/** `open`, or the code that it failed with; `null` where it was answered. */
async function stateOf(exchange: TestExchange): Promise<string | null> {
  return Promise.race([exchange.ended.then(codeOf), new Promise<string>((resolve) => setImmediate(resolve, "open"))]);
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

test("a response split at any byte is the same, and its connection is used again", async () => {
  const response = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${CHUNKED}3\r\nabc\r\n0\r\nT: v\r\n\r\n`;
  let cut = 0;
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write(response.slice(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    await wire.write(response.slice(cut));
  });
  const pool = testPool(upstream.port);
  for (cut = 1; cut < response.length; cut++) {
    const exchange = await run(pool);
    expect(exchange.end).toEqual({ failure: null, trailers: ["T", "v"] });
    expect(exchange.body).toBe("abc");
    expect(exchange.interim.map(({ status }) => status)).toEqual([103]);
  }
  expect(upstream.connections).toHaveLength(1);
});

test("a body without framing ends with the connection, and a reset is not its end", async () => {
  let reset = false;
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write("HTTP/1.1 200 OK\r\n\r\nhello");
    if (!reset) wire.socket.end();
  });
  const pool = testPool(upstream.port);
  const whole = await run(pool);
  expect(whole.end.failure).toBeNull();
  expect(whole.body).toBe("hello");
  reset = true;
  const cut = new TestExchange();
  pool.dispatch(cut);
  await cut.received(5);
  (await upstream.connection(1)).reset();
  expect(codeOf(await cut.ended)).toBe("upstream_unreachable");
});

test.each([
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
  ["chunked, inside a chunk", `${CHUNKED}9\r\nhello`],
  ["chunked, before the last chunk", `${CHUNKED}5\r\nhello\r\n`],
  ["chunked, inside the trailers", `${CHUNKED}5\r\nhello\r\n0\r\nA: b\r\n`],
])("an end of the connection inside a body is a failure: %s", async (_name, bytes) => {
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write(bytes);
    wire.socket.end();
  });
  const exchange = await run(testPool(upstream.port));
  expect(exchange.body).toBe("hello");
  expect(codeOf(exchange.end)).toBe("upstream_unreachable");
  expect(exchange.late).toBe(0);
});

const INVALID: readonly [string, string][] = [
  ["TE and CL", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
  ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"],
  ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
  ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok"],
  ["NUL", "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 2\r\n\r\nok"],
  ["an unasked 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
  ["HTTP/1.0 with a coding", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["HTTP/0.9", "<html>hello</html>"],
  ["a banner of another protocol", "220 mail.example.com ESMTP\r\n"],
];

test.each(INVALID)(
  "an invalid head fails the exchange, and the connection is not used again: %s",
  async (_name, bytes) => {
    const upstream = await startRawUpstream((request) => (request.startLine.includes("/bad") ? bytes : OK));
    const pool = testPool(upstream.port);
    await run(pool, { target: "/warm" });
    const bad = await run(pool, { target: "/bad" });
    expect(codeOf(bad.end)).toBe("upstream_invalid");
    expect(bad.head).toBeNull();
    await (
      await upstream.connection(0)
    ).closed;
    expect((await run(pool, { target: "/next" })).body).toBe("ok");
    expect(upstream.connections).toHaveLength(2);
    expect(upstream.requests).toHaveLength(3);
  },
);

test.each([
  ["a chunk extension", `${CHUNKED}2;a=b\r\nok\r\n0\r\n\r\n`],
  ["a size that is no number", `${CHUNKED}zz\r\n`],
  ["a chunk longer than its size", `${CHUNKED}1\r\nok\r\n0\r\n\r\n`],
  ["a bare LF", `${CHUNKED}2\nok\n0\n\n`],
])("an invalid body fails the exchange, and the connection is not used again: %s", async (_name, bytes) => {
  const upstream = await startRawUpstream((request) => (request.startLine.includes("/bad") ? bytes : OK));
  const pool = testPool(upstream.port);
  const bad = await run(pool, { target: "/bad" });
  expect(codeOf(bad.end)).toBe("upstream_invalid");
  await (
    await upstream.connection(0)
  ).closed;
  expect((await run(pool, { target: "/next" })).body).toBe("ok");
});

const POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
test.each([
  ["a length", OK],
  ["no body", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["chunked", `${CHUNKED}2\r\nok\r\n0\r\n\r\n`],
  ["304 with a body that may not be", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"],
])("bytes behind a response in one packet close the connection and reach nobody: %s", async (_name, bytes) => {
  const upstream = await startRawUpstream((request) => (request.startLine.includes("/bad") ? bytes + POISON : OK));
  const pool = testPool(upstream.port, { maxConnections: 1 });
  const [first, next] = [new TestExchange({ target: "/bad" }), new TestExchange({ target: "/next" })];
  // The second waits for the very connection of the first.
  pool.dispatch(first);
  pool.dispatch(next);
  expect(codeOf(await first.ended)).toBeNull();
  expect(codeOf(await next.ended)).toBeNull();
  expect(next.body).toBe("ok");
  expect(upstream.connections).toHaveLength(2);
});

test("a second response that comes later is not taken for the next request's", async () => {
  const upstream = await startRawUpstream();
  const pool = testPool(upstream.port);
  await run(pool);
  const wire = await upstream.connection(0);
  await wire.write(POISON);
  await wire.closed;
  expect((await run(pool)).body).toBe("ok");
  expect(upstream.connections).toHaveLength(2);
});

test.each([
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
  "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
])("%j is not followed by another request", async (bytes) => {
  const upstream = await startRawUpstream(() => bytes);
  const pool = testPool(upstream.port);
  expect((await run(pool)).body).toBe("ok");
  await (
    await upstream.connection(0)
  ).closed;
  expect((await run(pool)).body).toBe("ok");
  expect(upstream.connections).toHaveLength(2);
});

test("a head that never comes, or byte by byte, has one time-out", async () => {
  const upstream = await startRawUpstream(async (request, wire) => {
    if (!request.startLine.includes("/dribble")) return;
    for (const byte of `HTTP/1.1 200 OK\r\nX: ${"a".repeat(1000)}`) {
      if (wire.socket.destroyed) return;
      await wire.write(byte);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  const pool = testPool(upstream.port, { responseTimeout: 60 });
  const results = await Promise.all([run(pool, { target: "/never" }), run(pool, { target: "/dribble" })]);
  for (const { end, head } of results) {
    expect(codeOf(end)).toBe("upstream_timeout");
    expect(head).toBeNull();
  }
});

test("silence inside a body has a time-out of its own, which the receiver can set", async () => {
  const upstream = await startRawUpstream(() => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
  const { clock, pass } = heldTime();
  const pool = testPool(upstream.port, { idleTimeout: 1000, clock });
  const exchange = new TestExchange();
  pool.dispatch(exchange);
  await exchange.received(5);
  pass(999);
  expect(await stateOf(exchange)).toBe("open");
  pass(1);
  expect(await stateOf(exchange)).toBe("upstream_timeout");
  const patient = new TestExchange();
  pool.dispatch(patient);
  await patient.received(5);
  patient.connections[0]?.setBodyIdleTimeout(60_000);
  pass(59_999);
  expect(await stateOf(patient)).toBe("open");
  pass(1);
  expect(await stateOf(patient)).toBe("upstream_timeout");
});

test("a receiver that takes nothing stops the reading, and is no silence of the upstream", async () => {
  const size = 32 * 1024 * 1024;
  let accepted = 0;
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024);
    for (let sent = 0; sent < size; sent += piece.length) {
      await wire.write(piece);
      accepted += piece.length;
    }
  });
  const { clock, pass } = heldTime();
  const pool = testPool(upstream.port, { idleTimeout: 100, clock });
  const exchange = new TestExchange({ takesMore: false });
  pool.dispatch(exchange);
  await exchange.received(1);
  // No more than the buffers hold is taken, and then nothing moves.
  for (let before = -1; before < accepted;) {
    before = accepted;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  pass(1_000_000);
  expect(await stateOf(exchange)).toBe("open");
  expect(accepted).toBeLessThan(size / 2);
  expect(exchange.late).toBe(0);
  const [connection] = exchange.connections;
  while (exchange.chunks.reduce((sum, chunk) => sum + chunk.length, 0) < size) {
    const before = exchange.chunks.length;
    connection?.resume();
    await Promise.race([exchange.received(exchange.chunks.reduce((sum, c) => sum + c.length, 0) + 1), exchange.ended]);
    if (exchange.chunks.length === before) break;
  }
  expect(codeOf(await exchange.ended)).toBeNull();
});

test("a chunked request body is framed, with its trailers", async () => {
  const upstream = await startRawUpstream();
  const exchange = new TestExchange({ method: "POST", bodyKind: "chunked" });
  testPool(upstream.port).dispatch(exchange);
  const connection = await exchange.sent;
  connection.writeBody(Buffer.from("hello"));
  connection.writeBody(Buffer.alloc(0));
  connection.writeBody(Buffer.from(" you"));
  connection.endBody(["X-Sum", "1"]);
  await exchange.ended;
  const request = await upstream.request(0);
  expect(request.body.toString()).toBe("hello you");
  expect(request.trailers).toEqual([["X-Sum", "1"]]);
});

test("a client slower than the upstream's time-out is not the upstream's silence", async () => {
  const upstream = await startRawUpstream();
  const exchange = new TestExchange({ method: "POST", bodyKind: "length", length: 2 });
  const { clock, pass } = heldTime();
  testPool(upstream.port, { idleTimeout: 100, clock }).dispatch(exchange);
  const connection = await exchange.sent;
  connection.writeBody(Buffer.from("a"));
  pass(1_000_000);
  expect(await stateOf(exchange)).toBe("open");
  connection.writeBody(Buffer.from("b"));
  connection.endBody([]);
  expect(codeOf(await exchange.ended)).toBeNull();
});

test("an upstream that takes no more of a body has a time-out", async () => {
  const upstream = await startRawUpstream({ paused: true, connection: () => undefined });
  const exchange = new TestExchange({ method: "POST", bodyKind: "chunked" });
  testPool(upstream.port, { idleTimeout: 100 }).dispatch(exchange);
  const connection = await exchange.sent;
  const piece = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 64; i++) if (!connection.writeBody(piece)) break;
  for (let i = 0; i < 16; i++) connection.writeBody(piece);
  expect(codeOf(await exchange.ended)).toBe("upstream_timeout");
});

test("an answer before the end of the request is given, and the connection is not used again", async () => {
  const early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
  const upstream = await startRawUpstream({
    connection: async (wire) => {
      const head = await wire.head();
      await wire.write(head.startsWith("POST") ? early : OK);
    },
  });
  const pool = testPool(upstream.port);
  const exchange = new TestExchange({ method: "POST", bodyKind: "length", length: 1000 });
  pool.dispatch(exchange);
  (await exchange.sent).writeBody(Buffer.from("some"));
  expect(codeOf(await exchange.ended)).toBeNull();
  expect(exchange.head?.status).toBe(413);
  await (
    await upstream.connection(0)
  ).closed;
  expect((await run(pool)).body).toBe("ok");
});

test("an aborted exchange closes its connection and hears no more", async () => {
  const upstream = await startRawUpstream(() => `${CHUNKED}5\r\nhello\r\n`);
  const pool = testPool(upstream.port);
  const exchange = new TestExchange();
  pool.dispatch(exchange);
  await exchange.received(5);
  exchange.connections[0]?.abort();
  await (
    await upstream.connection(0)
  ).closed;
  expect(pool.size).toBe(0);
  expect(await Promise.race([exchange.ended, Promise.resolve("open")])).toBe("open");
});
