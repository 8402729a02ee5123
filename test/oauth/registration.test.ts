import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basic, insecure, none, post, strictClient } from "./oauth-client.ts";
import { addClient, clientId, openStage, scopes, setSettings, type Stage } from "./oauth-stage.ts";

let stage: Stage;
const app = { redirect_uris: ["https://app.example/cb"], client_name: "An app" };

beforeAll(async () => {
  stage = await openStage({ config: { registrations_per_hour: 1000 } });
});
afterAll(() => stage.close());

function register(metadata: unknown, headers: Record<string, string> = {}, at: Stage = stage): Promise<Response> {
  return fetch(`${at.issuer}/oauth/register`, {
    method: "POST",
    body: typeof metadata === "string" ? metadata : JSON.stringify(metadata),
    headers: { "content-type": "application/json", ...headers },
  });
}

async function registered(metadata: unknown, at: Stage = stage): Promise<Record<string, unknown>> {
  const answer = await register(metadata, {}, at);
  const body = JSON.parse(await answer.text());
  expect([answer.status, body.error_description]).toEqual([201, undefined]);
  return body;
}

describe("registration", () => {
  it("is what a strict client takes", async () => {
    const { as } = await strictClient(stage.issuer);
    const answer = await oauth.dynamicClientRegistrationRequest(as, app, insecure);
    const client = await oauth.processDynamicClientRegistrationResponse(answer);
    expect(client.client_id).toMatch(/^client_[0-9A-Za-z]{20}$/);
    expect(client["client_secret"]).toBeUndefined();
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("makes a client that waits for approval and is forgotten after seven days", async () => {
    const before = Date.now();
    const body = await registered({ ...app, scope: "tickets:read nonsense" });
    const record = await stage.clients.get(clientId(String(body["client_id"])));
    expect(record).toMatchObject({
      name: "An app",
      origin: "registration",
      status: "waiting",
      createdBy: "address 192.0.2.1",
      scopes: scopes("tickets:read"),
      secretDigest: null,
    });
    expect(record?.expiresAt).toBeGreaterThanOrEqual(before + 7 * 86_400_000);
    expect(body).toMatchObject({ scope: "tickets:read", token_endpoint_auth_method: "none" });
    expect(body).not.toHaveProperty("registration_access_token");
  });

  it("makes approved clients where the policy is open, and none where it is off", async () => {
    const own = await openStage();
    try {
      await setSettings(own, { clientPolicy: "open" });
      const { client_id: id } = await registered(app, own);
      expect(await own.clients.get(clientId(String(id)))).toMatchObject({ status: "approved", expiresAt: null });
      await setSettings(own, { clientPolicy: "off" });
      const refused = await register(app, {}, own);
      expect([refused.status, await refused.json()]).toMatchObject([403, { error: "access_denied" }]);
      const metadata = await (await fetch(`${own.issuer}/.well-known/oauth-authorization-server`)).json();
      expect(metadata).not.toHaveProperty("registration_endpoint");
    } finally {
      await own.close();
    }
  });

  it("keeps a secret as a digest, and takes the secret", async () => {
    const body = await registered({ ...app, token_endpoint_auth_method: "client_secret_post" });
    const secret = String(body["client_secret"]);
    expect(secret).toMatch(/^noice_cs_live_[0-9A-Za-z]{43}$/);
    const id = String(body["client_id"]);
    const record = await stage.clients.get(clientId(id));
    expect(record?.secretDigest).toBe(stage.digester.stored(secret));
    expect(JSON.stringify(record)).not.toContain(secret);
    const revoke = (given: string) => post(`${stage.issuer}/oauth/revoke`, { token: "x" }, basic(id, given));
    expect((await revoke(secret)).status).toBe(200);
    expect((await revoke(`${secret}x`)).status).toBe(401);
    expect((await revoke(record?.secretDigest ?? "")).status).toBe(401);
  });

  it("cleans and bounds names", async () => {
    const { client_name: name } = await registered({
      ...app,
      client_name: `Real\u202e\n\u200bBank ${"x".repeat(500)}`,
    });
    expect(name).toMatch(/^Real ?Bank x+…$/);
    expect(String(name).length).toBeLessThanOrEqual(100);
  });

  it("lets native clients register loopback addresses, and web clients too", async () => {
    for (const type of ["native", "web"]) {
      for (const uri of ["http://127.0.0.1/cb", "http://localhost:8080/cb", "http://[::1]:1/cb"]) {
        const { redirect_uris: uris } = await registered({ redirect_uris: [uri], application_type: type });
        expect(uris).toEqual([uri]);
      }
    }
  });

  it("lets a device register without redirect URIs", async () => {
    const body = await registered({ grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"] });
    expect(body).toMatchObject({ response_types: [], redirect_uris: [] });
  });

  it.each([
    "http://evil.example/cb",
    "com.example.app:/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.example/cb#x",
    "https://*.example/cb#",
    "https://user@app.example/cb",
    "//app.example/cb",
    "not a url",
    "http://localhost.evil.example/cb",
  ])("refuses the redirect URI %s", async (uri) => {
    for (const type of ["web", "native"]) {
      const answer = await register({ redirect_uris: ["https://app.example/cb", uri], application_type: type });
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: "invalid_redirect_uri" }]);
    }
  });

  it.each([
    ["no JSON", "{"],
    ["an empty body", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["a body over the limit", JSON.stringify({ ...app, client_uri: `https://a.example/${"x".repeat(70_000)}` })],
    ["no redirect URIs", {}],
    ["redirect URIs that are no list", { redirect_uris: "https://app.example/cb" }],
    ["implicit", { ...app, grant_types: ["implicit"], response_types: ["token"] }],
    ["a response type that is not served", { ...app, response_types: ["code id_token"] }],
    [
      "client credentials",
      { ...app, grant_types: ["client_credentials"], token_endpoint_auth_method: "client_secret_basic" },
    ],
    ["passwords", { ...app, grant_types: ["password"] }],
    ["an unknown way to authenticate", { ...app, token_endpoint_auth_method: "private_key_jwt" }],
    ["secrets with JWTs", { ...app, token_endpoint_auth_method: "client_secret_jwt" }],
    ["a sector to fetch", { ...app, sector_identifier_uri: "https://127.0.0.1/x" }],
    ["keys to fetch", { ...app, jwks_uri: "https://127.0.0.1/x" }],
    ["pairwise subjects", { ...app, subject_type: "pairwise" }],
    ["another signature", { ...app, id_token_signed_response_alg: "none" }],
    ["a name that is no text", { ...app, client_name: 7 }],
    ["too many redirect URIs", { redirect_uris: Array.from({ length: 30 }, (_, at) => `https://a.example/${at}`) }],
  ])("refuses %s", async (_name, metadata) => {
    const answer = await register(metadata);
    const body = JSON.parse(await answer.text());
    expect(answer.status).toBe(400);
    expect(["invalid_client_metadata", "invalid_redirect_uri"]).toContain(body.error);
  });

  it("refuses other content types", async () => {
    const answer = await register(JSON.stringify(app), { "content-type": "text/plain" });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: "invalid_client_metadata" }]);
  });

  it("cannot choose its own id or secret", async () => {
    const body = await registered({ ...app, client_id: "client_mine", client_secret: "mine" });
    expect(body["client_id"]).not.toBe("client_mine");
    expect(body).not.toHaveProperty("client_secret");
  });

  it("offers no management of registrations", async () => {
    const { client_id: id } = await registered(app);
    for (const method of ["GET", "PUT", "DELETE"]) {
      expect((await fetch(`${stage.issuer}/oauth/register/${String(id)}`, { method })).status).toBe(404);
    }
  });

  it("is readable for scripts of the client's own origin alone", async () => {
    const own = await register(app, { origin: "https://app.example" });
    expect(own.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const other = await register(app, { origin: "https://evil.example" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    const preflight = await fetch(`${stage.issuer}/oauth/register`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
  });
});

describe("a flood of registrations", () => {
  it("ends at the limit of its address, and at that over all addresses", async () => {
    let address = "198.51.100.1";
    const own = await openStage({ config: { registrations_per_hour: 2 }, clientIp: () => address });
    try {
      expect((await register({}, {}, own)).status).toBe(400);
      for (let count = 0; count < 2; count += 1) expect((await register(app, {}, own)).status).toBe(201);
      const refused = await register(app, {}, own);
      expect([refused.status, await refused.json()]).toMatchObject([429, { error: "temporarily_unavailable" }]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3000);
      const statuses: number[] = [];
      for (let count = 0; count < 20; count += 1) {
        address = `2001:db8:${count}::1`;
        statuses.push((await register(app, {}, own)).status);
      }
      expect(statuses.filter((status) => status === 201)).toHaveLength(18);
      expect(statuses.at(-1)).toBe(429);
    } finally {
      await own.close();
    }
  });

  it("counts parallel ones one by one", async () => {
    const own = await openStage({ config: { registrations_per_hour: 3 } });
    try {
      const answers = await Promise.all(Array.from({ length: 12 }, () => register(app, {}, own)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(9);
      expect(await own.clients.count("waiting")).toBe(3);
    } finally {
      await own.close();
    }
  });

  it("ends at a thousand clients that wait", async () => {
    const own = await openStage();
    try {
      const { record } = await addClient(own);
      const { version: _version, ...waiting } = { ...record, status: "waiting" as const };
      for (let count = 0; count < 1000; count += 1)
        await own.clients.create({ ...waiting, id: clientId(`client_${count}`) });
      const refused = await register(app, {}, own);
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).not.toBeNull();
    } finally {
      await own.close();
    }
  }, 60_000);
});

it("lets a client that registered and was approved get a token", async () => {
  const body = await registered(app);
  const id = clientId(String(body["client_id"]));
  const record = await stage.clients.get(id);
  if (record === null) throw new Error("no client");
  await stage.clients.update({ ...record, status: "approved", expiresAt: null });
  const client = await strictClient(stage.issuer);
  const token = await client.redeem({ id }, await client.authorize({ id }), none);
  expect(token.access_token).toMatch(/^[\w-]{43}$/);
  // It asked for no refresh token when it registered.
  expect(token.refresh_token).toBeUndefined();
});
