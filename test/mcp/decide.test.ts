import { beforeAll, describe, expect, it } from "vitest";
import { ANONYMOUS, type Principal } from "../../src/core/principal.ts";
import { decideBatch, decideMessage } from "../../src/mcp/decide.ts";
import type { JsonObject, McpMessage } from "../../src/mcp/message.ts";
import type { McpRules } from "../../src/policy/types.ts";
import { keyHolder } from "../policy/rules.ts";
import { call, DEMO_MCP, mcpRulesOf, message, request } from "./rules.ts";

const OWN = `    mcp:
      tools:
        report_admin: { scopes: [users:write], portal: unrestricted }
        "report_*": { scopes: [tickets:read], portal: upstream }
        "report_Sales_*": { scopes: [portals:read], portal: upstream }
        deep: { scopes: [tickets:read], portal: "argument:/where/0/portal" }
        global: { scopes: [tickets:read, portals:read], portal: unrestricted }
      prompts:
        "ask_*": { scopes: [tickets:read], portal: argument:portal }
        free: { scopes: [tickets:read], portal: unrestricted }
      resources:
        "ticket://{portal}/{id}": { scopes: [tickets:read], portal: uri:portal }
        "ticket://acme/readme": { scopes: [portals:read], portal: upstream }
        "https://desk.example/{portal}/users.json": { scopes: [users:read], portal: uri:portal }
        "config://desk": { scopes: [portals:read], portal: unrestricted }
      methods:
        logging/setLevel: { scopes: [portals:write], portal: unrestricted }
        tasks/get: { scopes: [tickets:read], portal: argument:portal_id }
        notifications/cancelled: { scopes: [tickets:write], portal: upstream }
`;

let demo: McpRules;
let own: McpRules;

beforeAll(async () => {
  [demo, own] = await Promise.all([mcpRulesOf(DEMO_MCP), mcpRulesOf(OWN)]);
});

const ALL = ["tickets:*", "workflows:*", "portals:*", "users:*"];
const everything = keyHolder(ALL);
const acme = keyHolder(ALL, "acme");

/** `allow`, with the portal where one is named, or the reason. */
function verdict(rules: McpRules, principal: Principal, asked: McpMessage): string {
  const { decision } = decideMessage(rules, principal, asked);
  if (!decision.allow) return decision.reason;
  return decision.portal === null ? "allow" : `allow ${decision.portal}`;
}

const ask = (method: string, params?: unknown): McpMessage => message(request(method, params), "2026-07-28");

const covers = (scope: string, need: string): boolean =>
  scope === need || scope === `${need.slice(0, need.indexOf(":"))}:*`;

const complete = (ref: unknown, argument: unknown, context?: unknown) =>
  ask("completion/complete", {
    ref,
    argument,
    ...(context === undefined ? {} : { context: { arguments: context } }),
  });

const listen = (...uris: readonly string[]) =>
  ask("subscriptions/listen", { notifications: { toolsListChanged: true, resourceSubscriptions: uris } });

describe("every demo tool, by scopes and portals", () => {
  const tools: readonly (readonly [tool: string, scope: string])[] = [
    ["list_tickets", "tickets:read"],
    ["get_ticket", "tickets:read"],
    ["create_ticket", "tickets:write"],
    ["update_ticket", "tickets:write"],
    ["add_comment", "tickets:write"],
    ["list_workflows", "workflows:read"],
    ["run_workflow", "workflows:run"],
    ["list_portals", "portals:read"],
    ["get_portal", "portals:read"],
    ["update_portal", "portals:write"],
    ["list_users", "users:read"],
    ["invite_user", "users:write"],
  ];
  const scopes = ["tickets:read", "tickets:write", "workflows:read", "workflows:run", "workflows:*"];
  const held = [...scopes, "portals:read", "portals:write", "users:read", "users:write"];
  const restrictions = [null, "acme", "globex"];

  it.each(tools)("%s needs %s and the caller's own portal", (tool, need) => {
    for (const scope of held) {
      for (const restriction of restrictions) {
        for (const portal of ["acme", "globex", undefined]) {
          const principal = keyHolder([scope], restriction);
          const decided = decideMessage(demo, principal, call(tool, portal === undefined ? {} : { portal_id: portal }));
          expect(decided).toMatchObject({ needs: need, method: "tools/call", tool });
          const upstream = tool === "list_portals";
          const passes = upstream || restriction === null || restriction === portal;
          const expected = !covers(scope, need) ? "insufficient_scope" : passes ? null : "portal_forbidden";
          expect(decided.decision).toMatchObject(
            expected === null
              ? { allow: true, portal: upstream ? null : (portal ?? null) }
              : { allow: false, reason: expected },
          );
        }
      }
    }
  });

  it("lets no anonymous caller do anything", () => {
    for (const [tool] of tools) expect(verdict(demo, ANONYMOUS, call(tool))).toBe("credential_missing");
    for (const method of ["initialize", "ping", "tools/list", "nothing"]) {
      expect(verdict(demo, ANONYMOUS, ask(method))).toBe("credential_missing");
    }
  });
});

