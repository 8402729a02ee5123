import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { isPortalId } from "../../src/core/ids.ts";
import type { PersonRecord } from "../../src/store/people.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { basic, errorOf, isAlive, post, type StrictClient, strictClient } from "./oauth-client.ts";
import { addClient, type AddedClient, openStage, scopes, setSettings, type Stage } from "./oauth-stage.ts";

const SECRET = "a secret of this test alone, 1234567890";
let stage: Stage;
let client: StrictClient;
let app: AddedClient;
let judge: AddedClient;
const metadata = {
  redirect_uris: [],
  grant_types: ["client_credentials"],
  response_types: [],
  token_endpoint_auth_method: "client_secret_basic",
};

beforeAll(async () => {
  stage = await openStage();
  client = await strictClient(stage.issuer);
  app = await addClient(stage);
  judge = await addClient(stage, { secret: SECRET, metadata });
});
afterAll(() => stage.close());

async function introspect(token: string, by: AddedClient): Promise<Record<string, unknown>> {
  const fields: Record<string, string> = by.secret === null ? { token, client_id: by.id } : { token };
  const headers = by.secret === null ? {} : basic(by.id, by.secret);
  const answer = await post(`${stage.issuer}/oauth/introspect`, fields, headers);
  expect(answer.status).toBe(200);
  return JSON.parse(await answer.text());
}

function revoke(token: string, by: AddedClient): Promise<Response> {
  const fields: Record<string, string> = by.secret === null ? { token, client_id: by.id } : { token };
  return post(`${stage.issuer}/oauth/revoke`, fields, by.secret === null ? {} : basic(by.id, by.secret));
}

/** The tags of the changes that the work makes. */
async function tagsOf(work: () => Promise<unknown>): Promise<readonly ChangeTag[]> {
  const seen: ChangeTag[] = [];
  const stop = await stage.store.changes.follow((tags) => void seen.push(...tags));
  await work();
  stage.store.changes.poll();
  await stop();
  return seen;
}

describe("revocation", () => {
  it("ends an access token with its grant, by tags that the line's cache goes by", async () => {
    const token = await client.tokens(app);
    const digest = stage.digester.stored(token.access_token);
    const tags = await tagsOf(async () => expect((await revoke(token.access_token, app)).status).toBe(200));
    expect(tags).toEqual(expect.arrayContaining([`digest:${digest}`, `credential:tok_${digest.slice(0, 24)}`]));
    expect(tags.some((tag) => tag.startsWith("grant:grant_"))).toBe(true);
    expect(await isAlive(stage, token.access_token)).toBe(false);
    const line = stage.events.find(({ action }) => action === "token.revoke");
    expect(line?.target).toBe(`tok_${digest.slice(0, 24)}`);
  });

  it("ends the grant of an access token for good, where people and administrators see it", async () => {
    const token = await client.tokens(app);
    const document = await stage.store.documents.get("AccessToken", stage.digester.stored(token.access_token));
    const grantId = document?.value["grantId"];
    expect((await revoke(token.access_token, app)).status).toBe(200);
    const grant = (await stage.grants.list({ client: app.id }, { limit: 100 })).find(({ id }) => id === grantId);
    expect(grant?.revokedAt).toEqual(expect.any(Number));
    expect(stage.events.filter(({ action, target }) => action === "grant.revoke" && target === grantId)).toHaveLength(
      1,
    );
    expect(await errorOf(client.refresh(app, token.refresh_token))).toBe("invalid_grant");
  });

  it("ends the access tokens of a refresh token", async () => {
    const token = await client.tokens(app);
    await revoke(token.refresh_token, app);
    expect(await isAlive(stage, token.access_token)).toBe(false);
  });

  it("ends a token of client credentials", async () => {
    const answer = await post(
      `${stage.issuer}/oauth/token`,
      { grant_type: "client_credentials" },
      basic(judge.id, SECRET),
    );
    const { access_token: token } = JSON.parse(await answer.text());
    const digest = stage.digester.stored(token);
    expect(await tagsOf(() => revoke(token, judge))).toContain(`digest:${digest}`);
    expect(await stage.store.documents.get("ClientCredentials", digest)).toBeNull();
  });

  it.each(["access_token", "refresh_token"] as const)(
    "can be made again with the %s where it failed",
    async (which) => {
      const token = await client.tokens(app);
      for (const failing of ["replace", "removeGroup"] as const) {
        const { documents } = stage.store;
        const spy = vi.spyOn(documents, failing).mockRejectedValueOnce(new StoreUnavailable("gone"));
        expect((await revoke(token[which], app)).status).toBe(503);
        spy.mockRestore();
      }
      expect((await revoke(token[which], app)).status).toBe(200);
      expect(await isAlive(stage, token.access_token)).toBe(false);
      expect(await errorOf(client.refresh(app, token.refresh_token))).toBe("invalid_grant");
    },
  );

  it("is answered when it counts everywhere, though the token is unknown by now", async () => {
    const token = await client.tokens(app);
    const looked = Promise.withResolvers<number>();
    const stop = await stage.store.changes.follow(() => looked.promise);
    let answers = 0;
    const revoked = [0, 1].map(async () => {
      const { status } = await revoke(token.access_token, app);
      answers += 1;
      return status;
    });
    await pause(200);
    expect(answers).toBe(0);
    looked.resolve(0);
    expect(await Promise.all(revoked)).toEqual([200, 200]);
    await stop();
  });

  it("leaves tokens of other clients as they are, and does not tell", async () => {
    const token = await client.tokens(app);
    expect((await revoke(token.access_token, await addClient(stage))).status).toBe(200);
    expect((await revoke(token.access_token, judge)).status).toBe(200);
    expect(await isAlive(stage, token.access_token)).toBe(true);
    expect((await revoke("nothing", app)).status).toBe(200);
  });
});

