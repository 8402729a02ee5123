import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { jsonSchemas } from "../../src/config/json-schema.ts";
import type { Env } from "../../src/config/environment.ts";
import { formatProblem } from "../../src/core/problem.ts";
import { loadRules } from "../../src/config/rules.ts";
import { isCredentialId, isPortalId, isScope } from "../../src/core/ids.ts";
import type { Principal } from "../../src/core/principal.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { explain } from "../../src/policy/explain.ts";
import type { Policy } from "../../src/policy/types.ts";

const folder = resolve(import.meta.dirname, "../../config");

/** What each example asks of the environment, and nothing else. */
const ENVIRONMENTS: Readonly<Record<string, Env>> = {
  "portcullis.yaml": {},
  "legacy.yaml": {},
  "redis.yaml": {
    PORTCULLIS_REDIS_URL: "redis://127.0.0.1:6379/0",
    PORTCULLIS_PEPPER: "0Yw6cZl3b9mS1qE7vTt2hKxR8uJ4aDfG",
  },
  "demo.yaml": {
    DEMO_PUBLIC: "127.0.0.1:8080",
    DEMO_ADMIN: "127.0.0.1:9901",
    DEMO_STORE: "sqlite:./data/demo.db",
    DEMO_DATA: "./data",
    DEMO_PEPPER: "0Yw6cZl3b9mS1qE7vTt2hKxR8uJ4aDfG",
    DEMO_SERVICE: "http://127.0.0.1:9000",
  },
};

async function load(name: string, env: Env = ENVIRONMENTS[name] ?? {}): Promise<{ config: Config; policy: Policy }> {
  const config = await loadConfig(join(folder, name), env);
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join("\n"));
  const rules = await loadRules(config.value.rules, env);
  if (!rules.ok) throw new Error(rules.problems.map(formatProblem).join("\n"));
  const policy = compilePolicy(rules.value);
  if (!policy.ok) throw new Error(policy.problems.map(formatProblem).join("\n"));
  return { config: config.value, policy: policy.value };
}

function principalOf(scopes: readonly string[], portal: string): Principal {
  const credentialId = "key_0000000000000000";
  if (!isCredentialId(credentialId) || !isPortalId(portal)) throw new Error("not an id");
  return {
    kind: "api_key",
    credentialId,
    subject: "test",
    scopes: new Set(scopes.filter(isScope)),
    portal,
    expiresAt: null,
  };
}

interface Extra {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: unknown;
}

const tenant = (...values: string[]): Extra => ({ headers: values.map((value) => ["X-Tenant", value]) });
const order = (id: string): Extra => ({ body: { tenant: { id }, lines: [] } });

/** What the rules say of a request of a caller with all of `scopes`, restricted to `portal`. */
function verdict(
  policy: Policy,
  line: `${string} ${string}`,
  caller: { readonly scopes: readonly string[]; readonly portal: string },
  extra: Extra = {},
): string {
  const [method = "", target = ""] = line.split(" ");
  const { verdict: found } = explain(policy, {
    method,
    target,
    headers: extra.headers ?? [],
    body: extra.body === undefined ? null : Buffer.from(JSON.stringify(extra.body)),
    principal: principalOf(caller.scopes, caller.portal),
  });
  return found.allow ? `allowed by ${found.route}` : `${found.status} ${found.reason}`;
}

