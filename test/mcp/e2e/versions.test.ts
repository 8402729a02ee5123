import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type RawUpstream, startRawUpstream } from "../../support/raw-upstream.ts";
import type { Sidecar } from "../../support/sidecar.ts";
import { type Message, statusOf, valuesOf } from "../../support/wire.ts";
import { answer, json, post, refusalOf, rpc, startDemoSidecar } from "./support.ts";

const LATEST = "MCP-Protocol-Version: 2026-07-28";
const ARGUMENTS = { portal_id: "acme", ticket_id: "1001" };
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

const message = z.looseObject({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  params: z.looseObject({ name: z.string().optional(), uri: z.string().optional() }),
});

/** The text of a header, which may be encoded (2026-07-28, Value Encoding). */
function decoded(value: string): string {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, "base64").toString("utf8");
}

/** A server of 2026-07-28, as small as it gets: no sessions, and headers that have to be those of the body. */
function serve(request: Message): Buffer {
  if (request.body[0] === "[".charCodeAt(0)) return answer("application/json", "[]");
  const { id, method, params } = message.parse(JSON.parse(request.body.toString("utf8")));
  const header = (name: string): string | undefined => valuesOf(request, name)[0];
  const named = params.name ?? params.uri;
  const name = header("mcp-name");
  const agrees =
    header("mcp-protocol-version") === "2026-07-28" &&
    header("mcp-method") === method &&
    (name === undefined ? undefined : decoded(name)) === named &&
    header("mcp-session-id") === undefined;
  if (!agrees) {
    const error = { code: -32020, message: "the server itself sees a mismatch" };
    return answer("application/json", JSON.stringify({ jsonrpc: "2.0", id, error }), [], "400 Bad Request");
  }
  const tools = ["get_ticket", "update_ticket"].map((each) => ({ name: each, inputSchema: { type: "object" } }));
  const results: Readonly<Record<string, object>> = {
    "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
    "tools/list": { tools, ttlMs: 0, cacheScope: "private" },
  };
  const result = results[method] ?? { content: [{ type: "text", text: `${method} ${named}` }] };
  const text = JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", ...result } });
  return method === "tools/call" ? answer("text/event-stream", `data: ${text}\n\n`) : answer("application/json", text);
}

let upstream: RawUpstream;
let sidecar: Sidecar;
let reader: string;

beforeAll(async () => {
  upstream = await startRawUpstream(serve);
  sidecar = await startDemoSidecar(upstream.url);
  reader = sidecar.keys.reader.key;
});

const request = (method: string, params: object = {}, version: string | null = "2026-07-28"): Record<string, unknown> =>
  rpc(method, {
    ...params,
    ...(version === null ? {} : { _meta: { ...META, "io.modelcontextprotocol/protocolVersion": version } }),
  });

describe("a server of 2026-07-28 behind", () => {
  test("is discovered, lists what the caller may call, and is called", async () => {
    const discovered = await post(sidecar, reader, request("server/discover"), [LATEST, "Mcp-Method: server/discover"]);
    expect(json(discovered).result).toMatchObject({ supportedVersions: ["2026-07-28"] });
    const listed = await post(sidecar, reader, request("tools/list"), [LATEST, "Mcp-Method: tools/list"]);
    expect(json(listed).result).toMatchObject({ tools: [{ name: "get_ticket" }], ttlMs: 0, resultType: "complete" });
    const call = request("tools/call", { name: "get_ticket", arguments: ARGUMENTS });
    const called = await post(sidecar, reader, call, [LATEST, "Mcp-Method: tools/call", "Mcp-Name: get_ticket"]);
    expect(called.body.toString()).toContain("tools/call get_ticket");
    expect(sessionless(called)).toBe(true);
  });

  test.each([
    ["plain", "get_ticket", "get_ticket"],
    ["with spaces around it", "get_ticket", " \tget_ticket "],
    ["as base64", "get_ticket", "=?base64?Z2V0X3RpY2tldA==?="],
  ])("takes the name %s", async (_how, name, header) => {
    const call = request("tools/call", { name, arguments: ARGUMENTS });
    const response = await post(sidecar, reader, call, [LATEST, "Mcp-Method: tools/call", `Mcp-Name: ${header}`]);
    expect(statusOf(response)).toBe(200);
  });

  test("takes a URI as the name of a resource", async () => {
    const read = request("resources/read", { uri: "ticket://acme/1001" });
    const fields = [LATEST, "Mcp-Method: resources/read", "Mcp-Name: ticket://acme/1001"];
    expect(statusOf(await post(sidecar, reader, read, fields))).toBe(200);
    const other = request("resources/read", { uri: "ticket://globex/1" });
    expect(refusalOf(await post(sidecar, reader, other, fields))).toMatchObject({ status: 400, rpc: -32020 });
  });

  test("refusals carry the challenge and the id", async () => {
    const call = { ...request("tools/call", { name: "update_ticket", arguments: ARGUMENTS }), id: "call-7" };
    const response = await post(sidecar, reader, call, [LATEST, "Mcp-Method: tools/call", "Mcp-Name: update_ticket"]);
    expect(refusalOf(response)).toMatchObject({ status: 403, id: "call-7", rpc: -32003, code: "insufficient_scope" });
    expect(valuesOf(response, "www-authenticate")[0]).toContain('scope="tickets:write"');
  });
});

