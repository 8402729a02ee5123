import { expect, test } from "vitest";
import { freePort } from "../support/processes.ts";
import { OK, startRawUpstream } from "../support/raw-upstream.ts";
import { startSidecar } from "../support/sidecar.ts";
import { statusOf, valuesOf } from "../support/wire.ts";
import { ask, codeOf, connectTo, head, TICKETS } from "./client.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const WITH_BODY = ["Content-Length: 1000000"];

test("a client that leaves before the answer takes its upstream request with it", async () => {
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await upstream.request(0);
  client.reset();
  await (
    await upstream.connection(0)
  ).closed;
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({ status: 499, reason: "client_closed" });
  expect(await sidecar.metric("portcullis_requests_total", { reason: "client_closed", status: "499" })).toBe(1);
});

test("a client that leaves inside the answer takes its upstream request with it", async () => {
  const upstream = await startRawUpstream(() => `${CHUNKED}5\r\nhello\r\n`);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await client.until("hello");
  client.socket.destroy();
  await (
    await upstream.connection(0)
  ).closed;
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({
    status: 200,
    reason: "client_closed",
    decision: "allow",
    bytes_out: 5,
  });
});

test.each([
  ["a length", WITH_BODY, "some"],
  ["chunked", ["Transfer-Encoding: chunked"], "4\r\nsome\r\n"],
])("a client that leaves inside its upload cuts it, and it is never whole: %s", async (_name, fields, bytes) => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head("POST /open/x", fields) + bytes);
  const wire = await upstream.connection(0);
  await wire.until("some");
  client.socket.destroy();
  await wire.closed;
  expect(upstream.requests).toHaveLength(0);
  expect(wire.text).not.toContain("0\r\n\r\n");
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({ reason: "client_closed", bytes_in: 4 });
});

test("a client that leaves while the connection to the upstream is full is never forwarded", async () => {
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { max_connections: 1 } });
  const first = await connectTo(sidecar);
  await first.write(head("GET /open/first"));
  await upstream.request(0);
  const gone = await connectTo(sidecar);
  await gone.write(head("GET /open/gone"));
  gone.socket.end();
  gone.socket.destroy();
  await sidecar.auditLine({ path: "/open/gone", reason: "client_closed" });
  await (await upstream.connection(0)).write(OK);
  expect(statusOf(await first.nextResponse())).toBe(200);
  await first.write(head("GET /open/last"));
  await upstream.request(1);
  expect(upstream.connections.map(({ text }) => text).join("")).not.toContain("/open/gone");
});

test("pipelined requests of a client that leaves are all ended and recorded", async () => {
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(["a", "b", "c"].map((name) => head(`GET /open/${name}`)).join(""));
  // One at a time: the others wait for its answer.
  await upstream.request(0);
  client.reset();
  for (const name of ["a", "b", "c"]) await sidecar.auditLine({ path: `/open/${name}`, reason: "client_closed" });
  for (const wire of upstream.connections) await wire.closed;
  expect(sidecar.audit()).toHaveLength(3);
  expect(upstream.requests).toHaveLength(1);
});

test.each([
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", "HTTP/1.1"],
  ["chunked", `${CHUNKED}5\r\nhello\r\n`, "HTTP/1.1"],
  ["chunked, to a client of HTTP/1.0", `${CHUNKED}5\r\nhello\r\n`, "HTTP/1.0"],
])("an upstream that is cut inside its answer cuts the client's: %s", async (_name, bytes, version) => {
  const upstream = await startRawUpstream(() => bytes);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x", [], version));
  await client.until("hello");
  (await upstream.connection(0)).reset();
  // What is whole by its end alone can only be cut by a reset.
  expect((await client.closed).error).toBe(version === "HTTP/1.0" ? "ECONNRESET" : null);
  expect(client.text).not.toContain("\r\n0\r\n");
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({ status: 200, reason: "upstream_cut" });
});

test.each([
  ["a chunk extension", `${CHUNKED}5;a=b\r\nhello\r\n0\r\n\r\n`],
  ["a chunk that is too long", `${CHUNKED}5\r\nhello!\r\n0\r\n\r\n`],
])("a broken body after the head cuts the answer: %s", async (_name, bytes) => {
  const upstream = await startRawUpstream(() => bytes);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await client.closed;
  expect(client.text).not.toContain("0\r\n\r\n");
});

