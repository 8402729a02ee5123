import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basic, post } from "./oauth-client.ts";
import { addClient, type AddedClient, openStage, scopes, type Stage } from "./oauth-stage.ts";

/** The errors of RFC 6749 (5.2), 8628 (3.5), 9126 (2.3), 7009 (2.2.1) and 7662 (2.3) on requests that are not in order. */

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const SECRET = "a secret of this test alone, 1234567890";
const V = "v".repeat(43);

let stage: Stage;
let open: AddedClient;
let confidential: AddedClient;
let narrow: AddedClient;

beforeAll(async () => {
  stage = await openStage();
  open = await addClient(stage);
  const metadata = {
    redirect_uris: [],
    grant_types: ["client_credentials"],
    response_types: [],
    token_endpoint_auth_method: "client_secret_basic",
  };
  confidential = await addClient(stage, { secret: SECRET, metadata });
  narrow = await addClient(stage, {
    metadata: {
      redirect_uris: ["https://app.example/cb"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
  });
});
afterAll(() => stage.close());

type Fields = (ids: {
  readonly id: string;
  readonly other: string;
  readonly narrow: string;
}) => Record<string, string> | string;

const code = {
  grant_type: "authorization_code",
  code: "x".repeat(43),
  redirect_uri: "https://app.example/cb",
  code_verifier: V,
};

const cases: readonly (readonly [name: string, endpoint: string, fields: Fields, status: number, error: string])[] = [
  ["an empty request", "token", () => ({}), 400, "invalid_request"],
  ["no grant type", "token", ({ id }) => ({ client_id: id }), 400, "invalid_request"],
  ["no client", "token", () => code, 400, "invalid_request"],
  ["an unknown client", "token", () => ({ ...code, client_id: "nobody" }), 401, "invalid_client"],
  ["a client id that cannot be one", "token", () => ({ ...code, client_id: "no\u0000body é" }), 401, "invalid_client"],
  [
    "an unknown grant type",
    "token",
    ({ id }) => ({ grant_type: "magic", client_id: id }),
    400,
    "unsupported_grant_type",
  ],
  [
    "the implicit grant",
    "token",
    ({ id }) => ({ grant_type: "implicit", client_id: id }),
    400,
    "unsupported_grant_type",
  ],
  ["passwords", "token", ({ id }) => ({ grant_type: "password", client_id: id }), 400, "unsupported_grant_type"],
  ["an unknown code", "token", ({ id }) => ({ ...code, client_id: id }), 400, "invalid_grant"],
  ["no code", "token", ({ id }) => ({ grant_type: "authorization_code", client_id: id }), 400, "invalid_request"],
  [
    "no redirect URI",
    "token",
    ({ id }) => ({ grant_type: "authorization_code", code: "x", client_id: id }),
    400,
    "invalid_request",
  ],
  [
    "the code twice",
    "token",
    ({ id }) => `grant_type=authorization_code&client_id=${id}&code=a&code=b&redirect_uri=x`,
    400,
    "invalid_request",
  ],
  [
    "the client id twice",
    "token",
    ({ id }) => `grant_type=refresh_token&client_id=${id}&client_id=${id}&refresh_token=x`,
    400,
    "invalid_request",
  ],
  [
    "the grant type twice",
    "token",
    ({ id }) => `grant_type=refresh_token&grant_type=refresh_token&client_id=${id}&refresh_token=x`,
    400,
    "invalid_request",
  ],
  [
    "an unknown refresh token",
    "token",
    ({ id }) => ({ grant_type: "refresh_token", refresh_token: "x", client_id: id }),
    400,
    "invalid_grant",
  ],
  ["no refresh token", "token", ({ id }) => ({ grant_type: "refresh_token", client_id: id }), 400, "invalid_request"],
  [
    "an odd scope",
    "token",
    ({ id }) => ({ grant_type: "refresh_token", refresh_token: "x", client_id: id, scope: 'a"b' }),
    400,
    "invalid_scope",
  ],
  [
    "a grant type that is not the client's",
    "token",
    ({ narrow: at }) => ({ grant_type: "refresh_token", refresh_token: "x", client_id: at }),
    400,
    "unauthorized_client",
  ],
  [
    "client credentials of a public client",
    "token",
    ({ id }) => ({ grant_type: "client_credentials", client_id: id }),
    400,
    "unauthorized_client",
  ],
  [
    "a confidential client without its secret",
    "token",
    ({ other }) => ({ grant_type: "client_credentials", client_id: other }),
    401,
    "invalid_client",
  ],
  [
    "a wrong secret",
    "token",
    ({ other }) => ({ grant_type: "client_credentials", client_id: other, client_secret: "no" }),
    401,
    "invalid_client",
  ],
  ["no device code", "token", ({ id }) => ({ grant_type: DEVICE, client_id: id }), 400, "invalid_request"],
  [
    "an unknown device code",
    "token",
    ({ id }) => ({ grant_type: DEVICE, client_id: id, device_code: "x" }),
    400,
    "invalid_grant",
  ],
  ["a device without a client", "device_authorization", () => ({}), 400, "invalid_request"],
  ["a device of an unknown client", "device_authorization", () => ({ client_id: "nobody" }), 401, "invalid_client"],
  [
    "a device of a client that has no such grant",
    "device_authorization",
    ({ narrow: at }) => ({ client_id: at }),
    400,
    "unauthorized_client",
  ],
  [
    "a device with a scope that it cannot have",
    "device_authorization",
    ({ id }) => ({ client_id: id, scope: "nothing:here" }),
    400,
    "invalid_scope",
  ],
  [
    "a device for a resource of others",
    "device_authorization",
    ({ id }) => ({ client_id: id, resource: "https://other.example" }),
    400,
    "invalid_target",
  ],
  ["a pushed request without a client", "par", () => ({ response_type: "code" }), 400, "invalid_request"],
  ["a pushed request of an unknown client", "par", () => ({ client_id: "nobody" }), 401, "invalid_client"],
  [
    "a pushed request without a response type",
    "par",
    ({ id }) => ({ client_id: id, redirect_uri: "https://app.example/cb" }),
    400,
    "invalid_request",
  ],
  [
    "a pushed request without PKCE",
    "par",
    ({ id }) => ({ client_id: id, response_type: "code", redirect_uri: "https://app.example/cb" }),
    400,
    "invalid_request",
  ],
  [
    "a pushed request with another's redirect URI",
    "par",
    ({ id }) => ({ client_id: id, response_type: "code", redirect_uri: "https://evil.example/" }),
    400,
    "invalid_request",
  ],
  [
    "a pushed request that names a request_uri",
    "par",
    ({ id }) => ({ client_id: id, request_uri: "urn:ietf:params:oauth:request_uri:x" }),
    400,
    "request_uri_not_supported",
  ],
  ["a revocation without a token", "revoke", ({ id }) => ({ client_id: id }), 400, "invalid_request"],
  ["a revocation of an unknown client", "revoke", () => ({ token: "x", client_id: "nobody" }), 401, "invalid_client"],
  ["an introspection without a token", "introspect", ({ id }) => ({ client_id: id }), 400, "invalid_request"],
  [
    "an introspection of an unknown client",
    "introspect",
    () => ({ token: "x", client_id: "nobody" }),
    401,
    "invalid_client",
  ],
];

describe("requests that are not in order", () => {
  it.each(cases)("%s", async (_name, endpoint, fields, status, error) => {
    const body = fields({ id: open.id, other: confidential.id, narrow: narrow.id });
    const answer = await post(`${stage.issuer}/oauth/${endpoint}`, body);
    expect([answer.status, await answer.json()]).toMatchObject([status, { error }]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toContain("application/json");
  });

  it.each(["token", "par", "device_authorization", "revoke", "introspect"])(
    "%s takes forms alone, of a size, by POST",
    async (endpoint) => {
      const url = `${stage.issuer}/oauth/${endpoint}`;
      const json = await post(url, JSON.stringify({ client_id: open.id }), { "content-type": "application/json" });
      expect([json.status, await json.json()]).toMatchObject([400, { error: "invalid_request" }]);
      const long = await post(url, { client_id: open.id, scope: "x".repeat(100_000) });
      expect([long.status, await long.json()]).toMatchObject([400, { error: "invalid_request" }]);
      expect((await fetch(url)).status).toBe(405);
    },
  );

  it.each([
    ["no base64", "Basic %%%"],
    ["no colon", `Basic ${Buffer.from("abc").toString("base64")}`],
    ["another scheme", "Bearer abc"],
    ["no secret", `Basic ${Buffer.from("abc:").toString("base64")}`],
  ])("refuses an Authorization field with %s", async (_name, authorization) => {
    const answer = await post(`${stage.issuer}/oauth/token`, { grant_type: "client_credentials" }, { authorization });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: "invalid_request" }]);
  });

  it("refuses two ways of authentication at once, and names the scheme after a wrong one", async () => {
    const url = `${stage.issuer}/oauth/token`;
    const fields = { grant_type: "client_credentials" };
    const both = await post(url, { ...fields, client_secret: SECRET }, basic(confidential.id, SECRET));
    expect([both.status, await both.json()]).toMatchObject([400, { error: "invalid_request" }]);
    const wrong = await post(url, fields, basic(confidential.id, "wrong"));
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
  });
});

