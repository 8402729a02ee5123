import { describe, expect, test } from "vitest";
import { Browser, type Page } from "../support/browserless.ts";
import { signIn, type Stage, startStage } from "./pages-stage.ts";

const FORM = { action: "/oauth/device" };
const DEVICE = { redirectUris: [], name: "Desk lamp" };

/** Types a code into the device page. */
async function enter(stage: Stage, browser: Browser, code: string): Promise<Page> {
  const page = await browser.get(stage.url("/oauth/device"));
  return browser.submit(page, { user_code: code }, FORM);
}

/** A stage with a person and a device that waits. */
async function deviceStage() {
  const stage = await startStage();
  const { browser, record } = await stage.person();
  const client = await stage.client(DEVICE);
  const device = await stage.device(client.id);
  return { stage, browser, record, client, device };
}

/** What tells one answer from another, without its form token. */
function seen({ status, text }: Page, code: string): [number, string] {
  const shown = text.replaceAll(code, "CODE").replaceAll(/value="[\w.~-]{30,}"/g, "");
  return [status, shown];
}

describe("the device page", () => {
  test("asks for sign-in first, and keeps the code of the link", async () => {
    const { stage, device } = await deviceStage();
    const page = await new Browser().get(stage.url(`/oauth/device?user_code=${device.userCode}`));
    expect(page.status).toBe(303);
    expect(page.location).toBe(
      stage.url(`/signin?return_to=${encodeURIComponent(`/oauth/device?user_code=${device.userCode}`)}`),
    );
  });

  test("shows the code of the link and asks, without deciding anything", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const page = await browser.get(String(device.answer["verification_uri_complete"]));
    expect(page.text).toContain(`value="${device.userCode}"`);
    expect(page.text).not.toContain("Desk lamp");
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "authorization_pending" });
  });

  test("shows nothing of a link that holds no code", async () => {
    const { stage, browser } = await deviceStage();
    const page = await browser.get(stage.url("/oauth/device?user_code=<b>evil</b>"));
    expect([page.status, page.text.includes("evil")]).toEqual([200, false]);
  });

  test("confirms the code with client, scopes, origin and a warning; approve gives the device its token", async () => {
    const { stage, browser, client, device, record } = await deviceStage();
    const typed = device.userCode.toLowerCase().replace("-", " ");
    const confirm = await enter(stage, browser, ` ${typed}.`);
    expect(confirm.status).toBe(200);
    for (const part of [
      "Desk lamp",
      device.userCode,
      "Read ticket details",
      "Portal globex",
      stage.at.address,
      "started this yourself",
    ]) {
      expect(confirm.text).toContain(part);
    }
    const done = await browser.submit(confirm, { decision: "approve", scope: "tickets:read", portal: "globex" }, FORM);
    expect([done.status, done.text.includes("Device connected")]).toEqual([200, true]);
    const tokens = await stage.poll(client.id, device);
    expect(tokens).toMatchObject({
      access_token: expect.stringMatching(/./),
      scope: "tickets:read",
    });
    expect((await stage.whoami(tokens["access_token"])).answer).toMatchObject({
      subject: record.email,
      client: client.id,
      scopes: ["tickets:read"],
      portal: "globex",
    });
    const [grant, ...others] = await stage.allGrants();
    expect(others).toEqual([]);
    expect(grant).toMatchObject({ flow: "device_code", scopes: ["tickets:read"], portal: "globex" });
    expect(stage.actions("device.approve")).toMatchObject([{ target: grant?.id }]);
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "invalid_grant" });
  });

  test("a token of a device dies with its grant, and so does its refresh token", async () => {
    const { stage, browser, client, device } = await deviceStage();
    await browser.submit(await enter(stage, browser, device.userCode), { decision: "approve" }, FORM);
    const tokens = await stage.poll(client.id, device);
    const [grant] = await stage.allGrants();
    if (grant !== undefined) await stage.grants.revoke(grant.id, stage.clock.now());
    expect((await stage.whoami(tokens["access_token"])).status).toBe(401);
    const response = await stage.post("/oauth/token", {
      grant_type: "refresh_token",
      client_id: client.id,
      refresh_token: String(tokens["refresh_token"]),
    });
    expect(await response.json()).toMatchObject({ error: "invalid_grant" });
  });

  test("deny tells the device so", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const done = await browser.submit(await enter(stage, browser, device.userCode), { decision: "deny" }, FORM);
    expect([done.status, done.text.includes("Device denied")]).toEqual([200, true]);
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "access_denied" });
    expect(await stage.allGrants()).toEqual([]);
    expect(stage.actions("device.deny")).toHaveLength(1);
  });

  test("a decision without the code, or with one that is wrong, does nothing", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    for (const user_code of ["", "BBBB-BBBB", []]) {
      const answer = await browser.submit(confirm, { decision: "approve", user_code }, FORM);
      expect([answer.status, answer.text.includes("Enter the code")]).toEqual([400, true]);
    }
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "authorization_pending" });
  });

  test.each([
    ["no scope", { scope: [] }],
    ["a scope that was not offered", { scope: ["tickets:read", "users:write"] }],
    ["a portal that is none", { portal: "initech" }],
    ["a decision that is none", { decision: "maybe" }],
  ])("%s is asked for again, and nothing is granted", async (_what, wrong) => {
    const { stage, browser, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    const again = await browser.submit(confirm, { decision: "approve", ...wrong }, FORM);
    expect([again.status, again.text.includes(device.userCode)]).toEqual([400, true]);
    expect(await stage.allGrants()).toEqual([]);
  });

  test.each(["code", "approve", "deny"])("the %s form without its token does nothing", async (which) => {
    const { stage, browser, client, device } = await deviceStage();
    const page =
      which === "code" ? await browser.get(stage.url("/oauth/device")) : await enter(stage, browser, device.userCode);
    const decision = which === "code" ? {} : { decision: which };
    const answer = await browser.submit(page, { user_code: device.userCode, ...decision, csrf: "x" }, FORM);
    expect([answer.status, answer.text.includes("Desk lamp")]).toEqual([403, false]);
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "authorization_pending" });
  });

  test("a page of somebody else's session does nothing", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const { browser: other } = await stage.person({ email: "otto@example.com" });
    const confirm = await enter(stage, browser, device.userCode);
    const answer = await other.submit(confirm, { decision: "approve" }, FORM);
    expect(answer.status).toBe(403);
    expect(await stage.poll(client.id, device)).toMatchObject({ error: "authorization_pending" });
  });
});