describe("tools", () => {
  it("refuses one that no rule names, and does not repeat its name", () => {
    for (const name of ["drop_tables", "Get_Ticket", "get_ticket ", "get_ticket\0", "", "toString", "__proto__", "*"]) {
      expect(decideMessage(demo, everything, call(name))).toEqual({
        decision: {
          allow: false,
          reason: "operation_forbidden",
          detail: "no rule names the tool or prompt",
          portal: null,
        },
        needs: "",
        method: "tools/call",
        tool: "other",
      });
    }
  });

  it("decides a call without an id like one with an id", () => {
    const notification = message({ jsonrpc: "2.0", method: "tools/call", params: { name: "update_ticket" } });
    expect(notification.kind).toBe("notification");
    expect(verdict(demo, keyHolder(["tickets:read"]), notification)).toBe("insufficient_scope");
  });

  it("prefers an exact name to a prefix, and the longest prefix", () => {
    const labels = ["report_admin", "report_x", "report_Sales_x", "report_"].map(
      (name) => decideMessage(own, everything, call(name)).tool,
    );
    expect(labels).toEqual(["report_admin", "report_*", "report_Sales_*", "other"]);
    expect(verdict(own, keyHolder(["tickets:read"]), call("report_x"))).toBe("allow");
    expect(verdict(own, keyHolder(["tickets:read"]), call("report_admin"))).toBe("insufficient_scope");
  });

  it("refuses a name under a prefix that a careless service takes for another rule's", () => {
    for (const name of ["report_Admin", "report_ADMIN", "report_sales_x", "report_SALES_x"]) {
      expect(verdict(own, everything, call(name))).toBe("bad_request");
    }
    for (const name of ["report_admin ", "report_\u212bx", "report_x\0", `report_${"x".repeat(128)}`, "Report_x"]) {
      expect(verdict(own, everything, call(name))).toBe("operation_forbidden");
    }
  });

  it("reads the portal by a pointer into the arguments, and sees look-alikes on the way", () => {
    expect(verdict(own, acme, call("deep", { where: [{ portal: "acme" }] }))).toBe("allow acme");
    expect(verdict(own, acme, call("deep", { where: [{ portal: "globex" }] }))).toBe("portal_forbidden");
    expect(verdict(own, acme, call("deep", { where: [] }))).toBe("portal_forbidden");
    expect(verdict(own, everything, call("deep", { where: [] }))).toBe("allow");
    expect(verdict(own, everything, call("deep", { where: [{ portal: "a" }], Where: 1 }))).toBe("ambiguous_portal");
    expect(verdict(own, everything, call("deep", { where: [{ portal: "a", Portal: "b" }] }))).toBe("ambiguous_portal");
  });

  it("keeps restricted callers from what is for unrestricted ones", () => {
    expect(verdict(own, everything, call("global"))).toBe("allow");
    expect(verdict(own, acme, call("global"))).toBe("portal_forbidden");
    expect(decideMessage(own, keyHolder(["tickets:read"]), call("global"))).toMatchObject({
      decision: { reason: "insufficient_scope" },
      needs: "tickets:read portals:read",
    });
  });
});

