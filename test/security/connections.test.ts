import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { connectionNames } from "../../src/proxy/connection-options.ts";
import { earlyLinks } from "../../src/proxy/response-head-writer.ts";
import type { ResponseHead } from "../../src/http1/response-head.ts";
import { statusOf } from "../support/wire.ts";
import { auditOf, codeOf, dial, expectServed, leaks, openStage, recorded, request } from "./support/stage.ts";

/** What came of a review: ways to hold a connection, a slot of the pool or memory for good. */

const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

test("a refused body, a pipelined HTTP/1.0 request and garbage leave no socket behind", async () => {
  const stage = await openStage({ config: { limits: { drain: "1s" } } });
  const wire = await dial(stage);
  await wire.write(
    "POST /nope HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" +
      "HEAD /nope HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGARB",
  );
  await wire.closed;
  expect(wire.text.startsWith("HTTP/1.1 404")).toBe(true);
  // Each request that was read has its line, and the end is not waited for in vain.
  await stage.sidecar.close();
  expect(stage.sidecar.audit().filter(({ path }) => path === "/nope")).toHaveLength(2);
});

test("a pipelined request waits for the answer before it, and a slow reader behind it is cut all the same", async () => {
  const big = Buffer.alloc(32 * 1024 * 1024, "x");
  const stage = await openStage({
    config: { limits: { idle: "400ms", drain: "1s" } },
    respond: ({ startLine }) =>
      startLine.includes("/big")
        ? Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n`), big])
        : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  });
  const wire = await dial(stage);
  wire.socket.pause();
  await wire.write(request("GET /open/big") + request("GET /nope"));
  expect(await stage.sidecar.auditLine({ path: "/open/big" })).toMatchObject({
    reason: "request_timeout",
    status: 200,
  });
  // The upstream connection is given up with it.
  const carrier = await stage.upstream.connection(0);
  await carrier.closed;
  wire.socket.destroy();
  await expectServed(stage);
});

test("an upgrade behind a request that is not answered yet is refused after its answer", async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stage = await openStage({
    respond: async ({ startLine }) => {
      if (startLine.includes("/slow")) await held;
      return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow";
    },
  });
  const wire = await dial(stage);
  await wire.write(request("GET /open/slow") + request("GET /open/xsmuggledx", UPGRADE));
  await stage.upstream.request(0);
  release?.();
  expect((await wire.nextResponse()).body.toString()).toBe("slow");
  const refused = await wire.nextResponse();
  expect(statusOf(refused)).toBe(400);
  expect(await auditOf(stage, refused)).toMatchObject({ reason: "bad_request", decision: "deny" });
  await wire.closed;
  expect(leaks(stage)).toBe(0);
});

test("an upgrade that is answered with a long body keeps back-pressure", async () => {
  let written = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n");
      const piece = Buffer.alloc(256 * 1024, "x");
      const more = (): void =>
        void socket.write(piece, (error) => (error ? undefined : ((written += piece.length), more())));
      more();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const stage = await openStage({
    upstreamUrl: `http://127.0.0.1:${port}`,
    upstream: { idle_timeout: "500ms" },
    config: { limits: { drain: "1s" } },
  });
  const wire = await dial(stage);
  wire.socket.pause();
  await wire.write(request("GET /open/big", UPGRADE));
  // A client that reads nothing is cut after the upstream's idle time-out, and little was taken for it.
  expect(await stage.sidecar.auditLine({ path: "/open/big" })).toMatchObject({ status: 200 });
  expect(written).toBeLessThan(64 * 1024 * 1024);
  wire.socket.destroy();
});

test("an upgrade whose answer is cut by the upstream is cut for the client, and recorded", async () => {
  const stage = await openStage({ respond: () => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc" });
  const wire = await dial(stage);
  await wire.write(request("GET /open/cut", UPGRADE));
  await wire.until("abc");
  (await stage.upstream.connection(0)).socket.destroy();
  await wire.closed;
  expect(await stage.sidecar.auditLine({ path: "/open/cut" })).toMatchObject({ status: 200, reason: "upstream_cut" });
});

test("bodies that are read before the decision share a budget", async () => {
  const stage = await openStage({
    config: { limits: { inspect_bytes: "64KiB", inspect_total: "64KiB", drain: "1s" } },
  });
  const key = `X-API-Key: ${stage.sidecar.keys.writer.key}`;
  const lines = [key, "Content-Type: application/json", "Content-Length: 60000"];
  const holder = await dial(stage);
  await holder.write(request("POST /json", lines, `{"portal_id":"${"a".repeat(50_000)}`));
  const ask = async (): Promise<number> => {
    const wire = await dial(stage);
    await wire.write(request("POST /json", lines, `{"portal_id":"${"a".repeat(50_000)}`));
    const answer = await wire.nextResponse();
    wire.socket.destroy();
    expect(codeOf(answer)).toBe("too_many_requests");
    return statusOf(answer);
  };
  expect(await ask()).toBe(429);
  holder.socket.destroy();
  await stage.sidecar.auditLine({ reason: "client_closed" });
  // What was taken is given back.
  const whole = `{"portal_id":"acme","a":"${"a".repeat(40_000)}"}`;
  const wire = await dial(stage);
  await wire.write(
    request("POST /json", [key, "Content-Type: application/json", `Content-Length: ${whole.length}`], whole),
  );
  expect(statusOf(await wire.nextResponse())).toBe(200);
  wire.socket.destroy();
});

test("request trailers carry no cookie, no credential and no identity", async () => {
  const stage = await openStage();
  const wire = await dial(stage);
  const trailers = "Cookie: a=b\r\nAuthorization: Bearer x\r\nX-Portcullis-Subject: root\r\nX-Checksum: 1\r\n";
  await wire.write(request("POST /open/t", ["Transfer-Encoding: chunked"], `1\r\na\r\n0\r\n${trailers}\r\n`));
  expect(statusOf(await wire.nextResponse())).toBe(200);
  wire.socket.destroy();
  expect(recorded(stage)).toContain("X-Checksum: 1");
  expect(recorded(stage)).not.toMatch(/Cookie|Authorization|root/);
});

test("Connection options are read in one pass, whatever they hold", () => {
  expect(connectionNames(`${"\u00a0".repeat(15_000)}x`)).toEqual(["x"]);
  expect(connectionNames("keep-alive, X-Foo , close")).toEqual(["keep-alive", "x-foo", "close"]);
  expect(connectionNames(" keep-alive , Upgrade")).toEqual([]);
});

test("links of early hints that node:http would take long over are left out", () => {
  expect(earlyLinks(hints(`<x>${";a=b=c".repeat(30)}"`))).toEqual([]);
  expect(earlyLinks(hints("</a.css>; rel=preload; as=style"))).toEqual(["</a.css>; rel=preload; as=style"]);
});

function hints(link: string): ResponseHead {
  return {
    status: 103,
    statusText: "",
    fields: ["Link", link],
    framing: { kind: "none" },
    keepAlive: true,
    connection: null,
    contentType: null,
  };
}
