import { beforeAll, describe, expect, test } from "vitest";
import { connectTo, head } from "../../proxy/client.ts";
import { type RawUpstream, startRawUpstream } from "../../support/raw-upstream.ts";
import type { Sidecar } from "../../support/sidecar.ts";
import { statusOf, valuesOf } from "../../support/wire.ts";
import { CORPUS } from "../corpus.ts";
import { answer, bare, json, post, refusalOf, rpc, startDemoSidecar } from "./support.ts";

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const CALL = rpc("tools/call", { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } });
const VERSION = "MCP-Protocol-Version: 2025-06-18";
const INSPECT = 256 * 1024;

let upstream: RawUpstream;
let sidecar: Sidecar;
/** Holds every scope: what is refused is refused for what it is. */
let key: string;

beforeAll(async () => {
  upstream = await startRawUpstream(() => answer("application/json", RESULT, ["Mcp-Session-Id: own-1"]));
  const limits = { inspect_bytes: INSPECT, drain: "1s" };
  sidecar = await startDemoSidecar(upstream.url, { config: { limits } });
  key = sidecar.keys.manager.key;
});

/** Nothing of `act` reaches the upstream. */
async function unforwarded<T>(act: () => Promise<T>): Promise<T> {
  const { bytes } = upstream;
  const result = await act();
  expect(upstream.bytes).toBe(bytes);
  return result;
}

/** A call of this many bytes. */
function long(size: number): string {
  const text = JSON.stringify({ ...CALL, params: { name: "get_ticket", arguments: { portal_id: "acme", pad: "" } } });
  return text.replace('"pad":""', `"pad":"${"x".repeat(size - text.length)}"`);
}

describe("malformed and ambiguous bodies", () => {
  test.each(CORPUS)("$name is refused with a JSON-RPC error and never forwarded", async ({ body, version }) => {
    const response = await unforwarded(() => post(sidecar, key, body, [`MCP-Protocol-Version: ${version}`]));
    expect(statusOf(response)).toBe(400);
    const { error, id, jsonrpc } = json(response);
    expect(jsonrpc).toBe("2.0");
    expect(id === null || typeof id === "string" || typeof id === "number").toBe(true);
    expect([-32700, -32600, -32020]).toContain(error?.code);
    expect(error?.data).toMatchObject({ code: expect.stringMatching(/^bad_request$|^ambiguous_portal$/) });
    expect(valuesOf(response, "content-type")).toEqual(["application/json"]);
  });

  test("stand in the audit as refused, with the rule that was broken and nothing of the body", async () => {
    const body = '{"jsonrpc":"2.0","id":"x","method":"ping","Params":{"hidden":"in-the-body"}}';
    await post(sidecar, key, body, [VERSION]);
    const line = await sidecar.auditLine({ detail: "a key that looks like a known one", bytes_in: body.length });
    expect(line).toMatchObject({ decision: "deny", reason: "bad_request", status: 400, route: "mcp" });
    expect(JSON.stringify(line)).not.toContain("in-the-body");
  });
});