describe("one code", () => {
  test("is decided by one of many people", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const { browser: other } = await stage.person({ email: "otto@example.com" });
    const pages = await Promise.all([browser, other].map((one) => enter(stage, one, device.userCode)));
    const answers = await Promise.all(
      [browser, other].map((one, index) => one.submit(pages[index] ?? never(), { decision: "approve" }, FORM)),
    );
    expect(answers.filter(({ text }) => text.includes("Device connected"))).toHaveLength(1);
    const [grant, ...others] = await stage.allGrants();
    expect(others).toEqual([]);
    const { access_token: token } = await stage.poll(client.id, device);
    const { answer } = await stage.whoami(token);
    expect((await stage.people.get(grant?.person ?? never()))?.email).toBe(answer["subject"]);
  });

  test("is decided by one of many processes", async () => {
    const first = await startStage();
    const second = await startStage({ file: first.file, issuer: first.issuer });
    const { browser } = await first.person();
    const client = await first.client(DEVICE);
    const device = await first.device(client.id);
    const other = new Browser();
    const headers = { origin: first.issuer };
    await signIn(other, second.origin, "mara@example.com", headers);
    const blank = await other.get(`${second.origin}/oauth/device`);
    const pages = [
      await enter(first, browser, device.userCode),
      await other.submit(blank, { user_code: device.userCode }, { ...FORM, headers }),
    ] as const;
    const answers = await Promise.all([
      browser.submit(pages[0], { decision: "approve" }, FORM),
      other.submit(pages[1], { decision: "deny" }, { ...FORM, headers }),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const approved = answers[0].status === 200;
    expect(await first.allGrants()).toHaveLength(approved ? 1 : 0);
    const polled = await first.poll(client.id, device);
    expect([typeof polled["access_token"], polled["error"]]).toEqual(
      approved ? ["string", undefined] : ["undefined", "access_denied"],
    );
  });

  test("approved twice by a double click makes one grant", async () => {
    const { stage, browser, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => browser.submit(confirm, { decision: "approve" }, FORM)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.text).toContain("answered already");
    expect(await stage.allGrants()).toHaveLength(1);
  });
});

describe("codes that do not fit", () => {
  test("look alike: unknown, malformed, expired, and used by somebody else", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const { browser: other } = await stage.person({ email: "otto@example.com" });
    await other.submit(await enter(stage, other, device.userCode), { decision: "approve" }, FORM);
    const used = await enter(stage, browser, device.userCode);
    const late = await stage.device(client.id);
    const unknown = await enter(stage, browser, "BBBB-BBBB");
    const malformed = await enter(stage, browser, "0O1I-AEIO");
    stage.clock.advance(601_000);
    const expired = await enter(stage, browser, late.userCode);
    const expected = seen(unknown, "BBBB-BBBB");
    expect(expected[0]).toBe(400);
    expect(seen(malformed, "0O1I-AEIO")).toEqual(expected);
    expect(seen(used, device.userCode)).toEqual(expected);
    expect(seen(expired, late.userCode)).toEqual(expected);
    expect(stage.actions("device.wrong_code")).toHaveLength(4);
  });

  test("five in a quarter of an hour, then the person waits, even with the right one", async () => {
    const { stage, browser, device } = await deviceStage();
    for (let guess = 0; guess < 5; guess += 1) expect((await enter(stage, browser, "BBBB-BBBB")).status).toBe(400);
    stage.at.address = "192.0.2.2";
    const refused = await enter(stage, browser, device.userCode);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
    expect(refused.text).not.toContain("Desk lamp");
    expect(stage.actions("device.throttled")).toHaveLength(1);
    stage.at.address = "192.0.2.3";
    const { browser: other } = await stage.person({ email: "otto@example.com" });
    expect((await enter(stage, other, device.userCode)).status).toBe(200);
    stage.clock.advance(900_000);
    expect((await enter(stage, browser, "BBBB-BBBB")).status).toBe(400);
  });

  test("tries at the same time do not outrun the count", async () => {
    const { stage, browser } = await deviceStage();
    const page = await browser.get(stage.url("/oauth/device"));
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => browser.submit(page, { user_code: "BBBB-BBBB" }, FORM)),
    );
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  test("a right one is not counted, and gives back no wrong one: own devices buy no guesses", async () => {
    const { stage, browser, client, device } = await deviceStage();
    for (let guess = 0; guess < 4; guess += 1) await enter(stage, browser, "BBBB-BBBB");
    for (const { userCode } of [device, await stage.device(client.id)]) {
      for (let times = 0; times < 3; times += 1) expect((await enter(stage, browser, userCode)).status).toBe(200);
    }
    expect((await enter(stage, browser, "BBBB-BBBB")).status).toBe(400);
    expect((await enter(stage, browser, device.userCode)).status).toBe(429);
  });

  test("right ones at the same time as wrong ones give back nothing but themselves", async () => {
    const { stage, browser, device } = await deviceStage();
    const page = await browser.get(stage.url("/oauth/device"));
    const codes = Array.from({ length: 24 }, (_, at) => (at % 2 === 0 ? device.userCode : "BBBB-BBBB"));
    const answers = await Promise.all(codes.map((user_code) => browser.submit(page, { user_code }, FORM)));
    expect(answers.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(5);
    for (let guess = 0; guess < 5; guess += 1) await enter(stage, browser, "BBBB-BBBB");
    expect(stage.actions("device.wrong_code")).toHaveLength(5);
  });

  test("five from one network, then nobody there goes on, whoever they are", async () => {
    const { stage, device } = await deviceStage();
    for (let guess = 0; guess < 5; guess += 1) {
      stage.at.address = `2001:db8:1:2::${guess}`;
      const { browser } = await stage.person({ email: `guesser${guess}@example.com` });
      await enter(stage, browser, "BBBB-BBBB");
    }
    const { browser } = await stage.person({ email: "otto@example.com" });
    for (let times = 0; times < 6; times += 1) {
      const refused = await enter(stage, browser, device.userCode);
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
    }
    stage.at.address = "2001:db8:1:3::1";
    expect((await enter(stage, browser, device.userCode)).status).toBe(200);
  });

  test("an empty code is no guess", async () => {
    const { stage, browser, device } = await deviceStage();
    for (let times = 0; times < 7; times += 1) expect((await enter(stage, browser, " ")).status).toBe(400);
    expect((await enter(stage, browser, device.userCode)).status).toBe(200);
  });
});

describe("what changes while the device waits", () => {
  test("a waiting client's page says so, and the code is good after the approval", async () => {
    const stage = await startStage();
    const { browser } = await stage.person();
    const id = await stage.registered("urn:ietf:params:oauth:grant-type:device_code");
    const device = await stage.device(id);
    const page = await enter(stage, browser, device.userCode);
    expect([page.status, page.text.includes("waits for approval"), page.text.includes(id)]).toEqual([200, true, true]);
    expect(await stage.poll(id, device)).toMatchObject({ error: "authorization_pending" });
    expect(await stage.poll(id, device)).toMatchObject({ error: "slow_down" });
    const [client] = await stage.clients.list("waiting", { limit: 1 });
    await stage.clientsService.approve(client?.id ?? never(), "test");
    await browser.submit(await enter(stage, browser, device.userCode), { decision: "approve" }, FORM);
    stage.clock.advance(10_000);
    expect(await stage.poll(id, device)).toMatchObject({ access_token: expect.stringMatching(/./) });
    expect(stage.actions("token.refuse").map(({ reason }) => reason)).toEqual(["slow_down"]);
  });

  test.each([
    ["the client was disabled", "may not connect"],
    ["MCP access was switched off", "switched"],
  ])("nothing is granted where %s", async (what, words) => {
    const { stage, browser, client, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    if (what.startsWith("the client")) await stage.clientsService.disable(client.id, "test");
    else await stage.access.set({ mcpAccess: false });
    const answer = await browser.submit(confirm, { decision: "approve" }, FORM);
    expect([answer.status, answer.text.includes(words)]).toEqual([403, true]);
    expect(await stage.allGrants()).toEqual([]);
  });

  test("a client that is disabled at the very moment of the approval gets no token, and leaves no grant", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    stage.meanwhile.run = () => stage.clients.update({ ...client, status: "disabled" });
    expect((await browser.submit(confirm, { decision: "approve" }, FORM)).status).toBe(403);
    expect(await stage.allGrants()).toMatchObject([{ revokedAt: expect.any(Number) }]);
    expect(await stage.poll(client.id, device)).not.toHaveProperty("access_token");
  });

  test("a code that ran out while the page was open is not approved", async () => {
    const { stage, browser, device } = await deviceStage();
    const confirm = await enter(stage, browser, device.userCode);
    stage.clock.advance(601_000);
    expect((await browser.submit(confirm, { decision: "approve" }, FORM)).status).toBe(400);
    expect(await stage.allGrants()).toEqual([]);
  });

  test("a person with portals must choose one", async () => {
    const stage = await startStage();
    const { browser } = await stage.person({ portals: ["acme", "globex"] });
    const device = await stage.device((await stage.client(DEVICE)).id);
    const confirm = await enter(stage, browser, device.userCode);
    expect((await browser.submit(confirm, { decision: "approve" }, FORM)).status).toBe(400);
    expect((await browser.submit(confirm, { decision: "approve", portal: "acme" }, FORM)).status).toBe(200);
    expect(await stage.allGrants()).toMatchObject([{ portal: "acme" }]);
  });
});

describe("whoami", () => {
  test("refuses what is no token of ours, and one that has expired", async () => {
    const { stage, browser, client, device } = await deviceStage();
    const bare = await fetch(stage.url("/oauth/whoami"));
    expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    for (const token of ["x", "x".repeat(43)]) expect((await stage.whoami(token)).status).toBe(401);
    await browser.submit(await enter(stage, browser, device.userCode), { decision: "approve" }, FORM);
    const { access_token: token } = await stage.poll(client.id, device);
    expect((await stage.whoami(token)).status).toBe(200);
    stage.clock.advance(3_600_000);
    expect((await stage.whoami(token)).status).toBe(401);
  });
});

function never(): never {
  throw new Error("the stage has lost something");
}
