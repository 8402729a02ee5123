import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addClient, openStage, REDIRECT, scopes, setSettings, type Stage } from "./oauth-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ config: { metadata_hosts: ["apps.example"] } });
});
afterAll(() => stage.close());

async function read(path: string): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const answer = await fetch(`${stage.issuer}${path}`, { headers: { origin: "https://anywhere.example" } });
  return { status: answer.status, body: JSON.parse(await answer.text()), headers: answer.headers };
}

describe("metadata of the authorization server", () => {
  it.each(["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"])("%s", async (path) => {
    const { body, headers, status } = await read(path);
    const at = `${stage.issuer}/oauth`;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      issuer: stage.issuer,
      authorization_endpoint: `${at}/authorize`,
      token_endpoint: `${at}/token`,
      registration_endpoint: `${at}/register`,
      revocation_endpoint: `${at}/revoke`,
      introspection_endpoint: `${at}/introspect`,
      pushed_authorization_request_endpoint: `${at}/par`,
      device_authorization_endpoint: `${at}/device_authorization`,
      jwks_uri: `${at}/jwks`,
      code_challenge_methods_supported: ["S256"],
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
      scopes_supported: ["openid", "offline_access", "tickets:read", "tickets:write", "workflows:run"],
      id_token_signing_alg_values_supported: ["EdDSA"],
    });
    expect(body["grant_types_supported"]).toEqual(
      expect.arrayContaining([
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
      ]),
    );
    expect(body).not.toHaveProperty("end_session_endpoint");
    expect(body).not.toHaveProperty("userinfo_endpoint");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.get("cache-control")).toBe("public, max-age=300");
  });

  it("has no private key in the key set", async () => {
    const { body } = await read("/oauth/jwks");
    expect(body["keys"]).toMatchObject([{ kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" }]);
    expect(JSON.stringify(body)).not.toContain('"d"');
  });

  it("speaks as the issuer, whatever host a request names", async () => {
    const own = await openStage({ issuer: "https://desk.example.com", config: { path: "/auth/mcp" } });
    try {
      const answer = await fetch(`${own.issuer}/.well-known/oauth-authorization-server`, {
        headers: { "x-forwarded-host": "evil.example", "x-forwarded-proto": "http" },
      });
      expect(await answer.json()).toMatchObject({
        issuer: "https://desk.example.com",
        token_endpoint: "https://desk.example.com/auth/mcp/token",
      });
      const { id } = await addClient(own);
      const query = new URLSearchParams({
        client_id: id,
        response_type: "code",
        redirect_uri: REDIRECT,
        code_challenge: "x".repeat(43),
        code_challenge_method: "S256",
      });
      const begun = await fetch(`${own.issuer}/auth/mcp/authorize?${String(query)}`, { redirect: "manual" });
      expect(begun.headers.get("location")).toMatch(/^\/auth\/mcp\/interaction\/[\w-]{43}$/);
      const cookies = begun.headers.getSetCookie();
      expect(cookies).not.toHaveLength(0);
      expect(cookies.every((cookie) => cookie.startsWith("__Secure-portcullis_oauth_"))).toBe(true);
      expect(cookies.every((cookie) => /; secure/i.test(cookie) && /; httponly/i.test(cookie))).toBe(true);
      const url = `${own.issuer}/auth/mcp/authorize?client_id=nobody`;
      const page = await fetch(url, { headers: { accept: "text/html" } });
      expect(page.status).toBe(400);
      expect(page.headers.get("strict-transport-security")).not.toBeNull();
    } finally {
      await own.close();
    }
  });
});

describe("metadata of protected resources", () => {
  it("stands for the origin and for each MCP route", async () => {
    const root = await read("/.well-known/oauth-protected-resource");
    expect(root.body).toEqual({
      resource: stage.issuer,
      authorization_servers: [stage.issuer],
      scopes_supported: ["tickets:read", "tickets:write", "workflows:run"],
      bearer_methods_supported: ["header"],
      resource_name: "All services",
    });
    const mcp = await read("/.well-known/oauth-protected-resource/mcp");
    expect(mcp.body).toMatchObject({
      resource: `${stage.issuer}/mcp`,
      scopes_supported: ["tickets:read", "tickets:write"],
    });
    expect(mcp.headers.get("access-control-allow-origin")).toBe("*");
    expect(mcp.headers.get("cache-control")).toBe("public, max-age=300");
  });

  it.each(["/nothing", "/mcp/", "/mcp/x", "/MCP", "/"])("is not found for %s", async (path) => {
    expect((await read(`/.well-known/oauth-protected-resource${path}`)).status).toBe(404);
  });

  it("follows the rules when they reload", async () => {
    stage.resources.push({ path: "/later", scopes: scopes("tickets:read"), name: "later" });
    expect((await read("/.well-known/oauth-protected-resource/later")).status).toBe(200);
  });

  it("answers a preflight", async () => {
    const answer = await fetch(`${stage.issuer}/.well-known/oauth-protected-resource/mcp`, {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "GET" },
    });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  });
});

it("does not offer metadata documents where the policy is off", async () => {
  await setSettings(stage, { clientPolicy: "off" });
  const { body } = await read("/.well-known/oauth-authorization-server");
  expect(body).toMatchObject({ client_id_metadata_document_supported: false });
});