test.each([
  ["TE and CL", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
  ["an unasked 101", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ["HTTP/0.9", "<html>"],
])(
  "an invalid answer is a 502 upstream_invalid, and the next request gets a new connection: %s",
  async (_name, bytes) => {
    const upstream = await startRawUpstream((request) => (request.startLine.includes("/bad") ? bytes : OK));
    const sidecar = await startSidecar({ upstreamUrl: upstream.url });
    const client = await connectTo(sidecar);
    await client.write(head("GET /open/bad"));
    const response = await client.nextResponse();
    expect([statusOf(response), codeOf(response)]).toEqual([502, "upstream_invalid"]);
    await client.write(head("GET /open/good"));
    expect((await client.nextResponse()).body.toString()).toBe("ok");
    expect(upstream.connections).toHaveLength(2);
    expect(await sidecar.auditLine({ path: "/open/bad" })).toMatchObject({ status: 502, reason: "upstream_invalid" });
  },
);

test("no upstream is a 502, a silent one a 504, and the client's connection goes on", async () => {
  const nobody = await startSidecar({ upstreamUrl: `http://127.0.0.1:${await freePort()}` });
  const refused = await ask(nobody, head("GET /open/x"));
  expect([statusOf(refused), codeOf(refused)]).toEqual([502, "upstream_unreachable"]);
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { response_timeout: "60ms" } });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  const silent = await client.nextResponse();
  expect([statusOf(silent), codeOf(silent)]).toEqual([504, "upstream_timeout"]);
  await client.write(head("GET /open/y"));
  expect(statusOf(await client.nextResponse())).toBe(504);
  await (
    await upstream.connection(0)
  ).closed;
});

test("requests beyond the connections and the queue get a 503", async () => {
  const upstream = await startRawUpstream(() => undefined);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { max_connections: 1, max_queue: 0 } });
  const first = await connectTo(sidecar);
  await first.write(head("GET /open/first"));
  await upstream.request(0);
  const response = await ask(sidecar, head("GET /open/second"));
  expect([statusOf(response), codeOf(response)]).toEqual([503, "upstream_overloaded"]);
  expect(valuesOf(response, "retry-after")).toEqual(["1"]);
});

test("a malformed chunk inside an upload is answered, and the upstream never gets a whole request", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(`${head("POST /open/x", ["Transfer-Encoding: chunked"])}2\r\nok\r\n`);
  await (await upstream.connection(0)).until("ok");
  await client.write("zz\r\n");
  const response = await client.nextResponse();
  expect([statusOf(response), codeOf(response)]).toEqual([400, "bad_request"]);
  await (
    await upstream.connection(0)
  ).closed;
  expect(upstream.requests).toHaveLength(0);
  expect(statusOf(await ask(sidecar, head("GET /open/y")))).toBe(200);
});

test("a malformed chunk with a key never seen before is refused, recorded once, and not forwarded", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const fields = ["Transfer-Encoding: chunked", `X-API-Key: ${sidecar.keys.writer.key}`];
  const client = await connectTo(sidecar);
  await client.write(`${head(`POST ${TICKETS}`, fields)}zz\r\n`);
  const response = await client.nextResponse();
  expect([statusOf(response), codeOf(response)]).toEqual([400, "bad_request"]);
  await client.closed;
  expect(await sidecar.auditLine({ path: TICKETS })).toMatchObject({ status: 400, reason: "bad_request" });
  expect(sidecar.audit().filter(({ path }) => path === TICKETS)).toHaveLength(1);
  expect(upstream.connections).toHaveLength(0);
});

test("an answer before the end of the upload is read by the client", async () => {
  const upstream = await startRawUpstream({
    connection: async (wire) => {
      await wire.head();
      await wire.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    },
  });
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write(`${head("POST /open/x", WITH_BODY)}some`);
  const response = await client.nextResponse();
  expect(statusOf(response)).toBe(413);
  expect(response.body.toString()).toBe("big");
  await (
    await upstream.connection(0)
  ).closed;
});

test("a client that writes its whole large body first still reads the 401 that it got before", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const size = 900_000;
  const client = await connectTo(sidecar);
  await client.write(head(`POST ${TICKETS}`, [`Content-Length: ${size}`]));
  await client.write(Buffer.alloc(size));
  const response = await client.nextResponse();
  expect([statusOf(response), codeOf(response)]).toEqual([401, "credential_missing"]);
  expect(valuesOf(response, "connection")).toEqual(["close"]);
  expect((await client.closed).error).toBeNull();
  expect(upstream.connections).toHaveLength(0);
});

