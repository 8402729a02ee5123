import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as nodeRequest, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { onTestFinished, expect, test } from "vitest";
import { startSidecar } from "../support/sidecar.ts";
import { connectTo, head } from "./client.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
/** What the buffers between two ends may hold: kernel buffers of three sockets each way, and our own. */
const BUFFERS = 32 * MIB;

async function startNodeUpstream(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

/** Writes `SIZE` bytes of a known pattern with back-pressure; the digest of what was written. */
async function pour(target: NodeJS.WritableStream): Promise<string> {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(256 * 1024);
  for (let sent = 0, i = 0; sent < SIZE; sent += piece.length, i++) {
    piece.fill(i % 251);
    const copy = Buffer.from(piece);
    hash.update(copy);
    if (!target.write(copy)) await once(target, "drain");
  }
  target.end();
  return hash.digest("hex");
}

async function digestOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

test.each([
  ["a length", { "content-length": SIZE }],
  ["chunked", { "transfer-encoding": "chunked" }],
])(
  "64 MiB go up and come back whole, in bounded memory: %s",
  async (_name, fields) => {
    const upstreamUrl = await startNodeUpstream((request, response) => {
      response.writeHead(200, fields);
      request.pipe(response);
    });
    const sidecar = await startSidecar({ upstreamUrl, config: { limits: { body_bytes: "unlimited", drain: "1s" } } });
    const before = process.memoryUsage().rss;
    let peak = 0;
    const watch = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    const request = nodeRequest(`${sidecar.url}/open/big`, { method: "POST", headers: fields });
    const answered = new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
    const written = pour(request);
    expect(await digestOf(await answered)).toBe(await written);
    clearInterval(watch);
    // Client, sidecar and upstream are one process here; a body that is kept would alone be 64 MiB each time it is held.
    expect(peak - before).toBeLessThan(2 * SIZE);
    const line = await sidecar.auditLine({ path: "/open/big" });
    expect(line).toMatchObject({ status: 200, bytes_in: SIZE, bytes_out: SIZE });
  },
  60_000,
);

test("a client that does not read stops the upstream", async () => {
  let accepted = 0;
  const stuck = Promise.withResolvers<undefined>();
  const finished = Promise.withResolvers<undefined>();
  const upstreamUrl = await startNodeUpstream((_request, response) => {
    response.writeHead(200, { "content-length": SIZE });
    const piece = Buffer.alloc(256 * 1024, "x");
    let quiet: NodeJS.Timeout | undefined;
    const more = (): void => {
      if (accepted === SIZE) {
        clearTimeout(quiet);
        response.end();
        finished.resolve(undefined);
        return;
      }
      // The bytes count once the kernel took them.
      response.write(piece, () => {
        accepted += piece.length;
        clearTimeout(quiet);
        quiet = setTimeout(() => stuck.resolve(undefined), 300);
        more();
      });
    };
    more();
  });
  const sidecar = await startSidecar({ upstreamUrl });
  const socket = connect({ port: sidecar.port, host: "127.0.0.1" });
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.write(head("GET /open/big", ["Connection: close"]));
  await Promise.race([stuck.promise, finished.promise]);
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThan(BUFFERS);
  let received = 0;
  socket.on("data", (chunk) => void (received += chunk.length));
  socket.resume();
  await once(socket, "end");
  expect(received).toBeGreaterThan(SIZE);
}, 60_000);

test("an upstream that does not read stops the client", async () => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const upstreamUrl = await startNodeUpstream((request, response) => {
    arrived.resolve(request);
    request.on("end", () => response.end("ok"));
  });
  const sidecar = await startSidecar({ upstreamUrl, config: { limits: { body_bytes: "unlimited", drain: "1s" } } });
  const client = await connectTo(sidecar);
  await client.write(head("POST /open/big", [`Content-Length: ${SIZE}`]));
  const piece = Buffer.alloc(256 * 1024, "x");
  let accepted = 0;
  const stuck = Promise.withResolvers<undefined>();
  let quiet: NodeJS.Timeout | undefined;
  const all = (async () => {
    while (accepted < SIZE) {
      await client.write(piece);
      accepted += piece.length;
      clearTimeout(quiet);
      quiet = setTimeout(() => stuck.resolve(undefined), 300);
    }
    clearTimeout(quiet);
  })();
  const request = await arrived.promise;
  await Promise.race([stuck.promise, all]);
  expect(accepted).toBeLessThan(BUFFERS);
  let received = 0;
  request.on("data", (chunk: Buffer) => void (received += chunk.length));
  await all;
  expect((await client.nextResponse()).body.toString()).toBe("ok");
  expect(received).toBe(SIZE);
}, 60_000);
