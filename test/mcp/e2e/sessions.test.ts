import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DemoService } from "../../../deploy/demo/service/server.ts";
import { startService, until } from "../../demo/support.ts";
import { ask, connectTo, head } from "../../proxy/client.ts";
import { type RawUpstream, startRawUpstream } from "../../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../../support/sidecar.ts";
import { tempFolder } from "../../support/temp.ts";
import { type Message, statusOf, valuesOf } from "../../support/wire.ts";
import {
  answer,
  bare,
  connectSdk,
  DEMO_RULES,
  json,
  mcpRoutes,
  post,
  rpc,
  sessionIdOf,
  SMALL_MCP,
  startDemoSidecar,
} from "./support.ts";

const VERSION = "MCP-Protocol-Version: 2025-11-25";
const INITIALIZE = rpc("initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "t", version: "1" },
});

let service: DemoService;
let sidecar: Sidecar;

beforeAll(async () => {
  service = await startService();
  sidecar = await startDemoSidecar(service.url);
});
afterAll(() => service.close());

const session = (id: string): string[] => [VERSION, `Mcp-Session-Id: ${id}`];

async function open(at: Sidecar, key: string): Promise<string> {
  const response = await post(at, key, INITIALIZE);
  expect(statusOf(response)).toBe(200);
  return sessionIdOf(response);
}

const ping = (at: Sidecar, key: string, id: string): Promise<Message> => post(at, key, rpc("ping"), session(id));

