import { beforeAll, expect, test } from "vitest";
import { OK, type RawUpstream, type Respond, startRawUpstream } from "../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { statusOf, valuesOf } from "../support/wire.ts";
import { ask, connectTo, head } from "./client.ts";

let upstream: RawUpstream;
let sidecar: Sidecar;
let respond: Respond = () => OK;

beforeAll(async () => {
  upstream = await startRawUpstream((request, wire) => respond(request, wire));
  sidecar = await startSidecar({ upstreamUrl: upstream.url });
});

/** The request that the upstream got for `bytes`, and the response that the client got. */
async function exchange(bytes: string, method = "GET", script: Respond = () => OK) {
  respond = script;
  const index = upstream.requests.length;
  const response = await ask(sidecar, bytes, method);
  return { request: await upstream.request(index), response };
}

test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
  "%s goes through with its target and query",
  async (method) => {
    const { request, response } = await exchange(head(`${method} /open/a%20b;?q=1&r=%2F`.replace(";", "")), method);
    expect(request.startLine).toBe(`${method} /open/a%20b?q=1&r=%2F HTTP/1.1`);
    expect(statusOf(response)).toBe(200);
    expect(response.body.toString()).toBe("ok");
  },
);

test("HEAD goes through, and its answer has the length of a body that is not there", async () => {
  const wire = await connectTo(sidecar);
  respond = () => "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
  await wire.write(head("HEAD /open/x"));
  expect(valuesOf(await wire.nextResponse("HEAD"), "content-length")).toEqual(["1234"]);
  respond = () => OK;
  await wire.write(head("GET /open/x"));
  expect((await wire.nextResponse()).body.toString()).toBe("ok");
});