describe("methods", () => {
  const free = ["initialize", "ping", "server/discover", "tools/list", "resources/list", "resources/templates/list"];

  it.each([...free, "prompts/list", "logging/setLevel"])("lets every authenticated caller send %s", (method) => {
    expect(decideMessage(demo, keyHolder([], "acme"), ask(method))).toEqual({
      decision: { allow: true, portal: null },
      needs: "",
      method,
      tool: null,
    });
  });

  it("lets every notification and answer pass, under bounded labels", () => {
    const nobody = keyHolder([]);
    const labels = ["notifications/initialized", "notifications/x"].map((method) => {
      const { decision, method: label } = decideMessage(demo, nobody, message({ jsonrpc: "2.0", method }));
      expect(decision.allow).toBe(true);
      return label;
    });
    expect(labels).toEqual(["notifications/initialized", "other"]);
    const answer = decideMessage(demo, nobody, { kind: "response", id: 1 });
    expect(answer).toMatchObject({ decision: { allow: true }, method: "response", tool: null });
  });

  it("refuses a method that no rule names, also one that poses as a notification", () => {
    for (const method of [
      "tasks/get",
      "tasks/list",
      "Tools/Call",
      "tools/call/",
      "sampling/createMessage",
      "notifications/x",
    ]) {
      expect(decideMessage(demo, everything, ask(method))).toMatchObject({
        decision: { reason: "operation_forbidden", detail: "no rule names the method" },
        method: "other",
        tool: null,
      });
    }
  });

  it("goes by `methods:` before its defaults", () => {
    expect(verdict(own, keyHolder([]), ask("logging/setLevel"))).toBe("insufficient_scope");
    expect(verdict(own, acme, ask("logging/setLevel"))).toBe("portal_forbidden");
    expect(verdict(own, everything, ask("logging/setLevel"))).toBe("allow");
    expect(verdict(own, acme, ask("tasks/get", { arguments: { portal_id: "acme" } }))).toBe("allow acme");
    expect(decideMessage(own, acme, ask("tasks/get"))).toMatchObject({
      method: "tasks/get",
      tool: null,
      needs: "tickets:read",
    });
    const cancelled = message({ jsonrpc: "2.0", method: "notifications/cancelled" });
    expect(verdict(own, keyHolder([]), cancelled)).toBe("insufficient_scope");
  });
});

describe("resources and prompts", () => {
  it.each(["resources/read", "resources/subscribe", "resources/unsubscribe"])("decides %s by the URI", (method) => {
    const to = (uri: string) => ask(method, { uri });
    expect(verdict(own, acme, to("ticket://acme/1"))).toBe("allow acme");
    expect(verdict(own, acme, to("ticket://globex/1"))).toBe("portal_forbidden");
    expect(verdict(own, everything, to("ticket://globex/1"))).toBe("allow globex");
    expect(verdict(own, keyHolder([], "acme"), to("ticket://acme/1"))).toBe("insufficient_scope");
    expect(verdict(own, keyHolder(["tickets:read"]), to("ticket://acme/readme"))).toBe("insufficient_scope");
    expect(verdict(own, acme, to("https://desk.example/acme/users.json"))).toBe("allow acme");
    expect(verdict(own, acme, to("config://desk"))).toBe("portal_forbidden");
    for (const uri of [
      "ticket://acme",
      "ticket://acme/1/2",
      "ticket://acme/1?x=1",
      "config://desk/x",
      "tickets://acme/1",
    ]) {
      expect(verdict(own, everything, to(uri))).toBe("operation_forbidden");
    }
    expect(verdict(own, everything, to("ticket://Acme/1"))).toBe("allow Acme");
    expect(verdict(own, acme, to("ticket://Acme/1"))).toBe("portal_forbidden");
    expect(decideMessage(own, acme, to("ticket://acme/1"))).toMatchObject({ method, tool: "ticket://{portal}/{id}" });
  });

  it("refuses a URI of a template that a careless service takes for another rule's", async () => {
    const rules = await mcpRulesOf(`    mcp:
      resources:
        "config://admin/secret": { scopes: [users:write], portal: unrestricted }
        "config://{a}/{b}": { scopes: [tickets:read], portal: upstream }
        "desk://{a}/users": { scopes: [users:read], portal: upstream }
        "desk://{a}/{b}.json": { scopes: [tickets:read], portal: upstream }
        "mem:notes/today": { scopes: [users:read], portal: upstream }
        "mem:notes/{day}": { scopes: [tickets:read], portal: upstream }
        "q://x?view=all": { scopes: [users:read], portal: upstream }
        "q://x?view={view}": { scopes: [tickets:read], portal: upstream }
`);
    const read = (uri: string): string => verdict(rules, keyHolder(["tickets:read"]), ask("resources/read", { uri }));
    for (const uri of [
      "config://ADMIN/secret",
      "config://admin/SECRET",
      "config://admin/secret.",
      "config://admin/secret;x",
      "config://admin./secret",
      "config://admin/secret%20",
      "config://admin/secre%74",
      "config://admin/secret.json",
      "config://admin;a=1/Secret.JSON",
      "desk://acme/users.json",
      "desk://acme/Users.json",
      "mem:notes/TODAY",
      "q://x?view=ALL",
      "q://x?view=al%6C",
    ]) {
      expect([uri, read(uri)]).toEqual([uri, "bad_request"]);
    }
    for (const uri of ["config://admin/secrets", "config://admins/secret", "desk://acme/7.json", "mem:notes/Monday"]) {
      expect([uri, read(uri)]).toEqual([uri, "allow"]);
    }
    for (const uri of ["q://x?view=%FF", "q://x?view=some"]) expect([uri, read(uri)]).toEqual([uri, "allow"]);
    expect(read("config://admin/secret")).toBe("insufficient_scope");
    expect(read("desk://acme/users")).toBe("insufficient_scope");
  });

  it("decides prompts by their own table", () => {
    expect(verdict(own, acme, ask("prompts/get", { name: "ask_me", arguments: { portal: "acme" } }))).toBe(
      "allow acme",
    );
    expect(verdict(own, acme, ask("prompts/get", { name: "ask_me" }))).toBe("portal_forbidden");
    expect(verdict(own, acme, ask("prompts/get", { name: "free" }))).toBe("portal_forbidden");
    expect(verdict(own, everything, ask("prompts/get", { name: "global" }))).toBe("operation_forbidden");
  });
});