test("a body over the limit is refused unforwarded where its length says so, and cut where it grows", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({
    upstreamUrl: upstream.url,
    config: { limits: { body_bytes: 10, drain: "1s" } },
  });
  const declared = await ask(sidecar, `${head("POST /open/x", ["Content-Length: 11"])}hello world`);
  expect([statusOf(declared), codeOf(declared)]).toEqual([413, "body_too_large"]);
  expect(upstream.connections).toHaveLength(0);
  const grown = await ask(
    sidecar,
    `${head("POST /open/x", ["Transfer-Encoding: chunked"])}b\r\nhello world\r\n0\r\n\r\n`,
  );
  expect([statusOf(grown), codeOf(grown)]).toEqual([413, "body_too_large"]);
  for (const wire of upstream.connections) await wire.closed;
  expect(upstream.requests).toHaveLength(0);
});

test("a slow head and a silent body get a 408", async () => {
  const upstream = await startRawUpstream();
  const limits = { head_timeout: "100ms", idle: "300ms", drain: "1s" };
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits } });
  const slow = await ask(sidecar, "GET /open/x HTTP/1.1\r\nHost: x\r\nX-");
  expect([statusOf(slow), codeOf(slow)]).toEqual([408, "request_timeout"]);
  const client = await connectTo(sidecar);
  await client.write(`${head("POST /open/y", WITH_BODY)}some`);
  const silent = await client.nextResponse();
  expect([statusOf(silent), codeOf(silent)]).toEqual([408, "request_timeout"]);
  await client.closed;
  await (
    await upstream.connection(0)
  ).closed;
  expect(upstream.requests).toHaveLength(0);
  expect(await sidecar.auditLine({ path: "/open/y" })).toMatchObject({ status: 408, reason: "request_timeout" });
});

test("an upstream slower than the client's idle time is waited for", async () => {
  const answer = Promise.withResolvers<string>();
  const upstream = await startRawUpstream(() => answer.promise);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits: { idle: "100ms", drain: "1s" } } });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await upstream.request(0);
  // A second connection, silent from now on, is closed by its idle time; the first one had more of it by then.
  const silent = await connectTo(sidecar);
  await silent.closed;
  const later = await connectTo(sidecar);
  await later.closed;
  answer.resolve(OK);
  expect(statusOf(await client.nextResponse())).toBe(200);
});

test("an upstream that takes no more of an upload is what times out, not the client", async () => {
  const upstream = await startRawUpstream({ paused: true, connection: () => undefined });
  const sidecar = await startSidecar({
    upstreamUrl: upstream.url,
    upstream: { idle_timeout: "600ms" },
    config: { limits: { idle: "150ms", body_bytes: "unlimited", drain: "1s" } },
  });
  const client = await connectTo(sidecar);
  const size = 64 * 1024 * 1024;
  await client.write(head("POST /open/x", [`Content-Length: ${size}`]));
  client.socket.write(Buffer.alloc(size));
  expect(statusOf(await client.nextResponse())).toBe(504);
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({ reason: "upstream_timeout" });
});

test("a client that stops reading is cut after its idle time, and its upstream request with it", async () => {
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const piece = Buffer.concat([Buffer.from("40000\r\n"), Buffer.alloc(0x40000), Buffer.from("\r\n")]);
    while (!wire.socket.destroyed) await Promise.race([wire.write(piece), wire.closed]);
  });
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits: { idle: "200ms", drain: "1s" } } });
  const client = await connectTo(sidecar);
  client.socket.pause();
  await client.write(head("GET /open/x"));
  await (
    await upstream.connection(0)
  ).closed;
  expect(await sidecar.auditLine({ path: "/open/x" })).toMatchObject({ status: 200, reason: "request_timeout" });
});

test("a silent stream is kept beyond the time-outs of plain bodies, and ended by its own", async () => {
  const upstream = await startRawUpstream(
    () => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const sidecar = await startSidecar({
    upstreamUrl: upstream.url,
    upstream: { idle_timeout: "50ms", response_timeout: "50ms", stream_idle_timeout: "700ms" },
    config: { limits: { idle: "100ms", drain: "1s" } },
  });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/events"));
  await client.until("event-stream");
  const opened = performance.now();
  await client.closed;
  expect(performance.now() - opened).toBeGreaterThan(600);
  expect(await sidecar.auditLine({ event: "stream_close" })).toMatchObject({ reason: "upstream_cut" });
});

test("a refused connection is not kept by a client that goes on sending", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const client = await connectTo(sidecar);
  await client.write("NOT HTTP\r\n\r\n");
  expect(statusOf(await client.nextResponse())).toBe(400);
  const timer = setInterval(() => client.socket.write("more"), 100);
  await client.closed;
  clearInterval(timer);
});
