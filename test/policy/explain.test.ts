import { beforeAll, describe, expect, it } from "vitest";
import { ANONYMOUS } from "../../src/core/principal.ts";
import { explain, type ExplainInput } from "../../src/policy/explain.ts";
import type { Policy } from "../../src/policy/types.ts";
import { keyHolder, policyOf, rulesText, tokenHolder } from "./rules.ts";

let policy: Policy;

beforeAll(async () => {
  policy = await policyOf(
    rulesText(
      "{ id: tickets, match: { methods: [GET], path: /p/:portal/tickets/* }, upstream: desk, scopes: [tickets:read], portal: path:portal }",
      "{ id: create, match: { methods: [POST], path: /create }, upstream: desk, scopes: [tickets:write], portal: json:/portal }",
      "{ id: tenant, match: { path: /tenant }, upstream: desk, scopes: [tickets:read], portal: host }",
      "{ id: status, match: { methods: [GET], path: /status }, upstream: desk, public: true }",
      "{ id: mcp, match: { path: /mcp }, upstream: desk, mcp: { tools: { t: { scopes: [tickets:read], portal: upstream } } } }",
    ),
  );
});

const acme = keyHolder(["tickets:read", "tickets:write"], "acme");

function run(method: string, target: string, rest: Partial<ExplainInput> = {}) {
  const { steps, verdict } = explain(policy, { method, target, headers: [], body: null, principal: acme, ...rest });
  return { steps, verdict, names: steps.map(({ step, ok }) => `${step}${ok ? "" : "!"}`).join(" ") };
}

describe("explain", () => {
  it("walks the whole line where a request is allowed", () => {
    const { steps, verdict, names } = run("GET", "/p/acme/tickets/7?x=1");
    expect(names).toBe("target match credential scopes portal verdict");
    expect(verdict).toEqual({ allow: true, route: "tickets", portal: "acme", reason: null, code: null, status: null });
    expect(steps[1]).toMatchObject({
      text: "tickets: /p/:portal/tickets/* (GET)",
      source: { line: 5, column: 5 },
    });
    expect(steps.map(({ text }) => text).join("\n")).toContain("the request names portal acme");
  });

  it.each([
    ["GET", "/p/../x", "target! verdict!", 400, "bad_request"],
    ["GET", "/nothing", "target match! verdict!", 404, "no_route"],
    ["PUT", "/p/acme/tickets", "target match! verdict!", 405, "method_not_allowed"],
    ["GET", "/p/acme/tickets;x", "target match! verdict!", 404, "no_route"],
    ["GET", "/p/acme/tickets/a;x", "target match! verdict!", 400, "bad_request"],
    ["GET", "/p/globex/tickets", "target match credential scopes portal! verdict!", 403, "portal_forbidden"],
    ["GET", "/p/a@b/tickets", "target match credential scopes portal! verdict!", 400, "bad_request"],
  ])("%s %s stops at %s", (method, target, steps, status, code) => {
    const { verdict, names } = run(method, target);
    expect(names).toBe(steps);
    expect(verdict).toMatchObject({ allow: false, status, code });
  });

  it("names the nearest rule where none matches", () => {
    const { steps } = run("GET", "/p/acme/ticket/7");
    expect(steps[1]).toMatchObject({
      text: "no rule matches the path; the nearest is tickets: /p/:portal/tickets/*",
      source: { line: 5 },
    });
    expect(run("GET", "/Status").steps[1]?.text).toContain("the nearest is status");
    expect(run("DELETE", "/create").steps[1]).toMatchObject({
      text: expect.stringContaining("served are POST"),
      source: { line: 6 },
    });
  });

  it("tells a missing credential from one that is not valid, and hides why from the caller", () => {
    expect(run("GET", "/tenant", { principal: { problem: "credential_missing" } })).toMatchObject({
      names: "target match credential! verdict!",
      verdict: { status: 401, code: "credential_missing", reason: "credential_missing" },
    });
    expect(run("GET", "/tenant", { principal: { problem: "credential_revoked" } }).verdict).toMatchObject({
      status: 401,
      code: "credential_invalid",
      reason: "credential_revoked",
    });
    expect(run("GET", "/tenant", { principal: ANONYMOUS })).toMatchObject({
      names: "target match credential! verdict!",
      verdict: { code: "credential_missing" },
    });
  });

  it("asks for nothing on a public rule, as the line does", () => {
    for (const principal of [ANONYMOUS, acme, { problem: "credential_missing" } as const]) {
      expect(run("GET", "/status", { principal })).toMatchObject({
        names: "target match credential verdict",
        verdict: { allow: true, route: "status" },
      });
    }
  });

  it("shows needed and held scopes", () => {
    const { steps, verdict } = run("GET", "/tenant", { principal: keyHolder(["users:read"]) });
    expect(steps[3]).toMatchObject({ step: "scopes", ok: false, text: "needs tickets:read; held: users:read" });
    expect(verdict).toMatchObject({ status: 403, code: "insufficient_scope" });
  });

  it("tells where a token is good, and that it is not good elsewhere", () => {
    const everywhere = tokenHolder("");
    expect(run("GET", "/p/acme/tickets", { principal: everywhere })).toMatchObject({
      names: "target match credential audience scopes portal verdict",
      verdict: { allow: true },
    });
    const { steps, verdict, names } = run("GET", "/p/acme/tickets", { principal: tokenHolder("/mcp") });
    expect(names).toBe("target match credential audience! verdict!");
    expect(steps[3]).toMatchObject({ step: "audience", text: "the token is for /mcp and what is under it" });
    expect(verdict).toMatchObject({ status: 401, code: "credential_invalid", reason: "credential_audience" });
    expect(run("GET", "/status", { principal: tokenHolder("/mcp") }).names).toBe("target match credential verdict");
    expect(run("GET", "/p/acme/tickets", { principal: tokenHolder("/p/acme") }).verdict.allow).toBe(true);
  });

  it("tells that MCP access is switched off, on MCP routes alone", () => {
    const off = { mcpAccess: false };
    expect(run("GET", "/mcp", off)).toMatchObject({
      names: "target match credential mcp! verdict!",
      verdict: { status: 403, code: "mcp_disabled", reason: "mcp_disabled" },
    });
    expect(run("GET", "/p/acme/tickets", off).verdict.allow).toBe(true);
    expect(run("GET", "/mcp", { ...off, principal: { problem: "credential_missing" } }).verdict.status).toBe(401);
  });

  it("reads Host from the headers, and the body as strict JSON", () => {
    expect(run("GET", "/tenant", { headers: [["HOST", "acme.desk.test"]] }).verdict).toMatchObject({
      allow: true,
      portal: "acme",
    });
    const post = (body: string) => run("POST", "/create", { body: new TextEncoder().encode(body) });
    expect(post('{"portal":"acme"}').verdict).toMatchObject({ allow: true, portal: "acme" });
    expect(post('{"portal":"globex"}').verdict).toMatchObject({ code: "portal_forbidden", portal: "globex" });
    expect(post('{"portal":"acme","portal":"globex"}')).toMatchObject({
      names: "target match credential scopes portal! verdict!",
      verdict: { code: "bad_request" },
    });
    expect(post("").verdict).toMatchObject({ code: "portal_forbidden" });
  });
});
