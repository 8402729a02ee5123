import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isGrantId } from "../../src/core/ids.ts";
import { errorOf, insecure, isAlive, none, post, STATE, type StrictClient, strictClient } from "./oauth-client.ts";
import { addClient, browse, openStage, REDIRECT, scopes, setSettings, type Stage } from "./oauth-stage.ts";

let stage: Stage;
let client: StrictClient;

beforeAll(async () => {
  stage = await openStage();
  client = await strictClient(stage.issuer);
});
afterAll(() => stage.close());

function stored(token: string) {
  return stage.store.documents.get("AccessToken", stage.digester.stored(token));
}

describe("the authorization code flow", () => {
  it("gives a token for what was asked and allowed", async () => {
    const app = await addClient(stage);
    const token = await client.redeem(app, await client.authorize(app, { scope: "tickets:read" }));
    expect(token.scope).toBe("tickets:read");
    expect(token.expires_in).toBe(3600);
    expect(token.access_token).toMatch(/^[\w-]{43}$/);
    const document = await stored(token.access_token);
    expect(document?.value).toMatchObject({
      kind: "AccessToken",
      clientId: app.id,
      accountId: stage.person.id,
      aud: stage.issuer,
      scope: "tickets:read",
    });
    expect(document?.value).not.toHaveProperty("jti");
    expect(isGrantId(String(document?.value["grantId"]))).toBe(true);
    expect(document?.groups).toContain(`person:${stage.person.id}`);
  });

  it("takes all scopes of the resource where none is asked for", async () => {
    const app = await addClient(stage);
    const token = await client.tokens(app, { resource: `${stage.issuer}/mcp` });
    expect(token.scope).toBe("tickets:read tickets:write");
    expect((await stored(token.access_token))?.value["aud"]).toBe(`${stage.issuer}/mcp`);
  });

  it("narrows scopes to those of the client, and says when none is left", async () => {
    const app = await addClient(stage, { scopes: scopes("tickets:read") });
    expect((await client.tokens(app, { scope: "tickets:read tickets:write nonsense" })).scope).toBe("tickets:read");
    expect(await errorOf(client.authorize(app, { scope: "tickets:write" }))).toBe("invalid_scope");
  });

  it("passes over scopes that are not of its kind", async () => {
    const app = await addClient(stage);
    const token = await client.tokens(app, { scope: "offline_access email profile" });
    expect(token.scope).toBe("tickets:read tickets:write workflows:run");
  });

  it("gives what a wildcard covers", async () => {
    const app = await addClient(stage);
    expect((await client.tokens(app, { scope: "workflows:*" })).scope).toBe("workflows:run");
  });

  it("gives an ID token to who asks for openid, signed by the key of the seed", async () => {
    const app = await addClient(stage);
    const own = { client_id: app.id, id_token_signed_response_alg: "EdDSA" };
    const code = await client.authorize(app, { scope: "openid tickets:read" });
    const answer = await oauth.authorizationCodeGrantRequest(
      client.as,
      own,
      none,
      code.params,
      REDIRECT,
      code.verifier,
      insecure,
    );
    const token = await oauth.processAuthorizationCodeResponse(client.as, own, answer);
    expect(oauth.getValidatedIdTokenClaims(token)).toMatchObject({ iss: stage.issuer, sub: stage.person.id });
    await oauth.validateApplicationLevelSignature(client.as, answer, insecure);
  });

  it("writes resources in one form, however the client does", async () => {
    const app = await addClient(stage);
    const shout = `${stage.issuer.replace("http:", "HTTP:")}/mcp/`;
    const code = await client.authorize(app, { resource: shout });
    const answer = await post(client.as.token_endpoint ?? "", {
      grant_type: "authorization_code",
      client_id: app.id,
      code: code.params.get("code") ?? "",
      code_verifier: code.verifier,
      redirect_uri: REDIRECT,
      resource: `${stage.issuer}/mcp`,
    });
    const { access_token: token } = JSON.parse(await answer.text());
    expect((await stored(token))?.value["aud"]).toBe(`${stage.issuer}/mcp`);
  });

  it.each(["https://elsewhere.example/", "not a url", "/mcp", "urn:x"])("refuses the resource %s", async (resource) => {
    const app = await addClient(stage);
    expect(await errorOf(client.authorize(app, { resource }))).toBe("invalid_target");
  });

  it("refuses two resources at once", async () => {
    const app = await addClient(stage);
    const { url } = await client.authorizationUrl(app);
    const two = `${url}&resource=${encodeURIComponent(stage.issuer)}&resource=${encodeURIComponent(`${stage.issuer}/mcp`)}`;
    expect((await browse(two, stage.issuer)).url.searchParams.get("error")).toBe("invalid_target");
  });

  it("refuses at the token endpoint a resource that was not granted, and uses nothing up", async () => {
    const app = await addClient(stage);
    const mcp = `${stage.issuer}/mcp`;
    const code = await client.authorize(app, { resource: mcp });
    const ask = async (fields: Record<string, string>) =>
      JSON.parse(await (await post(client.as.token_endpoint ?? "", { client_id: app.id, ...fields })).text());
    const redeem = (resource: string) =>
      ask({
        grant_type: "authorization_code",
        code: code.params.get("code") ?? "",
        code_verifier: code.verifier,
        redirect_uri: REDIRECT,
        resource,
      });
    for (const wrong of [stage.issuer, "https://elsewhere.example/"]) {
      expect(await redeem(wrong)).toMatchObject({ error: "invalid_target" });
    }
    const { refresh_token: token } = await redeem(`${mcp}/`);
    const refresh = (resource: string) => ask({ grant_type: "refresh_token", refresh_token: String(token), resource });
    for (const wrong of [stage.issuer, "https://elsewhere.example/"]) {
      expect(await refresh(wrong)).toMatchObject({ error: "invalid_target" });
    }
    expect(await refresh(mcp)).toMatchObject({ access_token: expect.stringMatching(/^[\w-]{43}$/) });
  });

  it("takes a pushed authorization request, once", async () => {
    const app = await addClient(stage);
    const { url, verifier } = await client.authorizationUrl(app, { scope: "tickets:read" });
    const own = { client_id: app.id };
    const parameters = new URL(url).searchParams;
    const pushed = await oauth.processPushedAuthorizationResponse(
      client.as,
      own,
      await oauth.pushedAuthorizationRequest(client.as, own, none, parameters, insecure),
    );
    const start = `${client.as.authorization_endpoint ?? ""}?${String(new URLSearchParams({ ...own, request_uri: pushed.request_uri }))}`;
    const { url: back } = await browse(start, stage.issuer);
    const params = oauth.validateAuthResponse(client.as, own, back, STATE);
    expect((await client.redeem(app, { params, verifier })).scope).toBe("tickets:read");
    const { response } = await browse(start, stage.issuer);
    expect(response.status).toBe(400);
  });

  it("takes any port of a loopback redirect URI, for web clients too, and nothing else of it", async () => {
    const metadata = {
      redirect_uris: ["http://127.0.0.1/cb", "http://localhost:1/cb?x=1"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
    const app = await addClient(stage, { metadata });
    const redirect = "http://127.0.0.1:49152/cb";
    const code = await client.authorize(app, { redirect_uri: redirect });
    expect((await client.redeem(app, code, none, redirect)).token_type).toBe("bearer");
    await client.authorize(app, { redirect_uri: "http://localhost:5/cb?x=1" });
    for (const other of [
      "http://127.0.0.1:49152/cb/",
      "http://127.0.0.1:49152/other",
      "http://[::1]/cb",
      "http://127.0.0.1@evil.example/cb",
      "http://127.0.0.1.evil.example/cb",
      "http://127.0.0.1:80:80/cb",
      "https://127.0.0.1/cb",
    ]) {
      const { url } = await client.authorizationUrl(app, { redirect_uri: other });
      const { url: stopped, response } = await browse(url, stage.issuer);
      expect([other, response.status, stopped.origin]).toEqual([other, 400, stage.issuer]);
    }
  });
});

describe("errors of authorization requests", () => {
  it.each([
    ["no response type", { response_type: "" }, "invalid_request"],
    ["no code challenge", { code_challenge: "", code_challenge_method: "" }, "invalid_request"],
    ["the plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["a short challenge", { code_challenge: "abc" }, "invalid_request"],
    ["a request object", { request: "e30.e30." }, "request_not_supported"],
    ["prompt none", { prompt: "none" }, "login_required"],
    ["an unknown prompt", { prompt: "dance" }, "invalid_request"],
    ["another response mode", { response_mode: "form_post" }, "unsupported_response_mode"],
    ["a fragment response mode", { response_mode: "fragment" }, "unsupported_response_mode"],
    ["an odd scope", { scope: 'a"b' }, "invalid_scope"],
  ])("%s", async (_name, more, error) => {
    const app = await addClient(stage);
    const { url } = await client.authorizationUrl(app, more);
    const { url: back } = await browse(url, stage.issuer);
    expect(back.href.startsWith(REDIRECT)).toBe(true);
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ error, iss: stage.issuer, state: STATE });
    expect(back.hash).toBe("");
  });

  it.each(["token", "code id_token", "id_token"])("the response type %s, in the fragment as it asks", async (type) => {
    const { url } = await client.authorizationUrl(await addClient(stage), { response_type: type });
    const { url: back } = await browse(url, stage.issuer);
    const answer = Object.fromEntries(new URLSearchParams(back.hash.slice(1)));
    expect(answer).toMatchObject({ error: "unsupported_response_type", iss: stage.issuer, state: STATE });
  });

  it("never sends a browser to an address that the client has not registered", async () => {
    const app = await addClient(stage);
    for (const more of [
      { redirect_uri: "https://evil.example/cb" },
      { redirect_uri: "https://evil.example/cb", response_type: "token" },
      { redirect_uri: "https://app.example/cb/../x" },
      { redirect_uri: "https://app.example/cb?x" },
      { redirect_uri: "" },
      { client_id: "nobody" },
    ]) {
      const { url } = await client.authorizationUrl(app, more);
      const { url: stopped, response } = await browse(url, stage.issuer);
      expect([more, response.status, stopped.origin]).toEqual([more, 400, stage.issuer]);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(await response.text()).toMatch(/Request <code>req-\d+<\/code>/);
    }
  });

  it("answers a person who denies", async () => {
    const denying = await openStage({ decide: "deny" });
    try {
      const strict = await strictClient(denying.issuer);
      expect(await errorOf(strict.authorize(await addClient(denying)))).toBe("access_denied");
    } finally {
      await denying.close();
    }
  });

  it("cannot be opened from another browser", async () => {
    const { url } = await client.authorizationUrl(await addClient(stage));
    const started = await fetch(url, { redirect: "manual" });
    const cookies = started.headers.getSetCookie();
    expect(cookies.every((cookie) => /httponly/i.test(cookie) && /samesite=lax/i.test(cookie))).toBe(true);
    const uid = new URL(started.headers.get("location") ?? "", url).pathname.split("/").at(-1);
    const resumed = await fetch(`${client.as.authorization_endpoint ?? ""}/${uid}`, { redirect: "manual" });
    expect(resumed.status).toBe(400);
  });
});

describe("codes and refresh tokens", () => {
  it("rotates refresh tokens; reuse of an old one ends the family", async () => {
    const app = await addClient(stage);
    const first = await client.tokens(app);
    const second = await client.refresh(app, first.refresh_token);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(await isAlive(stage, second.access_token)).toBe(true);
    expect(await errorOf(client.refresh(app, first.refresh_token))).toBe("invalid_grant");
    expect(await isAlive(stage, second.access_token)).toBe(false);
    expect(await isAlive(stage, first.access_token)).toBe(false);
    expect(await errorOf(client.refresh(app, second.refresh_token ?? ""))).toBe("invalid_grant");
    expect(stage.events.some(({ action, decision }) => action === "grant.reuse" && decision === "deny")).toBe(true);
    const [grant] = await stage.grants.list({ client: app.id }, { limit: 1 });
    expect(grant?.revokedAt).not.toBeNull();
  });

  it("kills the tokens of a code that is used twice", async () => {
    const app = await addClient(stage);
    const code = await client.authorize(app);
    const token = await client.redeem(app, code);
    expect(await isAlive(stage, token.access_token)).toBe(true);
    expect(await errorOf(client.redeem(app, code))).toBe("invalid_grant");
    expect(await isAlive(stage, token.access_token)).toBe(false);
    expect(await errorOf(client.refresh(app, token.refresh_token ?? ""))).toBe("invalid_grant");
  });

  it("gives no token to who has the code and not its verifier", async () => {
    const app = await addClient(stage);
    const code = await client.authorize(app);
    for (const verifier of ["v".repeat(43), code.verifier.toUpperCase()]) {
      expect(await errorOf(client.redeem(app, { ...code, verifier }))).toBe("invalid_grant");
    }
    const fields = { grant_type: "authorization_code", client_id: app.id, redirect_uri: REDIRECT };
    const without = await post(client.as.token_endpoint ?? "", { ...fields, code: code.params.get("code") ?? "" });
    expect(await without.json()).toMatchObject({ error: "invalid_grant" });
    expect((await client.redeem(app, code)).access_token).toMatch(/^[\w-]{43}$/);
  });

  it("narrows scopes at a refresh and never widens them", async () => {
    const app = await addClient(stage);
    const { refresh_token: token } = await client.tokens(app, { scope: "tickets:read tickets:write" });
    const url = client.as.token_endpoint ?? "";
    const fields = { grant_type: "refresh_token", client_id: app.id };
    const wider = await post(url, { ...fields, refresh_token: token, scope: "workflows:run" });
    expect(await wider.json()).toMatchObject({ error: "invalid_scope" });
    const narrow = await post(url, { ...fields, refresh_token: token, scope: "tickets:read" });
    expect(await narrow.json()).toMatchObject({ scope: "tickets:read" });
  });

  it("refuses a refresh once the person, the client or the grant is taken away", async () => {
    const own = await openStage();
    try {
      const strict = await strictClient(own.issuer);
      const app = await addClient(own);
      const [a, b, c] = [await strict.tokens(app), await strict.tokens(app), await strict.tokens(app)];
      const [grant] = await own.grants.list({ client: app.id }, { limit: 1 });
      if (grant === undefined) throw new Error("no grant");
      await own.grants.revoke(grant.id, Date.now());
      expect(await errorOf(strict.refresh(app, c.refresh_token))).toBe("invalid_grant");
      const person = await own.people.get(own.person.id);
      if (person === null) throw new Error("no person");
      await own.people.update({ ...person, disabledAt: Date.now() });
      expect(await errorOf(strict.refresh(app, a.refresh_token))).toBe("invalid_grant");
      const record = await own.clients.get(app.id);
      if (record === null) throw new Error("no client");
      await own.clients.update({ ...record, status: "disabled" });
      expect(await errorOf(strict.refresh(app, b.refresh_token))).toBe("invalid_client");
      const { url } = await strict.authorizationUrl(app);
      expect((await browse(url, own.issuer)).response.status).toBe(400);
    } finally {
      await own.close();
    }
  });

  it("gives a waiting client no token, and lets it come as far as the consent page", async () => {
    const app = await addClient(stage, { status: "waiting", origin: "registration" });
    const code = await client.authorize(app);
    expect(await errorOf(client.redeem(app, code))).toBe("unauthorized_client");
  });

  it("refuses everything while MCP access is off, and what is from before for good", async () => {
    const own = await openStage();
    try {
      const strict = await strictClient(own.issuer);
      const app = await addClient(own);
      const before = await strict.tokens(app);
      const { url } = await strict.authorizationUrl(app);
      await setSettings(own, { mcpAccess: false, mcpOffAt: Date.now() });
      const page = await browse(url, own.issuer);
      expect(page.response.status).toBe(403);
      expect(await page.response.text()).toContain("Access for apps is off");
      expect(await errorOf(strict.refresh(app, before.refresh_token))).toBe("access_denied");
      for (const endpoint of ["par", "device_authorization", "register"]) {
        const answer = await post(`${own.issuer}/oauth/${endpoint}`, { client_id: app.id });
        expect([endpoint, answer.status]).toEqual([endpoint, 403]);
        expect(await answer.json()).toMatchObject({ error: "access_denied" });
      }
      await setSettings(own, { mcpAccess: true });
      expect(await errorOf(strict.refresh(app, before.refresh_token))).toBe("invalid_grant");
      expect((await strict.tokens(app)).access_token).toMatch(/^[\w-]{43}$/);
    } finally {
      await own.close();
    }
  });

  it("writes each token to the audit by its public id, and no secret", async () => {
    const app = await addClient(stage);
    stage.events.length = 0;
    const token = await client.tokens(app);
    const line = stage.events.find(({ action }) => action === "token.issue");
    expect(line).toMatchObject({ event: "oauth", subject: "ada@example.com", clientIp: "192.0.2.1" });
    expect(line?.target).toBe(`tok_${stage.digester.stored(token.access_token).slice(0, 24)}`);
    expect(JSON.stringify(stage.events)).not.toContain(token.access_token);
    expect(JSON.stringify(stage.events)).not.toContain(token.refresh_token);
  });
});