/** Asks to complete the id of a URI, with another portal in the context. */
const at = (uri: string) => complete({ type: "ref/resource", uri }, { name: "id", value: "1" }, { portal: "globex" });

describe("completion/complete", () => {
  const prompt = { type: "ref/prompt", name: "ask_me" };
  const template = { type: "ref/resource", uri: "ticket://{portal}/{id}" };
  const id = { name: "id", value: "1" };

  it("goes by the rule of the prompt or template, with the portal of the context", () => {
    expect(verdict(own, acme, complete(prompt, id, { portal: "acme" }))).toBe("allow acme");
    expect(verdict(own, acme, complete(prompt, id, { portal: "globex" }))).toBe("portal_forbidden");
    expect(verdict(own, acme, complete(prompt, id))).toBe("portal_forbidden");
    expect(verdict(own, everything, complete(prompt, id))).toBe("allow");
    expect(verdict(own, acme, complete(template, id, { portal: "acme" }))).toBe("allow acme");
    expect(verdict(own, acme, complete(template, id))).toBe("portal_forbidden");
    expect(verdict(own, keyHolder([]), complete(template, id))).toBe("insufficient_scope");
  });

  it("takes the portal that is being completed for the one that is named", () => {
    expect(verdict(own, acme, complete(prompt, { name: "portal", value: "acme" }))).toBe("allow acme");
    expect(verdict(own, acme, complete(prompt, { name: "portal", value: "glo" }))).toBe("portal_forbidden");
    expect(verdict(own, acme, complete(prompt, { name: "Portal", value: "glo" }))).toBe("portal_forbidden");
    expect(verdict(own, acme, complete(prompt, { name: "portal", value: "g" }, { portal: "acme" }))).toBe(
      "ambiguous_portal",
    );
  });

  it("refuses a URI that is neither a template nor a literal of the rules", () => {
    for (const uri of ["ticket://acme/1", "ticket://globex/1", "ticket://acme/README", "nothing://x", ""]) {
      expect(verdict(own, everything, at(uri))).toBe("bad_request");
    }
    expect(verdict(own, everything, at("config://desk"))).toBe("allow");
    expect(verdict(own, acme, at("config://desk"))).toBe("portal_forbidden");
    expect(verdict(own, keyHolder(["tickets:read"]), at("ticket://acme/readme"))).toBe("insufficient_scope");
  });

  it("refuses references that no rule names, or that are none", () => {
    expect(verdict(own, everything, complete({ type: "ref/prompt", name: "x" }, id))).toBe("operation_forbidden");
    expect(verdict(own, everything, complete({ type: "ref/resource", uri: "ticket://{p}/{id}" }, id))).toBe(
      "operation_forbidden",
    );
    expect(verdict(own, everything, complete({ type: "ref/tool", name: "global" }, id))).toBe("bad_request");
    expect(verdict(own, everything, complete(prompt, "id"))).toBe("bad_request");
  });
});

