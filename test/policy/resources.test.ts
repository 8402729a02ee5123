import { expect, test } from "vitest";
import { protectedResources } from "../../src/policy/resources.ts";
import { policyOf, rulesText } from "./rules.ts";

const mcp = (path: string, id: string, scope: string, rest = "") =>
  `{ id: ${id}, match: { path: ${path} }, upstream: desk, mcp: { tools: { t: { scopes: [${scope}], portal: upstream } }${rest} } }`;

test("are the whole origin and each MCP route with one path, with every scope that their rules name", async () => {
  const everything =
    ", prompts: { p: { scopes: [users:read], portal: upstream } }" +
    ", resources: { 'a://b': { scopes: [tickets:write], portal: upstream }, 'a://{id}': { scopes: ['workflows:*'], portal: upstream } }" +
    ", methods: { logging/setLevel: { scopes: [users:write], portal: unrestricted } }";
  const policy = await policyOf(
    rulesText(
      "{ id: api, match: { methods: [GET], path: /api/* }, upstream: desk, scopes: [workflows:run, tickets:read], portal: upstream }",
      "{ id: open, match: { path: /open }, upstream: desk, public: true }",
      mcp("/mcp", "desk.mcp", "tickets:read", everything),
      mcp("/other/mcp", "other.mcp", "'workflows:*'"),
      mcp("/p/:portal/mcp", "by.portal", "workflows:read"),
      mcp("/m/*", "below", "workflows:read"),
    ),
  );
  expect(protectedResources(policy)).toEqual([
    {
      path: "",
      name: "All services",
      scopes: [
        "tickets:read",
        "tickets:write",
        "users:read",
        "users:write",
        "workflows:*",
        "workflows:read",
        "workflows:run",
      ],
    },
    {
      path: "/mcp",
      name: "desk.mcp",
      scopes: ["tickets:read", "tickets:write", "users:read", "users:write", "workflows:*"],
    },
    { path: "/other/mcp", name: "other.mcp", scopes: ["workflows:*"] },
  ]);
});

test("are one where several rules share the path, and the origin alone where an MCP route is at /", async () => {
  const policy = await policyOf(
    rulesText(
      "{ id: post, match: { methods: [POST], path: /mcp }, upstream: desk, mcp: { tools: { t: { scopes: [tickets:write], portal: upstream } } } }",
      "{ id: get, match: { methods: [GET], path: /mcp }, upstream: desk, mcp: { tools: { t: { scopes: [tickets:read], portal: upstream } } } }",
      mcp("/", "root", "users:read"),
    ),
  );
  expect(protectedResources(policy)).toEqual([
    { path: "", name: "All services", scopes: ["tickets:read", "tickets:write", "users:read"] },
    { path: "/mcp", name: "post", scopes: ["tickets:read", "tickets:write"] },
  ]);
});

test("are the origin alone where there is no rule", async () => {
  expect(protectedResources(await policyOf(rulesText()))).toEqual([{ path: "", name: "All services", scopes: [] }]);
});
