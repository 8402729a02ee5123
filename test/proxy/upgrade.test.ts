import { once } from "node:events";
import { createServer } from "node:http";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { statusOf, valuesOf } from "../support/wire.ts";
import { ask, codeOf, connectTo, head } from "./client.ts";

const CLOSE = Buffer.from("close");
const LIVE = "/api/portals/acme/live";
const UPGRADE = ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";

/** An echo service that notes the heads of its upgrades and the codes that its sockets closed with. */
async function startEcho() {
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 64 * 1024 * 1024 });
  const heads: string[][] = [];
  const closed: Promise<unknown>[] = [];
  sockets.on("connection", (socket, request) => {
    heads.push(request.rawHeaders);
    closed.push(once(socket, "close").then(([code]) => code));
    socket.on("message", (data, binary) => {
      if (Buffer.isBuffer(data) && data.equals(CLOSE)) socket.close(4001, "bye");
      else socket.send(data, { binary });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, heads, closed };
}

function dial(sidecar: Sidecar, key: string): WebSocket {
  const socket = new WebSocket(`${sidecar.url.replace("http", "ws")}${LIVE}`, { headers: { "x-api-key": key } });
  onTestFinished(() => socket.terminate());
  return socket;
}

let nobody: Sidecar;
let nobodyReached: () => number;
beforeAll(async () => {
  const upstream = await startRawUpstream();
  nobody = await startSidecar({ upstreamUrl: upstream.url });
  nobodyReached = () => upstream.connections.length;
});

test("messages go both ways, small and large, text and binary", async () => {
  const echo = await startEcho();
  const sidecar = await startSidecar({ upstreamUrl: echo.url });
  const socket = dial(sidecar, sidecar.keys.acme.key);
  await once(socket, "open");
  expect(await sidecar.metric("portcullis_open_streams")).toBe(1);
  for (const message of ["hello", "x".repeat(200_000), Buffer.alloc(8 * 1024 * 1024, 7)]) {
    socket.send(message);
    const [data]: unknown[] = await once(socket, "message");
    expect(Buffer.isBuffer(data) && data.equals(Buffer.from(message))).toBe(true);
  }
  socket.close(4000, "done");
  await once(socket, "close");
  expect(await echo.closed[0]).toBe(4000);
  const names = echo.heads[0]?.filter((_value, index) => index % 2 === 0).map((name) => name.toLowerCase());
  expect(names).toContain("x-portcullis-subject");
  expect(names).not.toContain("x-api-key");
  const line = await sidecar.auditLine({ event: "stream_close", path: LIVE });
  expect(line).toMatchObject({ status: 101, reason: "allowed", decision: "allow", route: "live" });
  expect(await sidecar.metric("portcullis_open_streams")).toBe(0);
});

test("a close of the upstream reaches the client with its code", async () => {
  const echo = await startEcho();
  const sidecar = await startSidecar({ upstreamUrl: echo.url });
  const socket = dial(sidecar, sidecar.keys.acme.key);
  await once(socket, "open");
  socket.send("close");
  const [code] = await once(socket, "close");
  expect(code).toBe(4001);
});

test("an end without a close, of either side, ends the other", async () => {
  const upstream = await startRawUpstream({
    connection: async (wire) => {
      await wire.head();
      await wire.write(`${SWITCH}Upgrade: websocket\r\n\r\nfirst`);
    },
  });
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const fields = [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${sidecar.keys.acme.key}`];
  const gone = await connectTo(sidecar);
  await gone.write(head(`GET ${LIVE}`, fields));
  await gone.until("first");
  gone.reset();
  await (
    await upstream.connection(0)
  ).closed;
  const left = await connectTo(sidecar);
  await left.write(head(`GET ${LIVE}`, fields));
  await left.until("first");
  (await upstream.connection(1)).reset();
  await left.closed;
  expect(await sidecar.metric("portcullis_open_streams")).toBe(0);
});

test.each([
  ["no key", [], 401, "credential_missing"],
  ["a revoked key", ["revoked"], 401, "credential_invalid"],
  ["an expired key", ["expired"], 401, "credential_invalid"],
] as const)("an upgrade with %s is refused as HTTP, and nothing is forwarded", async (_name, names, status, code) => {
  const fields = [...UPGRADE, "Upgrade: websocket", ...names.map((name) => `X-API-Key: ${nobody.keys[name].key}`)];
  const response = await ask(nobody, head(`GET ${LIVE}`, fields));
  expect([statusOf(response), codeOf(response)]).toEqual([status, code]);
  expect(valuesOf(response, "www-authenticate")[0]).toContain("Bearer");
  expect(nobodyReached()).toBe(0);
});

test("an upgrade to another portal is refused as HTTP", async () => {
  const fields = [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${nobody.keys.acme.key}`];
  const response = await ask(nobody, head("GET /api/portals/globex/live", fields));
  expect([statusOf(response), codeOf(response)]).toEqual([403, "portal_forbidden"]);
  expect(nobodyReached()).toBe(0);
});

test("a body with an upgrade is refused", async () => {
  const fields = [...UPGRADE, "Upgrade: websocket", "Content-Length: 3", `X-API-Key: ${nobody.keys.acme.key}`];
  const response = await ask(nobody, `${head(`GET ${LIVE}`, fields)}abc`);
  expect(statusOf(response)).toBe(400);
  expect(nobodyReached()).toBe(0);
});

test("an upgrade that the upstream refuses is answered with its refusal, and ends", async () => {
  const upstream = await startRawUpstream(
    () => "HTTP/1.1 404 Not Found\r\nX-Portcullis-Evil: 1\r\nContent-Length: 4\r\n\r\ngone",
  );
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head(`GET ${LIVE}`, [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${sidecar.keys.acme.key}`]));
  const response = await client.nextResponse();
  expect(statusOf(response)).toBe(404);
  expect(response.body.toString()).toBe("gone");
  expect(valuesOf(response, "x-portcullis-evil")).toEqual([]);
  await client.write(head("GET /open/smuggled"));
  await client.closed;
  expect(upstream.bytes).toBe(upstream.requests[0]?.head.length);
  expect(await sidecar.auditLine({ path: LIVE })).toMatchObject({ event: "request", status: 404, decision: "allow" });
});

test("an upstream that never answers an upgrade is a 504", async () => {
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { response_timeout: "80ms" } });
  const fields = [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${sidecar.keys.acme.key}`];
  const response = await ask(sidecar, head(`GET ${LIVE}`, fields));
  expect([statusOf(response), codeOf(response)]).toEqual([504, "upstream_timeout"]);
  await (
    await upstream.connection(0)
  ).closed;
});

test("a switch to another protocol than websocket is cut, not tunnelled", async () => {
  const upstream = await startRawUpstream(() => `${SWITCH}Upgrade: h2c\r\n\r\nsecret`);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head(`GET ${LIVE}`, [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${sidecar.keys.acme.key}`]));
  await client.closed;
  expect(client.text).not.toContain("secret");
  expect(client.text).not.toContain("101");
  await (
    await upstream.connection(0)
  ).closed;
  expect(await sidecar.auditLine({ path: LIVE })).toMatchObject({ status: 502, reason: "upstream_invalid" });
});

test("an offer of another protocol is not passed on", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"];
  const response = await ask(sidecar, head("GET /open/x", fields));
  expect(statusOf(response)).toBe(200);
  expect((await upstream.request(0)).head).not.toMatch(/upgrade|h2c|http2/i);
});

test("bytes sent before the upstream's 101 wait for it", async () => {
  const upstream = await startRawUpstream({ connection: () => undefined });
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  const fields = [...UPGRADE, "Upgrade: websocket", `X-API-Key: ${sidecar.keys.acme.key}`];
  await client.write(`${head(`GET ${LIVE}`, fields)}early`);
  const wire = await upstream.connection(0);
  const received = await wire.head();
  expect(wire.text).toBe(received);
  await wire.write(`${SWITCH}Upgrade: websocket\r\n\r\n`);
  await wire.until("early");
});

test("a WebSocket that is silent for too long is ended on both sides", async () => {
  const echo = await startEcho();
  const sidecar = await startSidecar({ upstreamUrl: echo.url, upstream: { stream_idle_timeout: "200ms" } });
  const socket = dial(sidecar, sidecar.keys.acme.key);
  await once(socket, "open");
  await once(socket, "close");
  expect(await echo.closed[0]).toBe(1006);
});

test("a WebSocket that outlives the drain is cut and recorded", async () => {
  const echo = await startEcho();
  const sidecar = await startSidecar({ upstreamUrl: echo.url, config: { limits: { drain: "100ms" } } });
  const socket = dial(sidecar, sidecar.keys.acme.key);
  await once(socket, "open");
  const closed = once(socket, "close");
  await sidecar.close();
  await closed;
  expect(await echo.closed[0]).toBe(1006);
  expect(sidecar.audit().map(({ event, reason }) => [event, reason])).toEqual([
    ["stream_open", "allowed"],
    ["stream_close", "draining"],
  ]);
});