test.each([
  ["204", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", ""],
  ["304 with a length", 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n', ""],
  ["205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", ""],
  ["an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
  ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"],
  ["an error", "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nbad", "bad"],
])("the client's connection goes on after %s", async (_name, bytes, body) => {
  const wire = await connectTo(sidecar);
  respond = () => bytes;
  await wire.write(head("GET /open/x"));
  const response = await wire.nextResponse();
  expect(response.startLine).toBe(bytes.split("\r\n", 1)[0]);
  expect(response.body.toString()).toBe(body);
  respond = () => OK;
  await wire.write(head("GET /open/y"));
  expect((await wire.nextResponse()).body.toString()).toBe("ok");
});

test("a response without framing is whole at the upstream's end", async () => {
  const { response } = await exchange(head("GET /open/x"), "GET", async (_request, wire) => {
    await wire.write("HTTP/1.1 200 OK\r\n\r\nhello");
    wire.socket.end();
  });
  expect(valuesOf(response, "transfer-encoding")).toEqual(["chunked"]);
  expect(response.body.toString()).toBe("hello");
});

test.each([
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
  ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"],
  [
    "chunked with Trailer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
  ],
])("an HTTP/1.0 client gets the body of a response with %s, without a coding", async (_name, bytes) => {
  const wire = await connectTo(sidecar);
  respond = () => bytes;
  await wire.write(head("GET /open/x", [], "HTTP/1.0"));
  const response = await wire.nextResponse();
  expect(response.body.toString()).toBe("hello");
  expect(valuesOf(response, "transfer-encoding")).toEqual([]);
  await wire.end();
});

test("request bodies keep their framing: a length, and chunked", async () => {
  const plain = await exchange(`${head("POST /open/x", ["Content-Length: 5"])}hello`, "POST");
  expect(valuesOf(plain.request, "content-length")).toEqual(["5"]);
  expect(plain.request.body.toString()).toBe("hello");
  const chunked = await exchange(
    `${head("POST /open/x", ["Transfer-Encoding: chunked"])}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    "POST",
  );
  expect(valuesOf(chunked.request, "transfer-encoding")).toEqual(["chunked"]);
  expect(valuesOf(chunked.request, "content-length")).toEqual([]);
  expect(chunked.request.body.toString()).toBe("abcde");
  const empty = await exchange(head("POST /open/x", ["Content-Length: 0"]), "POST");
  expect(valuesOf(empty.request, "content-length")).toEqual(["0"]);
  const none = await exchange(`${head("POST /open/x", ["Transfer-Encoding: chunked"])}0\r\n\r\n`, "POST");
  expect(none.request.body.toString()).toBe("");
});

test("trailers go through both ways, but for those that frame, route or authenticate", async () => {
  const { request, response } = await exchange(
    head("POST /open/x", ["Transfer-Encoding: chunked", "Trailer: X-Sum"]) +
      "2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-Portcullis-Subject: evil\r\nAuthorization: Bearer x\r\nHost: y\r\n\r\n",
    "POST",
    () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Done\r\n\r\n2\r\nok\r\n" +
      "0\r\nX-Done: 1\r\nX-Request-Id: evil\r\nTransfer-Encoding: gzip\r\n\r\n",
  );
  expect(request.trailers).toEqual([["X-Sum", "7"]]);
  expect(valuesOf(request, "trailer")).toEqual(["X-Sum"]);
  expect(response.trailers).toEqual([["X-Done", "1"]]);
  expect(valuesOf(response, "trailer")).toEqual(["X-Done"]);
});

test.each([
  ["a length", "GET", "HTTP/1.1 200 OK\r\nTrailer: X-Done\r\nContent-Length: 2\r\n\r\nok", "ok"],
  ["no body", "GET", "HTTP/1.1 204 No Content\r\nTrailer: X-Done\r\n\r\n", ""],
  ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\nTrailer: X-Done\r\nTransfer-Encoding: chunked\r\n\r\n", ""],
])("`Trailer` without trailers to come does no harm: %s", async (_name, method, bytes, body) => {
  const { response } = await exchange(head(`${method} /open/x`), method, () => bytes);
  expect(statusOf(response)).toBeLessThan(300);
  expect(response.body.toString()).toBe(body);
});

test("103 goes through before the answer; other interim answers, and broken hints, are left out", async () => {
  const wire = await connectTo(sidecar);
  respond = () =>
    "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: garbage\r\n\r\n" +
    `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n${OK}`;
  await wire.write(head("GET /open/x"));
  const hint = await wire.nextResponse();
  expect(statusOf(hint)).toBe(103);
  expect(valuesOf(hint, "link")).toEqual(["</a.css>; rel=preload; as=style"]);
  expect(statusOf(await wire.nextResponse())).toBe(200);
});

test("an HTTP/1.0 client gets no interim answers", async () => {
  const { response } = await exchange(
    `${head("POST /open/x", ["Content-Length: 2", "Expect: 100-continue"], "HTTP/1.0")}hi`,
    "POST",
    () => `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n${OK}`,
  );
  expect(statusOf(response)).toBe(200);
});

test("an allowed request that expects 100 gets it, then sends its body", async () => {
  const wire = await connectTo(sidecar);
  respond = () => OK;
  const index = upstream.requests.length;
  await wire.write(head("POST /open/x", ["Content-Length: 5", "Expect: 100-continue"]));
  expect(statusOf(await wire.nextResponse())).toBe(100);
  await wire.write("hello");
  expect(statusOf(await wire.nextResponse())).toBe(200);
  const request = await upstream.request(index);
  expect(request.body.toString()).toBe("hello");
  expect(valuesOf(request, "expect")).toEqual([]);
});

test("a refused request that expects 100 gets its answer alone", async () => {
  const wire = await connectTo(sidecar);
  const before = upstream.requests.length;
  await wire.write(head("POST /api/portals/acme/tickets", ["Content-Length: 5", "Expect: 100-continue"]));
  expect(statusOf(await wire.nextResponse())).toBe(401);
  await wire.end();
  expect(upstream.requests).toHaveLength(before);
});

test("an event reaches the client before the next one is written", async () => {
  const steps = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const;
  respond = async (_request, wire) => {
    await wire.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    await steps[0].promise;
    await wire.write("9\r\ndata: 1\n\n\r\n");
    await steps[1].promise;
    await wire.write("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
  };
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/events"));
  await client.until("text/event-stream");
  expect(await sidecar.metric("portcullis_open_streams")).toBe(1);
  await sidecar.auditLine({ event: "stream_open", path: "/open/events" });
  steps[0].resolve(undefined);
  await client.until("data: 1");
  expect(client.text).not.toContain("data: 2");
  steps[1].resolve(undefined);
  const response = await client.nextResponse();
  expect(response.body.toString()).toBe("data: 1\n\ndata: 2\n\n");
  // Asks proxies in front of us to hold nothing back either.
  expect(valuesOf(response, "x-accel-buffering")).toEqual(["no"]);
  const line = await sidecar.auditLine({ event: "stream_close", path: "/open/events" });
  expect(line).toMatchObject({ status: 200, reason: "public", bytes_out: 18 });
  expect(await sidecar.metric("portcullis_open_streams")).toBe(0);
});

test("two cookies stay two, and bytes of Latin-1 stay as they are, both ways", async () => {
  const { request, response } = await exchange(
    head("GET /open/x", ["X-Name: caf\xe9 \xff", "Cookie: a=1", "Cookie: b=2", "X-A: 1", "x-a: 2"]),
    "GET",
    () => "HTTP/1.1 200 D\xe9j\xe0\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Name: \xfc\r\nContent-Length: 0\r\n\r\n",
  );
  expect(valuesOf(request, "x-name")).toEqual(["caf\xe9 \xff"]);
  expect(valuesOf(request, "cookie")).toEqual(["a=1", "b=2"]);
  expect(valuesOf(request, "x-a")).toEqual(["1", "2"]);
  expect(response.startLine).toBe("HTTP/1.1 200 D\xe9j\xe0");
  expect(response.fields.filter(([name]) => name.toLowerCase() === "set-cookie")).toEqual([
    ["Set-Cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  expect(valuesOf(response, "x-name")).toEqual(["\xfc"]);
});

test("pipelined requests are answered in order", async () => {
  const client = await connectTo(sidecar);
  respond = async ({ startLine }) => {
    const name = startLine.split(" ")[1] ?? "";
    return `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`;
  };
  await client.write(["/open/1", "/open/2", "/open/3"].map((target) => head(`GET ${target}`)).join(""));
  for (const name of ["/open/1", "/open/2", "/open/3"]) {
    expect((await client.nextResponse()).body.toString()).toBe(name);
  }
});