describe("the bytes that were inspected are the bytes that are sent", () => {
  const odd = [
    `  ${JSON.stringify(CALL, null, "\t")}\r\n\r\n `,
    JSON.stringify(CALL)
      .replace("get_ticket", String.raw`get\u005fticket`)
      .replace("acme", String.raw`\u0061cme`),
    String.raw`{"id":1,"params":{"arguments":{"n":1.0e+2,"z":-0,"é":"\/😀","portal_id":"acme"},"name":"get_ticket"},"method":"tools\/call","jsonrpc":"2.0"}`,
    JSON.stringify({ ...CALL, params: { ...Object(CALL["params"]), _meta: { progressToken: 1 } } }),
  ];

  test.each(odd)("%j", async (text) => {
    const at = upstream.requests.length;
    expect(statusOf(await post(sidecar, key, text, [VERSION]))).toBe(200);
    const request = await upstream.request(at);
    expect(request.body).toEqual(Buffer.from(text));
    expect(valuesOf(request, "content-length")).toEqual([String(Buffer.byteLength(text))]);
    expect(valuesOf(request, "transfer-encoding")).toEqual([]);
  });

  test("chunked, split at every byte", async () => {
    const bytes = Buffer.from(` ${JSON.stringify({ ...CALL, id: "é😀" })} `);
    const at = upstream.requests.length;
    const wire = await connectTo(sidecar);
    const fields = [`X-API-Key: ${key}`, "Content-Type: application/json", VERSION, "Transfer-Encoding: chunked"];
    await wire.write(head("POST /mcp", fields));
    for (const byte of bytes)
      await wire.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
    expect(upstream.requests).toHaveLength(at);
    await wire.write("0\r\n\r\n");
    expect(statusOf(await wire.nextResponse("POST"))).toBe(200);
    expect((await upstream.request(at)).body).toEqual(bytes);
  });

  test("after 100 Continue", async () => {
    const at = upstream.requests.length;
    const body = JSON.stringify(CALL);
    const wire = await connectTo(sidecar);
    const fields = [`X-API-Key: ${key}`, "Content-Type: application/json", `Content-Length: ${body.length}`];
    await wire.write(head("POST /mcp", [...fields, "Expect: 100-continue"]));
    expect(statusOf(await wire.nextResponse("POST"))).toBe(100);
    await wire.write(body);
    expect(statusOf(await wire.nextResponse("POST"))).toBe(200);
    expect((await upstream.request(at)).body.toString()).toBe(body);
  });
});

describe("bodies that are not read", () => {
  test("one of exactly inspect_bytes is read, one byte more is a 413", async () => {
    expect(statusOf(await post(sidecar, key, long(INSPECT), [VERSION]))).toBe(200);
    const response = await unforwarded(() => post(sidecar, key, long(INSPECT + 1), [VERSION]));
    expect(statusOf(response)).toBe(413);
    expect(await sidecar.auditLine({ reason: "body_too_large" })).toMatchObject({ decision: "deny", status: 413 });
  });

  test("a chunked one is a 413 once it grows over the limit", async () => {
    const wire = await connectTo(sidecar);
    const fields = [`X-API-Key: ${key}`, "Content-Type: application/json", "Transfer-Encoding: chunked"];
    const response = await unforwarded(async () => {
      await wire.write(head("POST /mcp", fields));
      await wire.write(`${(INSPECT + 1).toString(16)}\r\n${long(INSPECT + 1)}\r\n`);
      return wire.nextResponse("POST");
    });
    expect(statusOf(response)).toBe(413);
  });

  test.each([
    ["no type", []],
    ["a form", ["Content-Type: application/x-www-form-urlencoded"]],
    ["text", ["Content-Type: text/plain"]],
    ["two types", ["Content-Type: application/json", "Content-Type: application/json"]],
    ["another charset", ["Content-Type: application/json; charset=utf-16"]],
    ["a coding", ["Content-Type: application/json", "Content-Encoding: gzip"]],
    ["a type that ends here", ["Content-Type: application/json", "Connection: content-type"]],
  ])("%s is a 415", async (_name, fields) => {
    const body = JSON.stringify(CALL);
    const response = await unforwarded(async () => {
      const wire = await connectTo(sidecar);
      await wire.write(head("POST /mcp", [`X-API-Key: ${key}`, `Content-Length: ${body.length}`, ...fields]) + body);
      return wire.nextResponse("POST");
    });
    expect(statusOf(response)).toBe(415);
  });

  test("GET and DELETE with a body are refused", async () => {
    for (const method of ["GET", "DELETE"]) {
      const response = await unforwarded(async () => {
        const wire = await connectTo(sidecar);
        await wire.write(`${head(`${method} /mcp`, [`X-API-Key: ${key}`, "Content-Length: 2"])}{}`);
        return wire.nextResponse(method);
      });
      expect(statusOf(response)).toBe(400);
    }
  });
});

