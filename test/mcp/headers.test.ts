import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkHeaders, type McpHeaders, readMcpHeaders, readVersion } from "../../src/mcp/headers.ts";
import type { McpMessage } from "../../src/mcp/message.ts";
import { PROTOCOL_VERSIONS } from "../../src/mcp/version.ts";
import { message, request } from "./rules.ts";

const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const modern = (method: string, params: object = {}): McpMessage =>
  message(request(method, { ...params, _meta: META }), "2026-07-28");
const headers = (method: string | null, name: string | null = null): McpHeaders => ({
  protocolVersion: "2026-07-28",
  method,
  name,
});
const detail = (problem: ReturnType<typeof checkHeaders>): string | null => {
  if (problem !== null) expect(problem).toMatchObject({ ok: false, rpcCode: -32020, data: null });
  return problem?.detail ?? null;
};

const check = (fields: McpHeaders, ...messages: readonly McpMessage[]) =>
  detail(checkHeaders("2026-07-28", fields, messages));
const checkName = (value: string, name: string) =>
  detail(checkHeaders("2026-07-28", headers("tools/call", value), [modern("tools/call", { name })]));
const encoded = (text: string): string => `=?base64?${Buffer.from(text, "utf8").toString("base64")}?=`;

describe("readVersion", () => {
  it("takes 2025-03-26 where there is no header, and every known revision", () => {
    expect(readVersion(null)).toEqual({ ok: true, version: "2025-03-26" });
    for (const version of PROTOCOL_VERSIONS) expect(readVersion(version)).toEqual({ ok: true, version });
  });

  it.each(["", "1900-01-01", "2025-06-18 ", "2025-06-18, 2025-06-18", "DRAFT-2026-v1", "2026-07-28\u00e9"])(
    "refuses '%s' and lists what is supported",
    (value) => {
      expect(readVersion(value)).toMatchObject({
        ok: false,
        rpcCode: -32022,
        data: { supported: ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] },
      });
    },
  );

  it("gives back what was asked for only where it is short and plain", () => {
    expect(readVersion("1900-01-01")).toMatchObject({ data: { requested: "1900-01-01" } });
    expect(readVersion("x".repeat(65))).toMatchObject({ data: { requested: "" } });
  });
});

describe("readMcpHeaders", () => {
  it("picks its fields, whatever their case, and leaves the others alone", () => {
    const raw = ["Host", "a", "MCP-PROTOCOL-VERSION", " 2026-07-28\t", "mcp-name", "x", "Mcp-Method", "tools/call"];
    const others = ["Mcp-Param-Region", "eu", "Mcp-Session-Id", "1", "Accept", "*/*"];
    expect(readMcpHeaders([...raw, ...others, ...others])).toEqual({ ok: true, headers: headers("tools/call", "x") });
    expect(readMcpHeaders([])).toMatchObject({ headers: { protocolVersion: null, method: null, name: null } });
  });

  it.each(["Mcp-Method", "Mcp-Name", "MCP-Protocol-Version"])("refuses %s twice, equal or not", (name) => {
    expect(readMcpHeaders([name, "a", "X", "y", name.toLowerCase(), "a"])).toMatchObject({
      ok: false,
      rpcCode: -32020,
    });
    expect(readMcpHeaders([name, "", name, ""])).toMatchObject({ ok: false, rpcCode: -32020 });
  });

  it.each(["Mcp_Method", "MCP_Protocol-Version", "mcp.name", "Mcp~Name", "mcp'method"])(
    "refuses the look-alike %s",
    (name) => {
      expect(readMcpHeaders([name, "a"])).toMatchObject({ ok: false, rpcCode: -32020 });
    },
  );
});