function ask(fields: Record<string, string> = {}): Promise<Response> {
  const all = { grant_type: "client_credentials", ...fields };
  return post(`${stage.issuer}/oauth/token`, all, basic(confidential.id, SECRET));
}

describe("client credentials", () => {
  it("give a token to a confidential client of an administrator, without a refresh token", async () => {
    const answer = await ask({ scope: "tickets:read openid offline_access", resource: `${stage.issuer}/mcp` });
    const token = JSON.parse(await answer.text());
    expect(token).toMatchObject({ scope: "tickets:read", token_type: "Bearer", expires_in: 3600 });
    expect(token).not.toHaveProperty("refresh_token");
    const document = await stage.store.documents.get("ClientCredentials", stage.digester.stored(token.access_token));
    expect(document?.value).toMatchObject({
      clientId: confidential.id,
      aud: `${stage.issuer}/mcp`,
      scope: "tickets:read",
    });
  });

  it("take all scopes where none is asked for, never more than the client's", async () => {
    expect(await (await ask()).json()).toMatchObject({ scope: "tickets:read tickets:write workflows:run" });
    const metadata = confidential.record.metadata;
    const small = await addClient(stage, { secret: SECRET, metadata, scopes: scopes("tickets:read") });
    const url = `${stage.issuer}/oauth/token`;
    const fields = { grant_type: "client_credentials" };
    const auth = basic(small.id, SECRET);
    expect(await (await post(url, fields, auth)).json()).toMatchObject({ scope: "tickets:read" });
    const wide = await post(url, { ...fields, scope: "tickets:write" }, auth);
    expect([wide.status, await wide.json()]).toMatchObject([400, { error: "invalid_scope" }]);
  });

  it("are for this server's resources alone", async () => {
    expect(await (await ask({ resource: "https://other.example" })).json()).toMatchObject({ error: "invalid_target" });
  });

  it("are not for clients that registered themselves, whatever is stored", async () => {
    const { metadata } = confidential.record;
    const sneaky = await addClient(stage, { secret: SECRET, metadata, origin: "registration" });
    const url = `${stage.issuer}/oauth/token`;
    const answer = await post(url, { grant_type: "client_credentials" }, basic(sneaky.id, SECRET));
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: "unauthorized_client" }]);
  });
});