/** The verdict for the unrestricted caller on a message that was not read from bytes. */
function listened(notifications: JsonObject): string {
  const params = { notifications };
  return verdict(own, everything, { kind: "request", id: 1, method: "subscriptions/listen", params });
}

describe("subscriptions/listen", () => {
  it("is free for changed lists, and decided by each URI that is listened to", () => {
    expect(
      verdict(own, keyHolder([]), ask("subscriptions/listen", { notifications: { toolsListChanged: true } })),
    ).toBe("allow");
    expect(verdict(own, acme, listen("ticket://acme/1", "ticket://acme/2"))).toBe("allow acme");
    expect(verdict(own, acme, listen("ticket://acme/1", "ticket://globex/2"))).toBe("portal_forbidden");
    expect(verdict(own, everything, listen("ticket://acme/1", "ticket://globex/2"))).toBe("allow acme globex");
    expect(verdict(own, everything, listen("ticket://acme/1", "nothing://x"))).toBe("operation_forbidden");
    expect(verdict(own, everything, listen("ticket://acme/1", "ticket://acme/../x"))).toBe("bad_request");
  });

  it("names the scopes of all of them", () => {
    const decided = decideMessage(own, keyHolder(["tickets:read"]), listen("ticket://acme/1", "config://desk"));
    expect(decided).toMatchObject({ decision: { reason: "insufficient_scope" }, needs: "tickets:read portals:read" });
  });

  it("has the label `other` where the URIs are of several rules", () => {
    const labels = [
      listen("ticket://acme/1", "ticket://acme/2"),
      listen("ticket://acme/1", "config://desk"),
      listen(),
    ].map((asked) => decideMessage(own, everything, asked).tool);
    expect(labels).toEqual(["ticket://{portal}/{id}", "other", null]);
  });

  it("refuses keys that are not known, and notice of changed lists that is not a boolean", () => {
    const known = { toolsListChanged: true, promptsListChanged: false, resourcesListChanged: true };
    expect(listened({ ...known, resourceSubscriptions: ["ticket://acme/1"] })).toBe("allow acme");
    for (const key of ["resource_subscriptions", "taskIds", "ToolsListChanged", "__proto__x", ""]) {
      expect(listened({ ...known, [key]: ["ticket://globex/1"] })).toBe("bad_request");
    }
    expect(listened({ toolsListChanged: ["ticket://globex/1"] })).toBe("bad_request");
  });
});

describe("decideBatch", () => {
  const get = call("get_ticket", { portal_id: "acme" });
  const update = call("update_ticket", { portal_id: "globex" });

  it("is the message's own decision where there is one", () => {
    expect(decideBatch(demo, acme, [get])).toEqual({ ...decideMessage(demo, acme, get), refused: null });
    expect(decideBatch(demo, acme, [update])).toEqual({ ...decideMessage(demo, acme, update), refused: 0 });
  });

  it("refuses all where one is refused, and names the scopes of all", () => {
    const reader = keyHolder(["tickets:read"]);
    expect(decideBatch(demo, reader, [get, message(request("ping")), update])).toEqual({
      decision: { allow: false, reason: "insufficient_scope", detail: null, portal: null },
      needs: "tickets:read tickets:write",
      method: "tools/call",
      tool: "update_ticket",
      refused: 2,
    });
    expect(decideBatch(demo, acme, [get, update])).toMatchObject({
      decision: { reason: "portal_forbidden" },
      refused: 1,
    });
  });

  it("allows what is allowed one by one, with all portals named", () => {
    expect(decideBatch(demo, everything, [get, update, message(request("ping"))])).toEqual({
      decision: { allow: true, portal: "acme globex" },
      needs: "tickets:read tickets:write",
      method: "batch",
      tool: "other",
      refused: null,
    });
    expect(decideBatch(demo, everything, [get, get])).toMatchObject({ method: "tools/call", tool: "get_ticket" });
  });

  it("refuses a body without messages", () => {
    expect(decideBatch(demo, everything, [])).toMatchObject({ decision: { reason: "bad_request" } });
  });
});