describe("a session of the demo service", () => {
  test("is used by the key that opened it, and by no other", async () => {
    const { reader, writer } = sidecar.keys;
    const id = await open(sidecar, reader.key);
    expect(id).toMatch(/^[0-9a-f-]{36}\.[\w-]{22}$/);
    expect(statusOf(await ping(sidecar, reader.key, id))).toBe(200);
    const { sessions } = service.open();
    for (const method of ["POST", "GET", "DELETE"]) {
      const response =
        method === "POST" ? await ping(sidecar, writer.key, id) : await bare(sidecar, method, writer.key, session(id));
      expect(statusOf(response)).toBe(404);
      expect(json(response)).toMatchObject({ code: "session_not_found" });
    }
    expect(service.open().sessions).toBe(sessions);
    expect(statusOf(await ping(sidecar, reader.key, id))).toBe(200);
    expect(await sidecar.auditLine({ reason: "session_not_found" })).toMatchObject({
      credential: writer.id,
      decision: "deny",
      status: 404,
      detail: "the session id is not of this credential and route",
    });
  });

  test("authenticates nobody", async () => {
    const id = await open(sidecar, sidecar.keys.reader.key);
    expect(statusOf(await bare(sidecar, "GET", null, session(id)))).toBe(401);
    const body = JSON.stringify(rpc("ping"));
    const fields = ["Content-Type: application/json", `Content-Length: ${body.length}`, ...session(id)];
    expect(statusOf(await ask(sidecar, head("POST /mcp", fields) + body, "POST"))).toBe(401);
    expect(statusOf(await ping(sidecar, sidecar.keys.revoked.key, id))).toBe(401);
    expect(statusOf(await ping(sidecar, sidecar.keys.expired.key, id))).toBe(401);
  });

  test("ends with the key that opened it", async () => {
    const key = await sidecar.issue(["tickets:read"]);
    const id = await open(sidecar, key.key);
    await sidecar.revoke(key.id);
    expect(statusOf(await ping(sidecar, key.key, id))).toBe(401);
  });

  test("does not widen what a key may do", async () => {
    const id = await open(sidecar, sidecar.keys.reader.key);
    const call = rpc("tools/call", { name: "update_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } });
    expect(statusOf(await post(sidecar, sidecar.keys.reader.key, call, session(id)))).toBe(403);
  });

  test.each<[string, (id: string) => string]>([
    ["the service's own id", (id) => id.split(".")[0] ?? ""],
    ["another letter in the id", (id) => (id.startsWith("0") ? "1" : "0") + id.slice(1)],
    ["another letter in the seal", (id) => id.slice(0, -5) + (id.at(-5) === "A" ? "B" : "A") + id.slice(-4)],
    ["a seal that is cut", (id) => id.slice(0, -1)],
    ["a seal that is longer", (id) => `${id}A`],
    ["the seal alone", (id) => id.slice(id.indexOf("."))],
    ["another letter case", (id) => id.toUpperCase()],
    ["nothing", () => ""],
    ["two of them in one", (id) => `${id}, ${id}`],
  ])("is not found under %s", async (_name, spoil) => {
    const id = await open(sidecar, sidecar.keys.reader.key);
    expect(statusOf(await ping(sidecar, sidecar.keys.reader.key, spoil(id)))).toBe(404);
  });

  test("ends by DELETE, and is unknown from then on", async () => {
    const { client, transport } = await connectSdk(sidecar.url, sidecar.keys.reader.key);
    const id = transport.sessionId ?? "";
    const { sessions } = service.open();
    await transport.terminateSession();
    expect(service.open().sessions).toBe(sessions - 1);
    expect(statusOf(await ping(sidecar, sidecar.keys.reader.key, id))).toBe(404);
    expect(await sidecar.auditLine({ method: "DELETE", status: 200 })).toMatchObject({
      decision: "allow",
      mcp: { method: "DELETE", tool: null },
      scopes_needed: [],
    });
    await client.close();
  });

  test("has a stream, which is opened and closed in the audit", async () => {
    const id = await open(sidecar, sidecar.keys.reader.key);
    const wire = await connectTo(sidecar);
    const fields = [`X-API-Key: ${sidecar.keys.reader.key}`, "Accept: text/event-stream", ...session(id)];
    await wire.write(head("GET /mcp", fields));
    expect(await wire.head()).toMatch(/^HTTP\/1\.1 200 [^]*text\/event-stream/i);
    expect(await sidecar.auditLine({ event: "stream_open", method: "GET" })).toMatchObject({ route: "mcp" });
    wire.socket.destroy();
    expect(await sidecar.auditLine({ event: "stream_close", method: "GET" })).toMatchObject({ decision: "allow" });
  });

  test("GET without Accept is the service's to refuse", async () => {
    const id = await open(sidecar, sidecar.keys.reader.key);
    expect(statusOf(await bare(sidecar, "GET", sidecar.keys.reader.key, session(id)))).toBe(406);
  });
});

describe("over several instances", () => {
  const pepper = randomBytes(32).toString("base64url");
  const shared = (): object => ({ secrets: { pepper }, store: { url: "sqlite:./portcullis.db" } });

  test("a session is opened by every instance with the pepper and the store, after a restart too", async () => {
    const folder = tempFolder();
    const first = await startDemoSidecar(service.url, { folder, config: { ...shared() } });
    const second = await startDemoSidecar(service.url, { folder, config: { ...shared() } });
    const { key } = first.keys.reader;
    const id = await open(first, key);
    expect(statusOf(await ping(second, key, id))).toBe(200);
    expect(statusOf(await ping(second, second.keys.reader.key, id))).toBe(404);
    await first.close();
    await second.close();
    const third = await startDemoSidecar(service.url, { folder, config: { ...shared() } });
    expect(statusOf(await ping(third, key, id))).toBe(200);
    await third.close();
  });

  test("an instance with another pepper opens none", async () => {
    const other = await startDemoSidecar(service.url);
    const id = await open(sidecar, sidecar.keys.reader.key);
    expect(statusOf(await ping(other, other.keys.reader.key, id))).toBe(404);
  });
});

describe("routes", () => {
  test("do not share sessions, though key and service are the same", async () => {
    const upstream = await startRawUpstream(() =>
      answer("application/json", '{"jsonrpc":"2.0","id":1,"result":{}}', ["Mcp-Session-Id: one"]),
    );
    const two = await startSidecar({
      upstreamUrl: upstream.url,
      routes: [mcpRoutes(SMALL_MCP), mcpRoutes(SMALL_MCP, "other", "/other")],
    });
    const { key } = two.keys.reader;
    const id = sessionIdOf(await post(two, key, rpc("ping")));
    expect(statusOf(await ping(two, key, id))).toBe(200);
    const elsewhere = await ask(two, head("GET /other", [`X-API-Key: ${key}`, ...session(id)]));
    expect(statusOf(elsewhere)).toBe(404);
  });
});

describe("revision 2026-07-28", () => {
  const STATELESS = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list"];
  const meta = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } };
  let upstream: RawUpstream;
  let stateless: Sidecar;

  beforeAll(async () => {
    upstream = await startRawUpstream(() =>
      answer("application/json", '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}'),
    );
    stateless = await startDemoSidecar(upstream.url);
  });

  test.each(["of-nobody", "", "a, b"])("has no sessions: the id %j means nothing and goes no further", async (id) => {
    const at = upstream.requests.length;
    const fields = [...STATELESS, `Mcp-Session-Id: ${id}`];
    expect(statusOf(await post(stateless, stateless.keys.reader.key, rpc("tools/list", meta), fields))).toBe(200);
    expect(valuesOf(await upstream.request(at), "mcp-session-id")).toEqual([]);
  });
});

