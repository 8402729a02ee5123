import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { statusOf, type Wire } from "../support/wire.ts";
import { bytesInUse, MIB } from "./support/memory.ts";
import { auditOf, codeOf, dial, expectServed, openStage, request } from "./support/stage.ts";

const QUICK = { limits: { drain: "1s", head_timeout: "300ms", idle: "1s" } };

/** Sends one byte a tick until all are out or the other side has had enough. */
async function drip(wire: Wire, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (wire.finished || wire.socket.destroyed) return;
    wire.socket.write(Buffer.from(byte, "latin1"));
    await setImmediate();
  }
}

describe("a head that does not come to its end is a 408, and the connection is closed", () => {
  test.each([
    ["a part of a request line", "GET /open/xsm"],
    ["a request line of HTTP/0.9", "GET /open/xsmuggledx\r\n"],
    ["fields without the empty line", "GET /open/xsmuggledx HTTP/1.1\r\nHost: desk.example\r\n"],
  ])("%s, then silence", async (_name, bytes) => {
    const own = await openStage({ config: QUICK });
    const wire = await dial(own);
    await wire.write(bytes);
    await expectServed(own);
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([408, "request_timeout"]);
    await wire.end();
    wire.socket.destroy();
    expect(await auditOf(own, answer)).toMatchObject({ decision: "deny", reason: "request_timeout", status: 408 });
    await expectServed(own);
    expect(own.upstream.requests).toHaveLength(2);
  });

  test("one byte a tick does not buy more time", async () => {
    const own = await openStage({ config: QUICK });
    const wire = await dial(own);
    const dripping = drip(wire, `GET /open/a HTTP/1.1\r\n${"X-A: xxxxxxxx\r\n".repeat(1_000_000)}`);
    await expectServed(own);
    const answer = await wire.nextResponse();
    expect([408, 431]).toContain(statusOf(answer));
    await wire.end();
    wire.socket.destroy();
    await dripping;
    expect(await auditOf(own, answer)).toMatchObject({ decision: "deny" });
    await expectServed(own);
  });

  test("one byte a tick within the time is served", async () => {
    const own = await openStage();
    const wire = await dial(own);
    await drip(wire, request("POST /open/drip", ["Content-Length: 20"], "x".repeat(20)));
    expect(statusOf(await wire.nextResponse())).toBe(200);
    wire.socket.destroy();
    expect(own.upstream.requests[0]?.body.toString()).toBe("x".repeat(20));
  });
});

describe("a body that does not come to its end", () => {
  test.each([
    ["with a length", ["Content-Length: 100"], "abc"],
    ["in chunks", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n"],
  ])("%s: 408, and the upstream never gets a whole request", async (_name, lines, body) => {
    const own = await openStage({ config: QUICK });
    const wire = await dial(own);
    await wire.write(request("POST /open/slow", lines, body));
    const behind = await own.upstream.connection(0);
    await behind.until("abc");
    await expectServed(own);
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([408, "request_timeout"]);
    await behind.closed;
    await wire.end();
    wire.socket.destroy();
    expect(await auditOf(own, answer)).toMatchObject({ reason: "request_timeout", status: 408 });
    expect(own.upstream.requests.map(({ startLine }) => startLine)).not.toContain("POST /open/slow HTTP/1.1");
  });

  test("of a request that was refused does not hold the connection", async () => {
    const own = await openStage();
    const wire = await dial(own);
    await wire.write(request("POST /api/portals/acme/tickets/1", ["Content-Length: 1000000"], "abc"));
    expect(statusOf(await wire.nextResponse())).toBe(401);
    await wire.end();
    wire.socket.destroy();
    expect(own.upstream.bytes).toBe(0);
  });
});

test("a client that does not read holds back its upstream, not memory, and others are served", async () => {
  const total = 96 * MIB;
  const block = Buffer.alloc(MIB, 0x78);
  let sent = 0;
  const own = await openStage({
    respond: async ({ startLine }, wire) => {
      if (!startLine.includes("/open/large")) return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      for (; sent < total; sent += block.length) await wire.write(block);
      return undefined;
    },
  });
  const before = await bytesInUse();
  const socket: Socket = connect(own.sidecar.port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  socket.write(request("GET /open/large"));
  for (let count = 0; count < 100; count += 1) await expectServed(own);
  // What the kernel's buffers hold on four sockets, and a block on its way.
  expect(sent).toBeLessThan(48 * MIB);
  expect((await bytesInUse()) - before).toBeLessThan(32 * MIB);
  let received = 0;
  socket.on("data", (bytes: Buffer) => {
    received += bytes.length;
    if (received > total) socket.end();
  });
  socket.resume();
  await once(socket, "close");
  expect(received).toBeGreaterThan(total);
  expect(await own.sidecar.auditLine({ path: "/open/large" })).toMatchObject({ status: 200, bytes_out: total });
});

test("2,000 idle connections cost bounded memory, and others are served", async () => {
  const own = await openStage();
  await expectServed(own);
  const before = await bytesInUse();
  const sockets = await Promise.all(
    Array.from({ length: 2000 }, async () => {
      const socket = connect(own.sidecar.port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    }),
  );
  for (let count = 0; count < 20; count += 1) await expectServed(own);
  // Both ends of each connection are in this process.
  expect((await bytesInUse()) - before).toBeLessThan(2000 * 24 * 1024);
  for (const socket of sockets) socket.destroy();
  await expectServed(own);
});

test("connections beyond their number are turned away, and those that are there are served", async () => {
  const own = await openStage({ config: { limits: { drain: "1s", connections: 5 } } });
  const first = await Promise.all([1, 2, 3, 4, 5].map(() => dial(own)));
  const socket = connect(own.sidecar.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "close");
  for (const wire of first) {
    await wire.write(request("GET /open/a"));
    expect(statusOf(await wire.nextResponse())).toBe(200);
    wire.socket.destroy();
  }
});
