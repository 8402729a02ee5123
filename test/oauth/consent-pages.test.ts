import { describe, expect, test } from "vitest";
import { type ClientId, isPortalId, type PersonId } from "../../src/core/ids.ts";
import { Browser, type Page } from "../support/browserless.ts";
import { CALLBACK, signIn, type Stage, startStage } from "./pages-stage.ts";

/** What a consent form sends, by name. */
function sent(page: Page, name: string): string[] {
  const form = page.forms.find(({ action }) => action.includes("/interaction/"));
  return (form?.fields ?? []).filter(([field]) => field === name).map(([, value]) => value);
}

const FORM = { action: "/interaction/" };

describe("the consent page", () => {
  test("asks for sign-in first, and goes on to the request", async () => {
    const stage = await startStage();
    const { record } = await stage.person();
    const client = await stage.client();
    const browser = new Browser();
    const signInAt = await stage.consent(browser, client.id);
    expect(signInAt.location).toContain("/signin?return_to=%2Foauth%2Finteraction%2F");
    const form = await browser.get(signInAt.location ?? "");
    const back = await browser.submit(form, { email: record.email, password: "a fine long password" });
    expect((await browser.follow(back)).text).toContain("Desk app");
  });

  test("shows client, scopes in words, portals, and where the browser goes", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id, { scope: "tickets:read tickets:write" });
    expect(page.status).toBe(200);
    for (const part of ["Desk app", "Read ticket details", "Create and update tickets", "Portal acme", "127.0.0.1:9"]) {
      expect(page.text).toContain(part);
    }
    expect(page.text).not.toContain("Run workflows");
    expect(sent(page, "scope")).toEqual(["tickets:read", "tickets:write"]);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("form-action 'self' http://127.0.0.1:9;");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  test("approve gives a code, and the token what was allowed", async () => {
    const stage = await startStage();
    const { browser, record } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id, { scope: "tickets:read tickets:write offline_access" });
    const answer = await browser.submit(page, { decision: "approve" }, FORM);
    expect(answer.status).toBe(303);
    const arrived = await stage.arrive(browser, answer);
    expect(arrived.get("state")).toBe("the-state");
    expect(arrived.get("iss")).toBe(stage.issuer);
    const tokens = await stage.redeem(client.id, arrived.get("code"));
    expect(tokens).toMatchObject({
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      refresh_token: expect.stringMatching(/./),
    });
    expect((await stage.whoami(tokens["access_token"])).answer).toMatchObject({
      subject: record.email,
      client: client.id,
      scopes: ["tickets:read", "tickets:write"],
      portal: null,
    });
    const [grant, ...others] = await stage.allGrants();
    expect(others).toEqual([]);
    expect(grant).toMatchObject({ person: record.id, client: client.id, resource: stage.issuer });
    expect(stage.actions("consent.approve")).toMatchObject([{ target: grant?.id, subject: record.email }]);
  });

  test("what is unticked is not granted, and the token is for the chosen portal", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id, { resource: `${stage.issuer}/mcp` });
    const answer = await browser.submit(page, { decision: "approve", scope: "tickets:read", portal: "globex" }, FORM);
    const tokens = await stage.redeem(client.id, (await stage.arrive(browser, answer)).get("code"));
    expect(tokens["scope"]).toBe("tickets:read");
    const { answer: who } = await stage.whoami(tokens["access_token"]);
    expect(who).toMatchObject({ scopes: ["tickets:read"], portal: "globex" });
    expect(await stage.allGrants()).toMatchObject([
      { scopes: ["tickets:read"], portal: "globex", resource: `${stage.issuer}/mcp` },
    ]);
  });

  test("approve keeps a client that would be forgotten", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const expiresAt = stage.clock.now() + 60_000;
    await stage.clients.update({ ...client, expiresAt });
    const page = await stage.consent(browser, client.id);
    expect((await stage.clients.get(client.id))?.expiresAt).toBe(expiresAt);
    await stage.arrive(browser, await browser.submit(page, { decision: "approve" }, FORM));
    stage.clock.advance(120_000);
    expect(await stage.clients.get(client.id)).toMatchObject({ id: client.id, expiresAt: null });
  });

  test("deny goes back to the client with access_denied, state and iss, and grants nothing", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const arrived = await stage.arrive(browser, await browser.submit(page, { decision: "deny" }, FORM));
    expect(arrived.get("error")).toBe("access_denied");
    expect(arrived.get("state")).toBe("the-state");
    expect(arrived.get("iss")).toBe(stage.issuer);
    expect(arrived.get("code")).toBeNull();
    expect(await stage.allGrants()).toEqual([]);
    expect(stage.actions("consent.deny")).toHaveLength(1);
  });

  test("a person with portals must choose one of them", async () => {
    const stage = await startStage();
    const { browser } = await stage.person({ portals: ["acme", "globex"] });
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    expect(page.text).not.toContain("All portals");
    for (const portal of ["", "initech"]) {
      const again = await browser.submit(page, { decision: "approve", portal }, FORM);
      expect(again.status).toBe(400);
      expect(again.text).toContain("portal");
    }
    expect(await stage.allGrants()).toEqual([]);
    const answer = await browser.submit(page, { decision: "approve", portal: "acme" }, FORM);
    await stage.arrive(browser, answer);
    expect(await stage.allGrants()).toMatchObject([{ portal: "acme" }]);
  });

  test("a person never gives what they do not have", async () => {
    const stage = await startStage();
    const { browser } = await stage.person({ scopes: ["tickets:read"] });
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    expect(sent(page, "scope")).toEqual(["tickets:read"]);
    const wider = await browser.submit(page, { decision: "approve", scope: ["tickets:read", "tickets:write"] }, FORM);
    expect(wider.status).toBe(400);
    expect(sent(wider, "scope")).toEqual(["tickets:read"]);
    expect(await stage.allGrants()).toEqual([]);
  });

  test("a form that was wrong keeps what was chosen", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const again = await browser.submit(
      page,
      { decision: "approve", csrf: "x", scope: "tickets:write", portal: "acme" },
      FORM,
    );
    expect(again.status).toBe(403);
    expect([sent(again, "scope"), sent(again, "portal")]).toEqual([["tickets:write"], ["acme"]]);
    const none = await browser.submit(again, { decision: "approve", scope: [] }, FORM);
    expect(none.status).toBe(400);
    expect(none.text).toContain("at least one");
    await stage.arrive(browser, await browser.submit(again, { decision: "approve" }, FORM));
    expect(await stage.allGrants()).toMatchObject([{ scopes: ["tickets:write"], portal: "acme" }]);
  });
});