describe("checkHeaders, 2026-07-28", () => {
  it("passes where headers and body agree", () => {
    expect(check(headers("tools/call", "get_ticket"), modern("tools/call", { name: "get_ticket" }))).toBeNull();
    expect(check(headers("prompts/get", "p"), modern("prompts/get", { name: "p" }))).toBeNull();
    expect(
      check(headers("resources/read", "ticket://a/1"), modern("resources/read", { uri: "ticket://a/1" })),
    ).toBeNull();
    expect(check(headers("resources/subscribe", "t://a"), modern("resources/subscribe", { uri: "t://a" }))).toBeNull();
    expect(check(headers("tools/list"), modern("tools/list"))).toBeNull();
    expect(check(headers("server/discover"), modern("server/discover"))).toBeNull();
    expect(check(headers("tasks/get", "task-1"), modern("tasks/get", { taskId: "task-1" }))).toBeNull();
  });

  it.each<[string, McpHeaders, McpMessage, string]>([
    ["no method", headers(null), modern("tools/list"), "Mcp-Method is missing"],
    ["an empty method", headers(""), modern("tools/list"), "Mcp-Method is not the method of the body"],
    [
      "another method",
      headers("tools/list"),
      modern("tools/call", { name: "a" }),
      "Mcp-Method is not the method of the body",
    ],
    ["another case", headers("Tools/list"), modern("tools/list"), "Mcp-Method is not the method of the body"],
    ["an encoded method", headers("=?base64?cGluZw==?="), modern("ping"), "Mcp-Method is not the method of the body"],
    ["no name", headers("tools/call"), modern("tools/call", { name: "a" }), "Mcp-Name is missing"],
    [
      "another name",
      headers("tools/call", "b"),
      modern("tools/call", { name: "a" }),
      "Mcp-Name is not `params.name` of the body",
    ],
    [
      "a name in another case",
      headers("tools/call", "A"),
      modern("tools/call", { name: "a" }),
      "Mcp-Name is not `params.name` of the body",
    ],
    [
      "a name and none in the body",
      headers("tools/call", "a"),
      modern("tools/call"),
      "Mcp-Name is not `params.name` of the body",
    ],
    [
      "the name for a URI",
      headers("resources/read", "a"),
      modern("resources/read", { name: "a", uri: "t://b" }),
      "Mcp-Name is not `params.uri` of the body",
    ],
    [
      "a name on a list",
      headers("tools/list", "a"),
      modern("tools/list", { name: "a" }),
      "Mcp-Name on a method that names nothing",
    ],
    [
      "no version in _meta",
      headers("ping"),
      message(request("ping"), "2026-07-28"),
      "`_meta` does not name the protocol version",
    ],
    [
      "another version in _meta",
      headers("ping"),
      message(
        request("ping", { _meta: { ...META, "io.modelcontextprotocol/protocolVersion": "2025-11-25" } }),
        "2026-07-28",
      ),
      "`_meta` names another protocol version than the header",
    ],
  ])("refuses %s", (_, fields, body, expected) => {
    expect(check(fields, body)).toBe(expected);
    expect(checkHeaders("2026-07-28", fields, [body])?.id).toBe(1);
  });

  it("asks for no headers on a notification, but for their truth", () => {
    const notification = message({ jsonrpc: "2.0", method: "notifications/cancelled", params: {} }, "2026-07-28");
    expect(check(headers(null), notification)).toBeNull();
    expect(check(headers("notifications/cancelled"), notification)).toBeNull();
    expect(check(headers("tools/call"), notification)).toBe("Mcp-Method is not the method of the body");
  });
});

describe("checkHeaders, names in base64", () => {
  it("decodes what the specification's examples encode", () => {
    expect(checkName("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界")).toBeNull();
    expect(checkName("=?base64?IHBhZGRlZCA=?=", " padded ")).toBeNull();
    expect(checkName("=?base64?bGluZTEKbGluZTI=?=", "line1\nline2")).toBeNull();
    expect(checkName("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?=")).toBeNull();
    expect(checkName("=?base64??=", "")).toBeNull();
  });

  it("agrees for every name, and for no other", () => {
    const codes = fc.array(fc.oneof(fc.nat(0xff), fc.nat(0xd7ff)), { maxLength: 20 });
    const name = codes.map((points) => String.fromCodePoint(...points));
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(checkName(encoded(one), one)).toBeNull();
        fc.pre(one !== other);
        expect(checkName(encoded(one), other)).not.toBeNull();
      }),
    );
  });

  it.each([
    ["=?base64?Z2V0X3RpY2tldB==?=", "spare bits or padding"],
    ["=?base64?Z2V0X3RpY2tldA?=", "no padding"],
    ["=?base64?Z2V0X3RpY2tld A==?=", "a space"],
    ["=?base64?__-_?=", "the other alphabet"],
    ["=?base64?/w==?=", "not UTF-8"],
    ["get_ticket\u00e9", "not ASCII"],
    ["get_ticket\u0000", "a control character"],
  ])("refuses %s (%s)", (value) => {
    expect(checkName(value, "get_ticket")).toBe("Mcp-Name is not encoded as it should be");
  });

  it.each(["=?BASE64?Z2V0?=", "=?base64?Z2V0", "Z2V0?="])("takes %s as it is", (value) => {
    expect(checkName(value, value)).toBeNull();
    expect(checkName(value, "get")).not.toBeNull();
  });
});

describe("checkHeaders, older revisions", () => {
  const older = PROTOCOL_VERSIONS.filter((version) => version !== "2026-07-28");
  const call = message(request("tools/call", { name: "a" }));

  it.each(older)("%s: headers may be left out, and agree where they are there", (version) => {
    const checkOlder = (fields: McpHeaders, body: McpMessage = call) => detail(checkHeaders(version, fields, [body]));
    expect(checkOlder(headers(null))).toBeNull();
    expect(checkOlder(headers("tools/call", "a"))).toBeNull();
    expect(checkOlder(headers("tools/list"))).toBe("Mcp-Method is not the method of the body");
    expect(checkOlder(headers(null, "b"))).toBe("Mcp-Name is not `params.name` of the body");
    expect(checkOlder(headers(null), modern("ping"))).toBe("`_meta` names another protocol version than the header");
    expect(checkOlder(headers("ping"), { kind: "response", id: 1 })).toBe("Mcp-Method or Mcp-Name on an answer");
    expect(checkOlder(headers(null), { kind: "response", id: 1 })).toBeNull();
  });

  it("holds the headers against every message of a batch, and names the one that differs", () => {
    const batch = [call, message(request("tools/call", { name: "b" }, 2))];
    expect(checkHeaders("2025-03-26", headers("tools/call"), batch)).toBeNull();
    expect(checkHeaders("2025-03-26", headers("tools/call", "a"), batch)).toMatchObject({ id: 2 });
  });
});
