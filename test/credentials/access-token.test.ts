import { beforeEach, describe, expect, test } from "vitest";
import { credentialIdOf } from "../../src/credentials/access-token.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import type { CredentialFacts } from "../../src/store/cache.ts";
import { openStore } from "../../src/store/open.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { tempFolder } from "../support/temp.ts";
import { digester } from "./fakes.ts";
import { ISSUER, newClientId, newPersonId, portal, scopes, TokenDesk, type TokenWish } from "./tokens.ts";

let clock: FakeClock;
let desk: TokenDesk;
let source: CredentialSource;

beforeEach(() => {
  clock = fakeClock();
  const store = openStore(`sqlite:${tempFolder()}/portcullis.db`, { clock });
  desk = new TokenDesk(store, digester, clock);
  source = desk.source(() => ISSUER);
  return () => store.close();
});

const find = (token: string): Promise<CredentialFacts | null> => source.find(digester.stored(token));

async function issued(wish: TokenWish): Promise<CredentialFacts | null> {
  return find((await desk.personal(wish)).token);
}

function oauthPrincipal(facts: CredentialFacts | null) {
  const principal = facts?.accepted.principal;
  if (principal?.kind !== "oauth") throw new Error("not a token's");
  return principal;
}

describe("facts of an access token", () => {
  test("say who it is, by whom, and what is left of its scopes", async () => {
    const { client, grant, person, token } = await desk.personal({ grant: { portal: portal("acme") } });
    const digest = digester.stored(token);
    const facts = await find(token);
    const expiresAt = (Math.floor(clock.now() / 1000) + 3600) * 1000;
    expect(facts).toEqual({
      accepted: {
        ok: true,
        digest,
        mcpAccess: true,
        principal: {
          kind: "oauth",
          credentialId: `tok_${digest.slice(0, 24)}`,
          subject: person.email,
          scopes: new Set(["tickets:read", "tickets:write"]),
          portal: "acme",
          expiresAt,
          clientId: client.id,
          personId: person.id,
          grantId: grant.id,
          audiencePath: "",
        },
      },
      digest,
      tags: [`client:${client.id}`, `person:${person.id}`, `grant:${grant.id}`],
      revoked: false,
      expiresAt,
    });
    expect(Object.isFrozen(facts?.accepted)).toBe(true);
    expect(Object.isFrozen(facts?.accepted.principal)).toBe(true);
    expect(credentialIdOf(digest)).toBe(`tok_${digest.slice(0, 24)}`);
  });

  test("of a client for itself name the client, with its scopes and portal", async () => {
    const { client, token } = await desk.clientOwn({
      client: { portal: portal("globex") },
      payload: { scope: "tickets:*" },
    });
    const facts = await find(token);
    expect(facts).toMatchObject({ revoked: false, tags: [`client:${client.id}`] });
    expect(oauthPrincipal(facts)).toMatchObject({
      subject: client.id,
      clientId: client.id,
      personId: null,
      grantId: null,
      portal: "globex",
      scopes: new Set(["tickets:read", "tickets:write"]),
    });
  });

  test.each([
    [{ payload: { scope: "openid tickets:read" } }, ["tickets:read"]],
    [{ payload: { scope: "openid offline_access" } }, []],
    [{ payload: { scope: undefined } }, []],
    [{ payload: { scope: "users:read tickets:read" } }, ["tickets:read"]],
    [{ client: { scopes: scopes("tickets:write") } }, ["tickets:write"]],
    [{ grant: { scopes: scopes("tickets:read") } }, ["tickets:read"]],
    [{ person: { scopes: scopes("tickets:write", "users:*") } }, ["tickets:write"]],
    [{ person: { scopes: scopes("users:*") } }, []],
    [{ grant: { scopes: scopes("tickets:*") }, payload: { scope: "tickets:*" } }, ["tickets:read", "tickets:write"]],
  ] as const)("%j leaves the scopes %j", async (wish, left) => {
    const facts = await issued(wish);
    expect(facts?.revoked).toBe(false);
    expect([...oauthPrincipal(facts).scopes].toSorted()).toEqual([...left]);
  });

  test("end with the token, or with its grant where that is sooner", async () => {
    const soon = clock.now() + 60_000;
    expect(await issued({ grant: { expiresAt: soon } })).toMatchObject({ expiresAt: soon, revoked: false });
    const exp = Math.floor(clock.now() / 1000) + 5;
    expect(await issued({ payload: { exp } })).toMatchObject({ expiresAt: exp * 1000 });
  });
});

