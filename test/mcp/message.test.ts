import { describe, expect, it } from "vitest";
import { readMessages } from "../../src/mcp/message.ts";
import { bytes, PROTOCOL_VERSIONS, request } from "./rules.ts";

const CALL = request("tools/call", { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1" } }, 7);

describe("readMessages", () => {
  it.each(PROTOCOL_VERSIONS)("reads a request of revision %s", (version) => {
    expect(readMessages(bytes(CALL), version)).toEqual({
      ok: true,
      batch: false,
      messages: [
        {
          kind: "request",
          id: 7,
          method: "tools/call",
          params: { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1" } },
        },
      ],
    });
  });

  it("reads a notification, and an answer to the server", () => {
    const notification = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect(readMessages(bytes(notification), "2025-11-25")).toMatchObject({
      messages: [{ kind: "notification", method: "notifications/initialized", params: null }],
    });
    const results = [
      { jsonrpc: "2.0", id: "s-1", result: { roots: [] } },
      { jsonrpc: "2.0", id: "s-1", error: { code: -1, message: "no" } },
    ];
    for (const result of results) {
      expect(readMessages(bytes(result), "2025-11-25")).toMatchObject({ messages: [{ kind: "response", id: "s-1" }] });
      expect(readMessages(bytes(result), "2026-07-28")).toMatchObject({ ok: false, rpcCode: -32600, id: "s-1" });
    }
  });

  it("reads escaped names as what they say", () => {
    const body = String.raw`{"jsonrpc":"2.0","id":1,"m\u0065thod":"tools\/call","params":{"n\u0061me":"get\u005fticket"}}`;
    expect(readMessages(Buffer.from(body), "2025-11-25")).toMatchObject({
      messages: [{ method: "tools/call", params: { name: "get_ticket" } }],
    });
  });

  it("leaves keys alone that are no look-alikes, at any depth", () => {
    const params = {
      name: "get_ticket",
      task: { ttl: 1 },
      inputResponses: {},
      requestState: "x",
      _meta: { progressToken: 1, "io.modelcontextprotocol/clientInfo": { Name: "x" } },
      arguments: { Name: "a", URI: "b", Method: "c", " padded ": 1, "": 2 },
    };
    expect(readMessages(bytes(request("tools/call", params)), "2025-11-25")).toMatchObject({ ok: true });
  });

  it("reads a batch in revision 2025-03-26 only", () => {
    const batch = bytes([CALL, request("ping", undefined, "a"), { jsonrpc: "2.0", method: "notifications/cancelled" }]);
    const reading = readMessages(batch, "2025-03-26");
    expect(reading).toMatchObject({ ok: true, batch: true });
    expect(reading.ok && reading.messages.map(({ kind }) => kind)).toEqual(["request", "request", "notification"]);
    for (const version of PROTOCOL_VERSIONS.filter((each) => each !== "2025-03-26")) {
      expect(readMessages(batch, version)).toMatchObject({ ok: false, rpcCode: -32600, id: null });
    }
    const hundred = Array.from({ length: 100 }, (_, id) => request("ping", undefined, id));
    expect(readMessages(bytes(hundred), "2025-03-26")).toMatchObject({ ok: true });
  });

  it("names the request's id in a problem where it has one, and the kind of the problem", () => {
    expect(readMessages(bytes({ ...CALL, extra: 1 }), "2025-11-25")).toMatchObject({ id: 7, rpcCode: -32600 });
    expect(readMessages(bytes({ ...CALL, id: "x", params: [] }), "2025-11-25")).toMatchObject({ id: "x" });
    expect(readMessages(bytes({ ...CALL, id: 1.5 }), "2025-11-25")).toMatchObject({ id: null, rpcCode: -32600 });
    expect(readMessages(Buffer.from('{"id":7'), "2025-11-25")).toMatchObject({ id: null, rpcCode: -32700 });
  });

  it("quotes nothing of the body in a problem", () => {
    const reading = readMessages(bytes({ ...CALL, hunter2: 1 }), "2025-11-25");
    expect(reading.ok || reading.detail).not.toContain("hunter2");
  });
});