describe("headers of MCP that could be read in two ways", () => {
  test.each([
    ["Mcp-Method twice", ["Mcp-Method: tools/call", "Mcp-Method: tools/call"]],
    ["the version twice", [VERSION, VERSION]],
    ["Mcp_Method", ["Mcp_Method: ping"]],
    ["MCP.Protocol.Version", ["MCP.Protocol.Version: 2025-03-26"]],
    ["mcp_name", [VERSION, "mcp_name: update_ticket"]],
    ["another method than the body's", [VERSION, "Mcp-Method: tools/list"]],
    ["another name than the body's", [VERSION, "Mcp-Name: update_ticket"]],
  ])("%s is refused as a mismatch", async (_name, fields) => {
    const response = await unforwarded(() => post(sidecar, key, CALL, fields));
    expect(refusalOf(response)).toMatchObject({ status: 400, rpc: -32020, code: "bad_request" });
  });

  test.each(["mcp-protocol-version", "Mcp-Method", "close, MCP-Name", "mcp-session-id"])(
    "`Connection: %s` would keep it from the service, and is refused",
    async (names) => {
      const response = await unforwarded(() => post(sidecar, key, CALL, [VERSION, `Connection: ${names}`]));
      expect(refusalOf(response)).toMatchObject({ status: 400, code: "bad_request" });
      expect(statusOf(await bare(sidecar, "GET", key, [`Connection: ${names}`]))).toBe(400);
    },
  );
});

describe("session headers that could be read in two ways", () => {
  test("two are refused, even where they are equal", async () => {
    const [sealed = ""] = valuesOf(await post(sidecar, key, CALL, [VERSION]), "mcp-session-id");
    const both = [`Mcp-Session-Id: ${sealed}`, `mcp-session-id: ${sealed}`];
    const response = await unforwarded(() => post(sidecar, key, CALL, [VERSION, ...both]));
    expect(statusOf(response)).toBe(400);
    expect(await sidecar.auditLine({ detail: "two session ids" })).toMatchObject({ reason: "bad_request" });
  });

  test.each(["Mcp_Session_Id", "mcp.session.id", "MCP_SESSION-ID"])("%s never reaches the service", async (name) => {
    const at = upstream.requests.length;
    expect(statusOf(await post(sidecar, key, CALL, [VERSION, `${name}: own-1`]))).toBe(200);
    const request = await upstream.request(at);
    expect(request.head.toLowerCase().replaceAll(/[_.]/g, "-")).not.toContain("mcp-session-id");
  });

  test("an id that is sealed goes on as the service's own, once", async () => {
    const [sealed = ""] = valuesOf(await post(sidecar, key, CALL, [VERSION]), "mcp-session-id");
    expect(sealed).toMatch(/^own-1\.[\w-]{22}$/);
    const at = upstream.requests.length;
    expect(statusOf(await post(sidecar, key, CALL, [VERSION, `mcp-session-ID: ${sealed}`]))).toBe(200);
    expect(valuesOf(await upstream.request(at), "mcp-session-id")).toEqual(["own-1"]);
  });
});

describe("batches of 2025-03-26", () => {
  const read = { ...CALL, id: 1 };
  const write = rpc("tools/call", { name: "update_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } }, 2);

  test("go on whole where each member may", async () => {
    const at = upstream.requests.length;
    const body = JSON.stringify([read, { jsonrpc: "2.0", method: "notifications/progress" }, rpc("ping", {}, "p")]);
    expect(statusOf(await post(sidecar, sidecar.keys.acme.key, body, ["MCP-Protocol-Version: 2025-03-26"]))).toBe(200);
    expect((await upstream.request(at)).body.toString()).toBe(body);
    expect(statusOf(await post(sidecar, sidecar.keys.acme.key, body))).toBe(200);
  });

  test("are refused whole where one member may not, with its id and the scopes of all", async () => {
    const response = await unforwarded(() => post(sidecar, sidecar.keys.acme.key, [read, write]));
    expect(refusalOf(response)).toEqual({
      status: 403,
      jsonrpc: "2.0",
      id: 2,
      rpc: -32003,
      code: "insufficient_scope",
    });
    expect(valuesOf(response, "www-authenticate")).toEqual([
      'Bearer realm="portcullis", error="insufficient_scope", scope="tickets:read tickets:write", ' +
        `resource_metadata="${sidecar.url}/.well-known/oauth-protected-resource/mcp"`,
    ]);
  });

  test("are refused where one member names another portal", async () => {
    const other = rpc("tools/call", { name: "get_ticket", arguments: { portal_id: "globex" } }, 3);
    const response = await unforwarded(() => post(sidecar, sidecar.keys.acme.key, [read, other]));
    expect(refusalOf(response)).toMatchObject({ status: 403, id: 3, code: "portal_forbidden" });
  });
});
