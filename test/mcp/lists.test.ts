import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ANONYMOUS } from "../../src/core/principal.ts";
import { compareTools } from "../../src/mcp/compare.ts";
import { decideMessage } from "../../src/mcp/decide.ts";
import { mayList } from "../../src/mcp/may-list.ts";
import { checkOrigin } from "../../src/mcp/origin.ts";
import type { McpRules } from "../../src/policy/types.ts";
import { keyHolder } from "../policy/rules.ts";
import { call, DEMO_MCP, mcpRulesOf } from "./rules.ts";

const OWN = `    mcp:
      tools:
        report_admin: { scopes: [users:write], portal: unrestricted }
        "report_*": { scopes: [tickets:read], portal: upstream }
        get_ticket: { scopes: [tickets:read], portal: argument:portal_id }
        gone: { scopes: [tickets:read], portal: upstream }
        "void_*": { scopes: [tickets:read], portal: upstream }
      prompts:
        ask: { scopes: [tickets:write], portal: upstream }
      resources:
        "ticket://{portal}/{id}": { scopes: [tickets:read], portal: uri:portal }
        "config://desk": { scopes: [portals:read], portal: unrestricted }
      origins: ["https://app.example.com", "http://localhost:3000/"]
`;

let demo: McpRules;
let own: McpRules;

beforeAll(async () => {
  [demo, own] = await Promise.all([mcpRulesOf(DEMO_MCP), mcpRulesOf(OWN)]);
});

describe("mayList", () => {
  const reader = keyHolder(["tickets:read"], "acme");

  it("shows what a rule names and the caller's scopes cover", () => {
    const listed = [...demo.tools.exact.keys()].filter((name) => mayList(demo, reader, "tool", name));
    expect(listed).toEqual(["list_tickets", "get_ticket"]);
    expect(mayList(demo, reader, "tool", "drop_tables")).toBe(false);
    expect(mayList(demo, reader, "prompt", "summarize_ticket")).toBe(true);
    expect(mayList(own, reader, "prompt", "ask")).toBe(false);
    expect(mayList(own, reader, "tool", "report_x")).toBe(true);
    expect(mayList(own, keyHolder(["tickets:*", "users:*"]), "tool", "report_Admin")).toBe(false);
    expect(mayList(demo, ANONYMOUS, "tool", "list_tickets")).toBe(false);
  });

  it("hides what the portal restriction could never pass", () => {
    const admin = ["users:write", "portals:read", "tickets:read"];
    expect(mayList(own, keyHolder(admin), "tool", "report_admin")).toBe(true);
    expect(mayList(own, keyHolder(admin, "acme"), "tool", "report_admin")).toBe(false);
    expect(mayList(own, keyHolder(admin, "acme"), "resource", "ticket://acme/1")).toBe(true);
    expect(mayList(own, keyHolder(admin, "acme"), "resource", "ticket://globex/1")).toBe(false);
    expect(mayList(own, keyHolder(admin), "resource", "ticket://globex/1")).toBe(true);
    expect(mayList(own, keyHolder(admin, "acme"), "resource", "config://desk")).toBe(false);
    expect(mayList(own, keyHolder(admin), "resource", "config://desk")).toBe(true);
    expect(mayList(own, keyHolder(admin), "resource", "ticket://acme/../1")).toBe(false);
    expect(mayList(own, keyHolder(admin, "acme"), "resource_template", "ticket://{portal}/{id}")).toBe(true);
    expect(mayList(own, keyHolder(admin), "resource_template", "ticket://{portal}")).toBe(false);
    expect(mayList(own, keyHolder(["users:write"]), "resource_template", "ticket://{portal}/{id}")).toBe(false);
  });

  it("shows a tool exactly where some call of it is allowed", () => {
    const scope = fc.constantFrom("tickets:read", "tickets:write", "workflows:*", "portals:read", "users:write");
    const name = fc.constantFrom("get_ticket", "run_workflow", "list_portals", "invite_user", "nothing");
    const portal = fc.constantFrom(null, "acme", "globex");
    fc.assert(
      fc.property(fc.array(scope), portal, name, (scopes, restriction, tool) => {
        const principal = keyHolder(scopes, restriction);
        const calls = ["acme", "globex"].map((portal_id) => decideMessage(demo, principal, call(tool, { portal_id })));
        expect(mayList(demo, principal, "tool", tool)).toBe(calls.some(({ decision }) => decision.allow));
      }),
    );
  });
});

describe("compareTools", () => {
  it("names tools without a rule and rules without a tool", () => {
    expect(compareTools(own, ["get_ticket", "drop", "report_x", "report_Admin", "drop"])).toEqual({
      without_rule: ["drop", "report_Admin"],
      without_tool: ["report_admin", "gone", "void_*"],
    });
  });

  it("finds nothing where both agree", () => {
    expect(compareTools(demo, [...demo.tools.exact.keys()])).toEqual({ without_rule: [], without_tool: [] });
  });
});

const check = (...raw: readonly string[]) => checkOrigin(own, raw)?.reason ?? null;

describe("checkOrigin", () => {
  it("passes a request without Origin, and one whose Origin is listed", () => {
    expect(check("Host", "a", "Accept", "b")).toBeNull();
    expect(check("Origin", "https://app.example.com")).toBeNull();
    expect(check("ORIGIN", "http://localhost:3000")).toBeNull();
  });

  it.each([
    "null",
    "",
    "https://app.example.com/",
    "https://APP.example.com",
    "https://app.example.com.evil",
    "http://localhost",
  ])("refuses the Origin '%s'", (origin) => {
    expect(check("Origin", origin)).toBe("origin_forbidden");
  });

  it("refuses two, and every one where none is listed", () => {
    expect(check("Origin", "https://app.example.com", "origin", "https://app.example.com")).toBe("origin_forbidden");
    expect(checkOrigin(demo, ["Origin", "https://app.example.com"])?.reason).toBe("origin_forbidden");
  });
});
