import { describe, expect, test } from "vitest";
import { exampleFor, exampleMessage, namePortal } from "../../src/policy/request-example.ts";
import { explain } from "../../src/policy/explain.ts";
import { keyHolder, policyOf, rulesText } from "./rules.ts";

const DESK = "upstream: desk";
const PORTALS = "portals:\n  - { id: acme, name: Acme Inc }\n  - { id: globex, name: Globex }\n";

async function policyWith(...routes: readonly string[]) {
  return policyOf(rulesText(...routes.map((route) => `{ ${route}, ${DESK} }`)) + PORTALS);
}

/** What a holder of the scopes is shown, with the rules themselves as the judge. */
async function shown(routes: readonly string[], scopes: readonly string[], portal: string | null = null) {
  const policy = await policyWith(...routes);
  const principal = keyHolder(scopes, portal);
  const example = exampleFor(policy, principal, (request) => {
    return explain(policy, { ...request, body: null, principal }).verdict.allow;
  });
  if (example?.kind !== "ready") return example;
  const { headers, target } = example.request;
  return [target, ...headers.map(([name, value]) => `${name}: ${value}`)].join(" ");
}

const GET = (id: string, path: string, portal: string, scope = "tickets:read") =>
  `id: ${id}, match: { methods: [GET], path: "${path}" }, scopes: ["${scope}"], portal: "${portal}"`;

describe("what a key is shown to be tried at", () => {
  test("is a whole path before one with the portal in it, and that before one that goes on", async () => {
    const open = GET("c", "/p/:portal/t/*", "path:portal");
    const named = GET("b", "/p/:portal/t/all/of/them", "path:portal");
    const whole = GET("a", "/search", "query:portal_id");
    expect(await shown([open, named, whole], ["tickets:read"])).toBe("/search");
    expect(await shown([open, named], ["tickets:read"])).toBe("/p/acme/t/all/of/them");
    expect(await shown([open], ["tickets:read"])).toBe("/p/acme/t");
  });

  test.each([
    ["path:portal", "/p/:portal", "/p/globex"],
    ["query:portal_id", "/s", "/s?portal_id=globex"],
    ["header:X-Portal", "/s", "/s x-portal: globex"],
    ["host:desk.example.com", "/s", "/s Host: globex.desk.example.com"],
    ["upstream", "/s", "/s"],
  ])("names the portal of a restricted key where %s reads it", async (portal, path, request) => {
    expect(await shown([GET("a", path, portal)], ["tickets:read"], "globex")).toBe(request);
  });

  test("is of no rule that is not open to it", async () => {
    const other = GET("a", "/users", "upstream", "users:read");
    const everybody = `id: b, match: { methods: [GET], path: /status }, public: true`;
    const forAll = GET("c", "/all", "unrestricted");
    expect(await shown([other, everybody, forAll], ["tickets:read"], "acme")).toBeNull();
    expect(await shown([other, everybody, forAll], ["tickets:read"])).toBe("/all");
  });

  test("is a pattern where something is left to put in", async () => {
    const write = `id: a, match: { methods: [POST], path: "/p/:portal/t" }, scopes: ["tickets:read"], portal: "path:portal"`;
    const one = GET("b", "/t/:id", "upstream");
    expect(await shown([write, one], ["tickets:read"])).toEqual({ kind: "pattern", method: "GET", pattern: "/t/:id" });
    expect(await shown([write], ["tickets:read"])).toEqual({
      kind: "pattern",
      method: "POST",
      pattern: "/p/:portal/t",
    });
  });
});

test("a portal in a body stands where the rule reads it", async () => {
  const write = `id: a, match: { methods: [POST], path: /t }, scopes: ["tickets:write"], portal: "json:/ticket/portal"`;
  const [route] = (await policyWith(write)).routes;
  expect(namePortal(route?.portal ?? null, { method: "POST", target: "/t" }, "acme")).toEqual({
    method: "POST",
    target: "/t",
    headers: [],
    body: '{"ticket":{"portal":"acme"}}',
  });
});

test("an MCP message names what the audit tells of it", async () => {
  const tools = `get: { scopes: ["tickets:read"], portal: "argument:/where/portal" }, "report_*": { scopes: ["tickets:read"], portal: upstream }`;
  const resources = `"ticket://{portal}/{id}": { scopes: ["tickets:read"], portal: uri:portal }`;
  const policy = await policyWith(
    `id: mcp, match: { methods: [POST], path: /mcp }, mcp: { tools: { ${tools} }, resources: { ${resources} } }`,
  );
  const rules = policy.routes[0]?.mcp ?? null;
  if (rules === null) throw new Error("no MCP route");
  const message = (method: string, tool: string | null): unknown =>
    JSON.parse(exampleMessage(rules, { method, tool }, "acme"));
  const rpc = { jsonrpc: "2.0", id: 1 };
  expect(message("tools/call", "get")).toEqual({
    ...rpc,
    method: "tools/call",
    params: { name: "get", arguments: { where: { portal: "acme" } } },
  });
  expect(message("tools/call", "report_*")).toMatchObject({ params: { name: "report_example", arguments: {} } });
  expect(message("resources/read", "ticket://{portal}/{id}")).toMatchObject({ params: { uri: "ticket://acme/1" } });
  expect(message("tools/list", null)).toEqual({ ...rpc, method: "tools/list" });
  expect(message("notifications/initialized", null)).toEqual({ jsonrpc: "2.0", method: "notifications/initialized" });
});