describe("whose decision it is", () => {
  test.each(["approve", "deny"])("%s without the token of the form does nothing", async (decision) => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    for (const csrf of ["", "x", []]) {
      expect((await browser.submit(page, { decision, csrf }, FORM)).status).toBe(403);
    }
    expect(await stage.allGrants()).toEqual([]);
    await stage.arrive(browser, await browser.submit(page, { decision: "approve" }, FORM));
  });

  test("a form that another site sends does nothing", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const headers = { origin: "https://evil.example" };
    const answer = await browser.submit(page, { decision: "approve" }, { ...FORM, headers });
    expect(answer.status).toBe(403);
    expect(await stage.allGrants()).toEqual([]);
  });

  test("a page that was shown to somebody else does nothing in another person's session", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    await stage.person({ email: "otto@example.com" });
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    await browser.submit(page, {}, { action: "/signin/out" });
    await signIn(browser, stage.issuer, "otto@example.com");
    const answer = await browser.submit(page, { decision: "approve" }, FORM);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("otto@example.com");
    expect(await stage.allGrants()).toEqual([]);
  });

  test("another browser cannot take the request over, even of the same person", async () => {
    const stage = await startStage();
    const { browser, record } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const other = new Browser();
    await signIn(other, stage.issuer, record.email);
    expect((await other.get(page.url)).status).toBe(400);
    const posted = await other.post(page.url, { decision: "approve", scope: "tickets:read" });
    expect(posted.status).toBe(400);
    expect(posted.text).toContain("start again");
    expect(await stage.allGrants()).toEqual([]);
  });

  test("one request is not answered at the address of another", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const uid = page.url.slice(page.url.lastIndexOf("/") + 1);
    expect((await browser.get(page.url.replace(uid, "another-uid"))).status).toBe(400);
  });
});

describe("an answer given twice", () => {
  test("makes one grant; the second answer says so", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => browser.submit(page, { decision: "approve" }, FORM)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.text).toContain("answered already");
    expect(await stage.allGrants()).toHaveLength(1);
    expect((await browser.get(page.url)).status).toBe(409);
    const first = answers.find(({ status }) => status === 303);
    if (first !== undefined) await stage.arrive(browser, first);
    expect((await browser.get(page.url)).status).toBe(400);
  });

  test("deny after approve changes nothing", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const approved = await browser.submit(page, { decision: "approve" }, FORM);
    expect((await browser.submit(page, { decision: "deny" }, FORM)).status).toBe(409);
    expect((await stage.arrive(browser, approved)).get("code")).toMatch(/./);
  });

  test("every request asks anew, whatever was allowed before", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    for (let round = 0; round < 2; round += 1) {
      const page = await stage.consent(browser, client.id);
      expect(page.text).toContain("Desk app");
      await stage.arrive(browser, await browser.submit(page, { decision: "approve" }, FORM));
    }
    expect(await stage.allGrants()).toHaveLength(2);
  });
});