describe("introspection", () => {
  it("tells a client of its own tokens, and clients of an administrator of all", async () => {
    const token = await client.tokens(app, { scope: "tickets:read" });
    const facts = { active: true, client_id: app.id, scope: "tickets:read", aud: stage.issuer, iss: stage.issuer };
    expect(await introspect(token.access_token, app)).toMatchObject({ ...facts, token_type: "Bearer" });
    expect(await introspect(token.refresh_token, app)).toMatchObject({ active: true });
    expect(await introspect(token.access_token, judge)).toMatchObject({ ...facts, sub: stage.person.id });
    expect(await introspect(token.access_token, judge)).not.toHaveProperty("jti");
  });

  it("tells strangers nothing", async () => {
    const { access_token: token } = await client.tokens(app);
    expect(await introspect(token, await addClient(stage))).toEqual({ active: false });
    const registered = await addClient(stage, { secret: SECRET, metadata, origin: "registration" });
    expect(await introspect(token, registered)).toEqual({ active: false });
    expect(await introspect("nothing", app)).toEqual({ active: false });
  });

  it("knows that MCP access was off since, for tokens of services too", async () => {
    const own = await openStage();
    try {
      const service = await addClient(own, { secret: SECRET, metadata });
      const auth = basic(service.id, SECRET);
      const answer = await post(`${own.issuer}/oauth/token`, { grant_type: "client_credentials" }, auth);
      const { access_token: token } = JSON.parse(await answer.text());
      const ask = async () => (await post(`${own.issuer}/oauth/introspect`, { token }, auth)).json();
      expect(await ask()).toMatchObject({ active: true });
      await setSettings(own, { mcpAccess: false, mcpOffAt: Date.now() });
      expect(await ask()).toEqual({ active: false });
      await setSettings(own, { mcpAccess: true });
      expect(await ask()).toEqual({ active: false });
    } finally {
      await own.close();
    }
  });

  it("says what the line says now: scopes that are left, the portal, and nothing of what it refuses", async () => {
    const own = await openStage();
    try {
      const strict = await strictClient(own.issuer);
      const someApp = await addClient(own);
      const { access_token: token } = await strict.tokens(someApp, { scope: "tickets:read tickets:write" });
      const ask = async (): Promise<Record<string, unknown>> => {
        const answer = await post(`${own.issuer}/oauth/introspect`, { token, client_id: someApp.id });
        return JSON.parse(await answer.text());
      };
      expect(await ask()).toMatchObject({ active: true, scope: "tickets:read tickets:write", portal: null });
      const change = async (fields: Partial<Pick<PersonRecord, "scopes" | "portals">>) => {
        const person = await own.people.get(own.person.id);
        if (person !== null) await own.people.update({ ...person, ...fields });
      };
      await change({ scopes: scopes("tickets:read") });
      expect(await ask()).toMatchObject({ active: true, scope: "tickets:read" });
      const record = await own.clients.get(someApp.id);
      const [portal = null] = ["acme"].filter(isPortalId);
      if (record !== null) await own.clients.update({ ...record, portal });
      expect(await ask()).toMatchObject({ active: true, portal: "acme" });
      await change({ portals: ["globex"].filter(isPortalId) });
      expect(await ask()).toEqual({ active: false });
    } finally {
      await own.close();
    }
  });

  it("knows what was taken away since", async () => {
    const { access_token: token } = await client.tokens(app);
    const person = await stage.people.get(stage.person.id);
    if (person === null) throw new Error("no person");
    await stage.people.update({ ...person, disabledAt: Date.now() });
    expect(await introspect(token, judge)).toEqual({ active: false });
    await stage.people.update({ ...person, version: person.version + 1 });
    expect(await introspect(token, judge)).toMatchObject({ active: true });
    const record = await stage.clients.get(app.id);
    if (record === null) throw new Error("no client");
    await stage.clients.update({ ...record, status: "disabled" });
    expect(await introspect(token, judge)).toEqual({ active: false });
  });
});
