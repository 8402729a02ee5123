import { beforeAll, describe, expect, it } from "vitest";
import { codeOf } from "../../src/core/decision.ts";
import { ERRORS } from "../../src/core/errors.ts";
import { decideBatch } from "../../src/mcp/decide.ts";
import { readMessages } from "../../src/mcp/message.ts";
import type { McpRules } from "../../src/policy/types.ts";
import { keyHolder } from "../policy/rules.ts";
import { CORPUS } from "./corpus.ts";
import { bytes, DEMO_MCP, mcpRulesOf, type ProtocolVersion, request } from "./rules.ts";

let rules: McpRules;
/** Holds everything: what is refused is refused for what it is. */
const manager = keyHolder(["tickets:*", "workflows:*", "portals:*", "users:*"]);

beforeAll(async () => {
  rules = await mcpRulesOf(DEMO_MCP);
});

/** 200 where the body would be forwarded. */
function statusOf(body: Uint8Array, version: ProtocolVersion): number {
  const reading = readMessages(body, version);
  if (!reading.ok) return 400;
  const { decision } = decideBatch(rules, manager, reading.messages);
  return decision.allow ? 200 : ERRORS[codeOf(decision.reason)].status;
}

describe("the corpus of malformed and ambiguous bodies", () => {
  it("has some 200, each with a name of its own", () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(200);
    expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
  });

  it("is refused for its oddities: the plain call that it varies is allowed", () => {
    const plain = { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } };
    expect(statusOf(bytes(request("tools/call", plain)), "2025-06-18")).toBe(200);
    expect(statusOf(bytes(request("resources/read", { uri: "ticket://acme/1001" })), "2025-06-18")).toBe(200);
    expect(statusOf(bytes([request("tools/call", plain)]), "2025-03-26")).toBe(200);
  });

  it.each(CORPUS)("refuses $name", ({ body, version }) => {
    expect(statusOf(body, version)).toBe(400);
  });
});