describe("what changes while the page is open", () => {
  test("a waiting client's page says so, is in the audit once, and goes on after the approval", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const id = await stage.registered("authorization_code");
    const page = await stage.consent(browser, id);
    expect([page.status, page.text.includes("waits for approval"), page.text.includes(id)]).toEqual([200, true, true]);
    expect(page.forms.some(({ action }) => action.includes("/interaction/"))).toBe(false);
    expect((await browser.get(page.url)).text).toContain("waits for approval");
    expect(stage.actions("client.waiting")).toHaveLength(1);
    const client = await stage.clients.get((await stage.clients.list("waiting", { limit: 1 }))[0]?.id ?? expectNever());
    await stage.clientsService.approve(client?.id ?? expectNever(), "test");
    const open = await browser.get(page.url);
    expect(open.text).toContain("registered itself");
    await stage.arrive(browser, await browser.submit(open, { decision: "approve" }, FORM));
  });

  test.each<[string, string, (stage: Stage, client: ClientId, person: PersonId) => Promise<unknown>]>([
    ["the client was disabled", "may not connect", (stage, client) => stage.clientsService.disable(client, "test")],
    ["MCP access was switched off", "switched", (stage) => stage.access.set({ mcpAccess: false })],
    ["the person lost every scope", "permissions", takeScopes],
  ])("nothing is granted where %s", async (_what, words, change) => {
    const stage = await startStage();
    const { browser, record } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    await change(stage, client.id, record.id);
    const answer = await browser.submit(page, { decision: "approve" }, FORM);
    expect([answer.status, answer.text.includes(words)]).toEqual([403, true]);
    expect(await stage.allGrants()).toEqual([]);
    expect(stage.actions("consent.refuse")).toHaveLength(1);
  });

  test("a client or person that is disabled at the very moment of the approval leaves no grant in force", async () => {
    for (const whom of ["client", "person"]) {
      const stage = await startStage();
      const { browser, record } = await stage.person();
      const client = await stage.client();
      const page = await stage.consent(browser, client.id);
      // It ends the grants that it finds: the one that is being made is not among them.
      stage.meanwhile.run = async () => {
        const changed = whom === "client" ? { ...client, status: "disabled" as const } : null;
        const person = { ...((await stage.people.get(record.id)) ?? expectNever()), disabledAt: 1 };
        return changed === null ? stage.people.update(person) : stage.clients.update(changed);
      };
      expect((await browser.submit(page, { decision: "approve" }, FORM)).status).toBe(403);
      expect(await stage.allGrants()).toMatchObject([{ revokedAt: expect.any(Number) }]);
    }
  });

  test("a person who was disabled is sent to sign in, and grants nothing", async () => {
    const stage = await startStage();
    const { browser, record } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    await stage.signin.people.disable(record.id);
    const answer = await browser.submit(page, { decision: "approve" }, FORM);
    expect(answer.location).toContain("/signin?return_to=");
    expect(await stage.allGrants()).toEqual([]);
  });

  test("a client that was narrowed to a portal is offered that one alone", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const portal = ["acme"].find(isPortalId) ?? expectNever();
    const client = await stage.client({ portal });
    const page = await stage.consent(browser, client.id);
    expect(sent(page, "portal")).toEqual(["acme"]);
    expect((await browser.submit(page, { decision: "approve", portal: "" }, FORM)).status).toBe(400);
    await stage.arrive(browser, await browser.submit(page, { decision: "approve" }, FORM));
    expect(await stage.allGrants()).toMatchObject([{ portal: "acme" }]);
  });

  test("a grant that is revoked takes its tokens with it", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const client = await stage.client();
    const page = await stage.consent(browser, client.id);
    const arrived = await stage.arrive(browser, await browser.submit(page, { decision: "approve" }, FORM));
    const { access_token: token } = await stage.redeem(client.id, arrived.get("code"));
    expect((await stage.whoami(token)).status).toBe(200);
    const [grant] = await stage.allGrants();
    await stage.grants.revoke(grant?.id ?? expectNever(), stage.clock.now());
    expect((await stage.whoami(token)).status).toBe(401);
  });
});

test("a request that was never made, or has ended, says to start again", async () => {
  const stage = await startStage();
  const { browser } = await stage.person();
  const page = await browser.get(`${stage.issuer}/oauth/interaction/nothing`);
  expect([page.status, page.text.includes("start again")]).toEqual([400, true]);
  expect(CALLBACK).not.toContain(stage.issuer);
});

async function takeScopes(stage: Stage, _client: ClientId, person: PersonId): Promise<void> {
  const record = (await stage.people.get(person)) ?? expectNever();
  if (!(await stage.people.update({ ...record, scopes: [] }))) expectNever();
}

function expectNever(): never {
  throw new Error("the stage has lost something");
}