describe("a token is revoked, and its facts still say whose it was", () => {
  const cases: readonly (readonly [string, TokenWish])[] = [
    ["the grant is revoked", { grant: { revokedAt: 1 } }],
    ["the grant is gone", { without: ["grant"] }],
    ["the client waits", { client: { status: "waiting" } }],
    ["the client is disabled", { client: { status: "disabled" } }],
    ["the client is gone", { without: ["client"] }],
    ["the person is disabled", { person: { disabledAt: 1 } }],
    ["the person is gone", { without: ["person"] }],
    [
      "the portal was taken from the person",
      { grant: { portal: portal("acme") }, person: { portals: [portal("globex")] } },
    ],
    ["the person was restricted to portals, and the grant is for all", { person: { portals: [portal("acme")] } }],
    ["the person has no portal left", { grant: { portal: portal("acme") }, person: { portals: [] } }],
    [
      "the client was restricted to another portal",
      { grant: { portal: portal("acme") }, client: { portal: portal("globex") } },
    ],
    ["it is for another host", { payload: { aud: "https://other.example.com" } }],
    ["it is for another scheme", { payload: { aud: "http://desk.example.com" } }],
    ["it is for another port", { payload: { aud: "https://desk.example.com:8443" } }],
    ["it is for a host that ours is a part of", { payload: { aud: "https://desk.example.com.evil.example" } }],
    ["it is for ours as user information", { payload: { aud: "https://desk.example.com@evil.example" } }],
  ];

  test.each(cases)("where %s", async (_name, wish) => {
    const { person, client, grant, token } = await desk.personal(wish);
    const facts = await find(token);
    expect(facts).toMatchObject({
      revoked: true,
      tags: [`client:${client.id}`, `person:${person.id}`, `grant:${grant.id}`],
      accepted: { principal: { clientId: client.id, personId: person.id, grantId: grant.id } },
    });
  });

  test("where the client's own tokens ended since, to the millisecond; those of people stay", async () => {
    const tokensAfter = clock.now();
    const dead = await desk.clientOwn({ client: { tokensAfter } });
    const good = await desk.clientOwn({ client: { tokensAfter: tokensAfter - 1 } });
    expect(await find(dead.token)).toMatchObject({ revoked: true });
    expect(await find(good.token)).toMatchObject({ revoked: false });
    expect(await issued({ client: { tokensAfter } })).toMatchObject({ revoked: false });
  });

  test("names the id of a person who is gone", async () => {
    const { person, token } = await desk.personal({ without: ["person"] });
    expect(oauthPrincipal(await find(token)).subject).toBe(person.id);
  });

  test("stays good where the client's portal is the person's", async () => {
    const facts = await issued({ client: { portal: portal("acme") }, person: { portals: [portal("acme")] } });
    expect(facts).toMatchObject({ revoked: false, accepted: { principal: { portal: "acme" } } });
  });

  test("when MCP access is switched off, and stays so when it is switched on again", async () => {
    const before = await desk.personal();
    const own = await desk.clientOwn();
    const settings = { ...(await desk.settings.read()), mcpAccess: false, mcpOffAt: clock.now() };
    expect(await desk.settings.write(settings)).not.toBeNull();
    expect(await find(before.token)).toMatchObject({ revoked: true, accepted: { mcpAccess: false } });
    expect(await find(own.token)).toMatchObject({ revoked: true });
    const off = await desk.settings.read();
    await desk.settings.write({ ...off, mcpAccess: true });
    clock.advance(999);
    // A token of the same second may be from before.
    const sameSecond = await desk.personal();
    clock.advance(1000);
    const later = await desk.personal();
    // A fresh token of a grant from before, as a refresh would give.
    const ofOldGrant = await desk.personal({ grant: { createdAt: clock.now() - 1999 } });
    const found = await Promise.all(
      [before, own, sameSecond, later, ofOldGrant].map(async ({ token }) => (await find(token))?.revoked),
    );
    expect(found).toEqual([true, true, true, false, true]);
  });
});