describe("scripts in browsers", () => {
  it("may use the token endpoint from the client's own origins alone", async () => {
    const url = `${stage.issuer}/oauth/token`;
    const fields = { grant_type: "refresh_token", refresh_token: "x", client_id: open.id };
    const own = await post(url, fields, { origin: "https://app.example" });
    expect(own.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const other = await post(url, fields, { origin: "https://evil.example" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    expect([other.status, await other.json()]).toMatchObject([400, { error: "invalid_request" }]);
    const nowhere = await post(url, fields, { origin: "null" });
    expect(nowhere.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("a store that is out of reach", () => {
  it("is not the client's fault", async () => {
    const own = await openStage();
    const { id } = await addClient(own);
    await own.store.close();
    const fields = { grant_type: "refresh_token", refresh_token: "x", client_id: id };
    const answer = await post(`${own.issuer}/oauth/token`, fields);
    expect([answer.status, await answer.json()]).toMatchObject([503, { error: "temporarily_unavailable" }]);
    const revoke = await post(`${own.issuer}/oauth/revoke`, { token: "x", client_id: id });
    expect([revoke.status, await revoke.json()]).toMatchObject([503, { error: "temporarily_unavailable" }]);
    const page = await fetch(`${own.issuer}/oauth/authorize?client_id=${id}`, { headers: { accept: "text/html" } });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain("Not available now");
    await own.close();
  });
});
