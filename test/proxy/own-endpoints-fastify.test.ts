import Fastify, { type FastifyInstance } from "fastify";
import { beforeAll, expect, test } from "vitest";
import { isReserved } from "../../src/core/reserved-paths.ts";
import { type Line, RESERVED, startLine } from "../support/line.ts";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { statusOf, valuesOf } from "../support/wire.ts";
import { connectTo, head } from "./client.ts";

let line: Line;
let app: FastifyInstance;

beforeAll(async () => {
  app = Fastify({ bodyLimit: 64 * 1024 });
  app.addContentTypeParser("text/plain", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.post("/oauth/echo", (request, reply) => reply.send(request.body));
  app.get("/oauth/fails", () => {
    throw new Error("a fault of the test");
  });
  await app.ready();
  const upstream = await startRawUpstream();
  line = await startLine({
    upstreamUrl: upstream.url,
    routes: [],
    own: {
      owns: (path) => isReserved(RESERVED, path),
      resourceMetadataUrl: (path) => path,
      serve: (request, response) => app.routing(request, response),
    },
  });
  return () => app.close();
});

const idOf = (fields: Parameters<typeof valuesOf>[0]): string => valuesOf(fields, "x-request-id").join();

test("answers go out with the request's id, faults too, and the connection goes on", async () => {
  const wire = await connectTo(line);
  await wire.write(`${head("POST /oauth/echo", ["Content-Type: text/plain", "Content-Length: 5"])}hello`);
  await wire.write(head("GET /oauth/fails") + head("GET /oauth/none") + head("HEAD /oauth/none"));
  const echoed = await wire.nextResponse();
  expect([statusOf(echoed), echoed.body.toString()]).toEqual([200, "hello"]);
  expect(await line.auditOf(idOf(echoed))).toMatchObject({ status: 200, bytes_in: 5, bytes_out: 5 });
  const failed = await wire.nextResponse();
  expect(await line.auditOf(idOf(failed))).toMatchObject({
    reason: "own_endpoint",
    status: 500,
    bytes_out: failed.body.length,
  });
  const missing = await wire.nextResponse();
  expect(await line.auditOf(idOf(missing))).toMatchObject({ status: 404, bytes_out: missing.body.length });
  expect(await line.auditOf(idOf(await wire.nextResponse("HEAD")))).toMatchObject({ status: 404, bytes_out: 0 });
});

test.each([
  ["said to be", "Content-Length: 1000000", (part: Buffer) => part],
  [
    "in chunks",
    "Transfer-Encoding: chunked",
    (part: Buffer) => Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]),
  ],
])("a body that is too large, %s, is a 413 that the client can read before the end", async (_name, field, framed) => {
  const wire = await connectTo(line);
  await wire.write(head("POST /oauth/echo", ["Content-Type: text/plain", field]));
  for (let part = 0; part < 5; part += 1) void wire.write(framed(Buffer.alloc(40_000, "a")));
  const answer = await wire.nextResponse();
  expect([statusOf(answer), valuesOf(answer, "connection")]).toEqual([413, ["close"]]);
  wire.socket.end();
  expect(await wire.closed).toEqual({ error: null });
  expect(await line.auditOf(idOf(answer))).toMatchObject({ route: "portcullis", status: 413 });
});

test("a body that breaks off in the middle of its coding is the line's 400, and later requests are served", async () => {
  const wire = await connectTo(line);
  await wire.write(head("POST /oauth/echo", ["Content-Type: text/plain", "Transfer-Encoding: chunked"]));
  await wire.write("5\r\nhello\r\nzz\r\n");
  expect(statusOf(await wire.nextResponse())).toBe(400);
  await wire.end();
  const next = await connectTo(line);
  await next.write(head("GET /oauth/none"));
  expect(statusOf(await next.nextResponse())).toBe(404);
});