describe("what cannot be understood is unknown", () => {
  test.each([
    ["no document", { without: ["token"] }],
    ["another kind inside", { payload: { kind: "RefreshToken" } }],
    ["no client", { payload: { clientId: undefined } }],
    ["an account that is no person", { payload: { accountId: "ada" } }],
    ["no account", { payload: { accountId: undefined } }],
    ["a grant that is none", { payload: { grantId: "g" } }],
    ["no grant", { payload: { grantId: undefined } }],
    ["no audience", { payload: { aud: undefined } }],
    ["no audience in its list", { payload: { aud: [] } }],
    ["two audiences", { payload: { aud: [ISSUER, `${ISSUER}/mcp`] } }],
    ["an audience that is no URI", { payload: { aud: "desk" } }],
    ["an audience with a query", { payload: { aud: `${ISSUER}/mcp?a=1` } }],
    ["an audience with a fragment", { payload: { aud: `${ISSUER}/mcp#a` } }],
    ["an audience with dot segments", { payload: { aud: `${ISSUER}/a/../mcp` } }],
    ["an audience with an encoded letter", { payload: { aud: `${ISSUER}/%6dcp` } }],
    ["a time that is text", { payload: { exp: "9999999999" } }],
    ["a time with a fraction", { payload: { exp: 9_999_999_999.5 } }],
    ["no end", { payload: { exp: undefined } }],
    ["an end beyond all time", { payload: { exp: 1e15 } }],
    ["no beginning", { payload: { iat: undefined } }],
    ["scopes that are a list", { payload: { scope: ["tickets:read"] } }],
    ["a bond to a key (DPoP)", { payload: { jkt: "thumbprint" } }],
    ["a bond to a certificate", { payload: { "x5t#S256": "thumbprint" } }],
    ["a grant of another person", { grant: { person: newPersonId() } }],
    ["a grant of another client", { grant: { client: newClientId() } }],
  ] as const)("%s", async (_name, wish) => {
    expect(await issued(wish)).toBeNull();
  });

  test("a document of a client's own that names a person", async () => {
    const { token } = await desk.clientOwn({ payload: { accountId: newPersonId() } });
    expect(await find(token)).toBeNull();
  });
});

describe("the audience", () => {
  test.each([
    [ISSUER, ISSUER, ""],
    [ISSUER, `${ISSUER}/`, ""],
    [ISSUER, [ISSUER], ""],
    [ISSUER, "HTTPS://Desk.Example.COM:443", ""],
    [ISSUER, `${ISSUER}/mcp`, "/mcp"],
    [ISSUER, `${ISSUER}/mcp/`, "/mcp"],
    [ISSUER, `${ISSUER}/MCP/a`, "/MCP/a"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/mcp", "/mcp"],
    ["http://[::1]:80", "http://[::1]/", ""],
  ])("by the issuer %s of %j is the path %j", async (issuer, aud, path) => {
    source = desk.source(() => issuer);
    const facts = await issued({ payload: { aud } });
    expect(facts?.revoked).toBe(false);
    expect(oauthPrincipal(facts).audiencePath).toBe(path);
  });
});