const sessionless = (response: Message): boolean => valuesOf(response, "mcp-session-id").length === 0;

describe("headers that are not those of the body", () => {
  const call = request("tools/call", { name: "get_ticket", arguments: ARGUMENTS });
  const METHOD = "Mcp-Method: tools/call";
  const NAME = "Mcp-Name: get_ticket";

  test.each<[string, unknown, string[]]>([
    ["no Mcp-Method", call, [NAME]],
    ["no Mcp-Name", call, [METHOD]],
    ["another method", call, ["Mcp-Method: tools/list", NAME]],
    ["another letter case of the method", call, ["Mcp-Method: Tools/Call", NAME]],
    ["another name", call, [METHOD, "Mcp-Name: update_ticket"]],
    ["another letter case of the name", call, [METHOD, "Mcp-Name: Get_Ticket"]],
    ["a name where the method has none", request("tools/list"), ["Mcp-Method: tools/list", NAME]],
    ["another name, as base64", call, [METHOD, "Mcp-Name: =?base64?dXBkYXRlX3RpY2tldA==?="]],
    ["base64 without its end", call, [METHOD, "Mcp-Name: =?base64?Z2V0X3RpY2tldA==?"]],
    ["base64 without padding", call, [METHOD, "Mcp-Name: =?base64?Z2V0X3RpY2tldA?="]],
    ["base64 with spare bits", call, [METHOD, "Mcp-Name: =?base64?Z2V0X3RpY2tldB==?="]],
    ["base64 of bytes that are not UTF-8", call, [METHOD, "Mcp-Name: =?base64?/w==?="]],
    ["no version in _meta", request("tools/list", {}, null), ["Mcp-Method: tools/list"]],
    ["another version in _meta", request("tools/list", {}, "2025-11-25"), ["Mcp-Method: tools/list"]],
  ])("%s: 400 with -32020 and the id", async (_name, body, fields) => {
    const { bytes } = upstream;
    const response = await post(sidecar, reader, body, [LATEST, ...fields]);
    expect(refusalOf(response)).toMatchObject({ status: 400, rpc: -32020, id: 1, code: "bad_request" });
    expect(upstream.bytes).toBe(bytes);
  });

  test("a body of 2026-07-28 under the header of an older revision is a mismatch", async () => {
    const response = await post(sidecar, reader, call, ["MCP-Protocol-Version: 2025-11-25"]);
    expect(refusalOf(response)).toMatchObject({ status: 400, rpc: -32020 });
    expect(refusalOf(await post(sidecar, reader, call))).toMatchObject({ status: 400, rpc: -32020 });
  });
});

describe("the protocol version", () => {
  const listed = rpc("tools/list");

  test("is 2025-03-26 where the header is missing: batches are taken", async () => {
    const at = upstream.requests.length;
    expect(statusOf(await post(sidecar, reader, [rpc("ping"), { ...listed, id: 2 }]))).toBe(200);
    expect(JSON.parse((await upstream.request(at)).body.toString())).toHaveLength(2);
  });

  test.each(["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"])("%s has no batches", async (version) => {
    const response = await post(sidecar, reader, [listed], [`MCP-Protocol-Version: ${version}`]);
    expect(refusalOf(response)).toMatchObject({ status: 400, rpc: -32600 });
  });

  test.each(["2025-12-31", "2026-07-29", "2025-06-18 ,", "latest", "", "2025-06-18, 2025-06-18", "DRAFT-2026-v1"])(
    "%j is not known: 400 with -32022 and those that are",
    async (version) => {
      const { bytes } = upstream;
      const response = await post(sidecar, reader, listed, [`MCP-Protocol-Version: ${version}`]);
      expect(refusalOf(response)).toMatchObject({ status: 400, rpc: -32022 });
      expect(json(response).error?.data).toMatchObject({
        supported: ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
        requested: version,
      });
      expect(upstream.bytes).toBe(bytes);
    },
  );
});
