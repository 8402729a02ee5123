import { beforeAll, describe, expect, it } from "vitest";
import { ANONYMOUS } from "../../src/core/principal.ts";
import { explainMessage } from "../../src/mcp/explain.ts";
import { explain, type ExplainInput } from "../../src/policy/explain.ts";
import type { Policy } from "../../src/policy/types.ts";
import { keyHolder, policyOf } from "../policy/rules.ts";
import { bytes, DEMO_MCP, mcpText, request } from "./rules.ts";

let policy: Policy;
const acme = keyHolder(["tickets:read"], "acme");

beforeAll(async () => {
  policy = await policyOf(mcpText(DEMO_MCP));
});

function run(body: unknown, rest: Partial<ExplainInput> = {}) {
  const input = { method: "POST", target: "/mcp", headers: [], principal: acme, ...rest };
  const told = explain(policy, { body: body === null ? null : bytes(body), ...input }, explainMessage);
  return { ...told, names: told.steps.map(({ step, ok }) => `${step}${ok ? "" : "!"}`).join(" ") };
}

const get = (portal_id: string) => request("tools/call", { name: "get_ticket", arguments: { portal_id } });

describe("explain on an MCP route", () => {
  it("shows the message, its rule with its line, scopes and portal", () => {
    const { steps, names, verdict } = run(get("acme"));
    expect(names).toBe("target match credential message rule scopes portal verdict");
    expect(steps.slice(3, 7)).toMatchObject([
      { text: "one request, read by revision 2025-03-26" },
      { text: "tools/call: get_ticket", source: { line: 11, column: 9 } },
      { text: "needs tickets:read; held: tickets:read", source: { line: 11 } },
      { text: "read from argument:portal_id; named is acme", source: { line: 11 } },
    ]);
    expect(verdict).toMatchObject({ allow: true, portal: "acme" });
  });

  const READ = { uri: "ticket://globex/1" };
  const PROTOCOL = "MCP-Protocol-Version";
  it.each<[string, unknown, Partial<ExplainInput>, string, string]>([
    ["another portal", get("globex"), {}, "message rule scopes portal!", "portal_forbidden"],
    [
      "another portal's resource",
      request("resources/read", READ),
      {},
      "message rule scopes portal!",
      "portal_forbidden",
    ],
    [
      "a scope that is missing",
      request("tools/call", { name: "add_comment" }),
      {},
      "message rule scopes!",
      "insufficient_scope",
    ],
    ["a tool without a rule", request("tools/call", { name: "x" }), {}, "message rule!", "operation_forbidden"],
    ["a method without a rule", request("tasks/list"), {}, "message rule!", "operation_forbidden"],
    ["a body that is no message", { a: 1 }, {}, "message!", "bad_request"],
    ["no body", null, {}, "message!", "bad_request"],
    ["an unknown revision", get("acme"), { headers: [[PROTOCOL, "1"]] }, "message!", "bad_request"],
    ["a header that differs", get("acme"), { headers: [["Mcp-Name", "x"]] }, "message!", "bad_request"],
    [
      "a header twice",
      get("acme"),
      {
        headers: [
          ["Mcp-Name", "x"],
          ["mcp-name", "x"],
        ],
      },
      "message!",
      "bad_request",
    ],
    [
      "a page of elsewhere",
      get("acme"),
      { headers: [["Origin", "https://e.example"]] },
      "message!",
      "origin_forbidden",
    ],
    [
      "a batch with one refused",
      [get("acme"), request("tasks/list", {}, 2)],
      {},
      "message rule scopes portal rule!",
      "operation_forbidden",
    ],
  ])("stops at %s", (_, body, rest, steps, reason) => {
    const { names, verdict } = run(body, rest);
    expect(names).toBe(`target match credential ${steps} verdict!`);
    expect(verdict).toMatchObject({ allow: false, reason });
  });

  it("allows what needs no rule", () => {
    expect(run(request("tools/list")).names).toBe("target match credential message rule verdict");
    expect(run(null, { method: "GET" }).names).toBe("target match credential message verdict");
    expect(run(null, { method: "PUT" }).verdict).toMatchObject({ allow: false, code: "method_not_allowed" });
  });

  it("asks for a credential", () => {
    expect(run(get("acme"), { principal: { problem: "credential_missing" } }).names).toBe(
      "target match credential! verdict!",
    );
    expect(run(get("acme"), { principal: ANONYMOUS }).verdict).toMatchObject({ reason: "credential_missing" });
  });

  it("refuses where nobody can explain messages", () => {
    const input = { method: "POST", target: "/mcp", headers: [], body: bytes(get("acme")), principal: acme };
    expect(explain(policy, input).verdict).toMatchObject({ allow: false, reason: "operation_forbidden" });
  });
});