describe("each example of config/", () => {
  test.each(Object.keys(ENVIRONMENTS))("%s loads and its rules compile", async (name) => {
    const { config, policy } = await load(name);
    expect(dirname(config.rules)).toBe(folder);
    expect(policy.routes.length).toBeGreaterThanOrEqual(3);
  });

  test.each(["redis.yaml", "demo.yaml"])("%s says which variables it misses", async (name) => {
    const loaded = await loadConfig(join(folder, name), {});
    expect(loaded.ok).toBe(false);
    for (const variable of Object.keys(ENVIRONMENTS[name] ?? {}).filter((each) => each !== "DEMO_SERVICE")) {
      expect(JSON.stringify(loaded)).toContain(`environment variable ${variable} is not set`);
    }
  });

  test.each([
    ["portcullis.yaml", "portcullis.schema.json"],
    ["redis.yaml", "portcullis.schema.json"],
    ["legacy.yaml", "portcullis.schema.json"],
    ["rules.yaml", "rules.schema.json"],
    ["legacy.rules.yaml", "rules.schema.json"],
  ])("%s names its schema, %s, for editors", async (name, schema) => {
    const [first] = (await readFile(join(folder, name), "utf8")).split("\n");
    const pointer = /^# yaml-language-server: \$schema=(\S+)$/.exec(first ?? "")?.[1] ?? "";
    expect(resolve(folder, pointer)).toBe(join(folder, schema));
    expect(JSON.parse(await readFile(resolve(folder, pointer), "utf8"))).toEqual(
      JSON.parse(JSON.stringify(Object.entries(jsonSchemas()).find(([file]) => file === basename(schema))?.[1])),
    );
  });
});

describe("the rules of the examples", () => {
  test("the general ones keep portals and scopes apart, and serve attachments both ways", async () => {
    const { policy } = await load("portcullis.yaml");
    const acme = { scopes: ["tickets:read", "tickets:write", "portals:read"], portal: "acme" };
    const tickets = "/api/portals/acme/tickets";
    expect(verdict(policy, `GET ${tickets}`, acme)).toBe("allowed by tickets.read");
    expect(verdict(policy, `PATCH ${tickets}/1`, acme)).toBe("allowed by tickets.write");
    expect(verdict(policy, `GET ${tickets}/1/attachments/a.png`, acme)).toBe("allowed by attachments.read");
    expect(verdict(policy, `PUT ${tickets}/1/attachments/a.png`, acme)).toBe("allowed by attachments.write");
    expect(verdict(policy, "GET /api/portals/globex/tickets", acme)).toBe("403 portal_forbidden");
    expect(verdict(policy, "GET /api/search?portal_id=acme", acme)).toBe("allowed by search");
    expect(verdict(policy, "GET /api/search?portal_id=globex", acme)).toBe("403 portal_forbidden");
    expect(verdict(policy, "GET /api/portals", acme)).toBe("allowed by portals.list");
    expect(verdict(policy, "POST /api/portals/acme/workflows/1/runs", acme)).toBe("403 insufficient_scope");
    const importer = { scopes: ["users:read", "users:write"], portal: "acme" };
    expect(verdict(policy, "POST /api/users/import", importer)).toBe("403 portal_forbidden");
    expect(verdict(policy, "GET /internal", acme)).toBe("404 no_route");
  });

  test("those of the legacy service read the tenant from a header and from the body", async () => {
    const { config, policy } = await load("legacy.yaml");
    const caller = { scopes: ["orders:read", "orders:write"], portal: "northwind" };
    expect(verdict(policy, "GET /v1/orders", caller, tenant("northwind"))).toBe("allowed by orders.read");
    expect(verdict(policy, "GET /v1/orders/7", caller, tenant("contoso"))).toBe("403 portal_forbidden");
    expect(verdict(policy, "GET /v1/orders/7", caller, tenant("northwind", "contoso"))).toBe("400 ambiguous_portal");
    expect(verdict(policy, "GET /v1/orders/7", caller)).toMatch(/^4\d\d /);
    expect(verdict(policy, "POST /v1/orders", caller, order("northwind"))).toBe("allowed by orders.place");
    expect(verdict(policy, "POST /v1/orders", caller, order("contoso"))).toBe("403 portal_forbidden");
    expect(verdict(policy, "DELETE /v1/orders/7", caller, tenant("northwind"))).toBe("405 method_not_allowed");
    expect(config.trusted_proxies).toEqual(["127.0.0.1", "::1"]);
    expect((await loadRules(config.rules, {})).ok).toBe(true);
  });
});