describe("GET and DELETE are authorized like POST", () => {
  test.each(["GET", "DELETE"])("%s", async (method) => {
    const { sessions } = service.open();
    const status = async (key: string | null, fields: readonly string[] = []): Promise<number> =>
      statusOf(await bare(sidecar, method, key, fields));
    expect(await status(null)).toBe(401);
    expect(await status("noice_sk_live_000000000000000000000000000000000000")).toBe(401);
    expect(await status(sidecar.keys.revoked.key)).toBe(401);
    expect(await status(sidecar.keys.reader.key, ["Origin: https://evil.example"])).toBe(403);
    expect(await status(sidecar.keys.reader.key, ["MCP-Protocol-Version: 1999-01-01"])).toBe(400);
    expect(await status(sidecar.keys.reader.key, ["Mcp-Session-Id: x"])).toBe(404);
    expect(service.open().sessions).toBe(sessions);
  });

  test.each(["HEAD", "OPTIONS", "PUT", "PATCH"])("%s is not served", async (method) => {
    const response = await bare(sidecar, method, sidecar.keys.reader.key);
    expect(statusOf(response)).toBe(405);
    expect(valuesOf(response, "allow")[0]?.split(", ").toSorted()).toEqual(["DELETE", "GET", "POST"]);
  });

  test("an upgrade is refused", async () => {
    const websocket = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const { sockets } = service.open();
    expect(statusOf(await bare(sidecar, "GET", sidecar.keys.reader.key, websocket))).toBe(400);
    expect(statusOf(await bare(sidecar, "GET", null, websocket))).toBe(401);
    expect(service.open().sockets).toBe(sockets);
    expect(await sidecar.auditLine({ detail: "an upgrade on an MCP route" })).toMatchObject({ status: 400 });
  });

  test("another upgrade is not carried, and the request is decided as usual", async () => {
    const fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"];
    const response = await post(sidecar, sidecar.keys.reader.key, rpc("tools/call", { name: "list_users" }), fields);
    expect(statusOf(response)).toBe(403);
  });
});

describe("Origin", () => {
  test("is checked against the list of the route", async () => {
    const rules = DEMO_RULES.replace("    mcp:\n", '    mcp:\n      origins: ["https://app.example.com"]\n');
    const browser = await startDemoSidecar(service.url, { rules });
    const { key } = browser.keys.reader;
    const status = async (...fields: string[]): Promise<number> =>
      statusOf(await post(browser, key, INITIALIZE, fields));
    expect(await status()).toBe(200);
    expect(await status("Origin: https://app.example.com")).toBe(200);
    for (const origin of [
      "https://evil.example",
      "null",
      "https://app.example.com.evil.example",
      "http://app.example.com",
    ]) {
      expect(await status(`Origin: ${origin}`)).toBe(403);
    }
    expect(await status("Origin: https://app.example.com", "Origin: https://app.example.com")).toBe(403);
    expect(await browser.auditLine({ reason: "origin_forbidden" })).toMatchObject({ status: 403, decision: "deny" });
  });
});

test("all streams end when the sidecar closes", async () => {
  const closing = await startDemoSidecar(service.url);
  await connectSdk(closing.url, closing.keys.reader.key);
  await closing.close();
  await until(() => service.open().streams === 0);
  expect(service.open().streams).toBe(0);
});
