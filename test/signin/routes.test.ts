import { describe, expect, test } from "vitest";
import { Browser } from "../support/browserless.ts";
import { PASSWORD, startStage } from "./stage.ts";

const SESSION = "portcullis_session";

describe("the sign-in form", () => {
  test("signs in, leads to where the person was going, and shows the account afterwards", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    const done = await stage.signIn(browser, {}, `/signin?return_to=${encodeURIComponent("/oauth/whoami?a=1")}`);
    expect([done.status, done.location]).toEqual([303, stage.url("/oauth/whoami?a=1")]);
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
    const account = await browser.get(stage.url("/signin"));
    expect(account.status).toBe(200);
    expect(account.text).toContain("You are signed in");
    expect(account.text).toContain("Mara Lind");
    expect(stage.events.at(-1)).toMatchObject({
      event: "signin",
      action: "signin.password",
      subject: "mara@example.com",
      clientIp: "192.0.2.1",
      requestId: expect.stringMatching(/^req-/),
    });
    expect((await stage.people.findByEmail("mara@example.com"))?.lastSignInAt).toBe(stage.clock.now());
  });

  test("takes the email however it is written, and the password in another normal form", async () => {
    const stage = await startStage();
    await stage.add({ password: "ﬁne and proper é" });
    const browser = new Browser();
    const done = await stage.signIn(browser, { email: " MARA@Example.COM ", password: "fine and proper é" });
    expect(done.status).toBe(303);
  });

  test("goes on at once where the person is signed in already", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    const page = await browser.get(stage.url(`/signin?return_to=${encodeURIComponent("/oauth/device?x=1")}`));
    expect([page.status, page.location]).toEqual([303, stage.url("/oauth/device?x=1")]);
  });

  test("asks again whoever is to prove who they are, and begins a new session", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    const first = browser.cookies()[SESSION] ?? "";
    stage.clock.advance(3_600_000);
    const asked = await browser.get(stage.url("/signin?return_to=/oauth/whoami&again=1"));
    expect([asked.status, asked.text.includes("Confirm that it is you")]).toEqual([200, true]);
    const wrong = await browser.submit(asked, { password: "a wrong horse" });
    expect([wrong.status, wrong.text.includes("Confirm that it is you")]).toEqual([403, true]);
    expect((await stage.signin.sessions.find(first))?.provedAt).toBe(stage.clock.now() - 3_600_000);
    const done = await browser.submit(wrong, { password: PASSWORD });
    expect([done.status, done.location]).toEqual([303, stage.url("/oauth/whoami")]);
    const second = browser.cookies()[SESSION] ?? "";
    expect((await stage.signin.sessions.find(second))?.provedAt).toBe(stage.clock.now());
    expect(await stage.signin.sessions.find(first)).toBeNull();
    // Nobody is asked "again" who is not signed in.
    expect((await new Browser().get(stage.url("/signin?again=1"))).text).toContain("<h1>Sign in</h1>");
  });

  test("says the same of a wrong password, an unknown account and a disabled one; the audit tells them apart", async () => {
    const stage = await startStage();
    await stage.add();
    const gone = await stage.add({ email: "gone@example.com" });
    await stage.signin.people.disable(gone.id);
    const before = stage.passwords.derivations;
    const pages = [];
    for (const fields of [
      { password: "not the password" },
      { email: "nobody@example.com" },
      { email: "gone@example.com" },
    ]) {
      const browser = new Browser();
      const page = await stage.signIn(browser, fields);
      pages.push([page.status, /<div class="notice.*?<\/div>/s.exec(page.text)?.[0]]);
      expect(browser.cookies()).not.toHaveProperty(SESSION);
      expect(page.text).not.toContain(PASSWORD);
    }
    expect(pages).toEqual([pages[0], pages[0], pages[0]]);
    expect(pages[0]).toEqual([403, expect.stringContaining("The email or the password is wrong.")]);
    // Timing: each costs exactly one derivation.
    expect(stage.passwords.derivations - before).toBe(3);
    expect(stage.events.map(({ reason }) => reason)).toEqual(["wrong_password", "unknown_account", "disabled"]);
    expect(stage.events[1]?.subject).toBeUndefined();
    expect(JSON.stringify(stage.events)).not.toContain("not the password");
  });

  test("keeps the email and where to go in the page that asks again, and escapes them", async () => {
    const stage = await startStage();
    const browser = new Browser();
    const page = await stage.signIn(browser, { email: '"><script>' }, "/signin?return_to=/oauth/device");
    expect(page.text).not.toContain("<script>");
    expect(page.forms[0]?.fields).toContainEqual(["email", '"><script>']);
    expect(page.forms[0]?.fields).toContainEqual(["return_to", "/oauth/device"]);
  });

  test.each([
    "//evil.example",
    "https://evil.example/oauth",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "/oauth/../../evil",
    "/oauth/%2e%2e/evil",
    "/elsewhere",
    "/oauth@evil.example",
    "/signinx",
    "",
  ])("never leads to %j", async (returnTo) => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    const done = await stage.signIn(browser, {}, `/signin?return_to=${encodeURIComponent(returnTo)}`);
    expect(done.location).toBe(stage.url("/signin"));
    // Nor where the field of the form was changed.
    const other = new Browser();
    const page = await other.get(stage.url("/signin"));
    const forced = await other.submit(page, { email: "mara@example.com", password: PASSWORD, return_to: returnTo });
    expect(forced.location).toBe(stage.url("/signin"));
    expect((await other.get(stage.url(`/signin?return_to=${encodeURIComponent(returnTo)}`))).location).toBeNull();
  });

  test("refuses two places to go back to", async () => {
    const stage = await startStage();
    const page = await new Browser().get(stage.url("/signin?return_to=/oauth/a&return_to=/oauth/b"));
    expect(page.forms[0]?.fields).toContainEqual(["return_to", ""]);
  });
});

describe("forgery of the sign-in form", () => {
  test.each([
    ["no token", (_token: string) => []],
    ["an empty one", (_token: string) => ["csrf", ""]],
    ["a made up one", (_token: string) => ["csrf", "A".repeat(64)]],
    ["a changed one", (token: string) => ["csrf", `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`]],
  ])("%s is refused, and no password is checked", async (_what, change) => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    const page = await browser.get(stage.url("/signin"));
    const token = page.forms[0]?.fields.find(([name]) => name === "csrf")?.[1] ?? "";
    const before = stage.passwords.derivations;
    const pair = change(token);
    const fields = {
      email: "mara@example.com",
      password: PASSWORD,
      ...(pair[0] === undefined ? {} : { [pair[0]]: pair[1] ?? "" }),
    };
    const answer = await browser.post(stage.url("/signin"), fields);
    expect(answer.status).toBe(403);
    expect(browser.cookies()).not.toHaveProperty(SESSION);
    expect(stage.passwords.derivations).toBe(before);
    expect(stage.events.at(-1)).toMatchObject({ decision: "deny", reason: "csrf" });
  });

  test("a token of another browser is refused", async () => {
    const stage = await startStage();
    await stage.add();
    const attacker = new Browser();
    const theirs = (await attacker.get(stage.url("/signin"))).forms[0]?.fields ?? [];
    const victim = new Browser();
    await victim.get(stage.url("/signin"));
    const fields = { ...Object.fromEntries(theirs), email: "mara@example.com", password: PASSWORD };
    expect((await victim.post(stage.url("/signin"), fields)).status).toBe(403);
    expect((await new Browser().post(stage.url("/signin"), fields)).status).toBe(403);
    expect(await stage.whoIs(victim)).toBeNull();
  });

  test.each([
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])("what another site sends is refused: %j", async (headers) => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    const page = await browser.get(stage.url("/signin"));
    const answer = await browser.submit(page, { email: "mara@example.com", password: PASSWORD }, { headers });
    expect(answer.status).toBe(403);
    expect(browser.cookies()).not.toHaveProperty(SESSION);
  });

  test("a field sent twice is refused", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    const page = await browser.get(stage.url("/signin"));
    const answer = await browser.submit(page, { email: ["mara@example.com", "x@example.com"], password: PASSWORD });
    expect(answer.status).toBe(422);
  });

  test("an empty or a huge password is answered without a check", async () => {
    const stage = await startStage();
    await stage.add();
    const before = stage.passwords.derivations;
    for (const password of ["", "x".repeat(1025)]) {
      expect((await stage.signIn(new Browser(), { password })).status).toBe(422);
    }
    expect((await stage.signIn(new Browser(), { password: "x".repeat(100_000) })).status).toBe(413);
    expect(stage.passwords.derivations).toBe(before);
  });
});

describe("the session of a browser", () => {
  test("is a cookie that scripts and other sites' forms cannot use", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    expect(browser.attributesOf(SESSION)).toBe("max-age=43200; path=/; httponly; samesite=lax");
    expect(browser.cookies()[SESSION]).toMatch(/^[\w-]{43}$/);
  });

  test("is a __Host- cookie where our pages are on https", async () => {
    const stage = await startStage({ publicUrl: "https://desk.example.com" });
    await stage.add();
    const browser = new Browser();
    const page = await browser.get(stage.url("/signin"));
    const headers = { origin: "https://desk.example.com" };
    await browser.submit(page, { email: "mara@example.com", password: PASSWORD }, { headers });
    expect(Object.keys(browser.cookies()).toSorted()).toEqual([
      "__Host-portcullis_device",
      "__Host-portcullis_session",
    ]);
    for (const name of Object.keys(browser.cookies())) expect(browser.attributesOf(name)).toContain("; secure");
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
    // The plain name is not looked at.
    const plain = new Browser();
    plain.setCookie(SESSION, browser.cookies()["__Host-portcullis_session"] ?? "");
    expect(await stage.whoIs(plain)).toBeNull();
  });

  test("is new at each sign-in: what was planted before is no session, and what was one is none any more", async () => {
    const stage = await startStage();
    await stage.add();
    const attacker = new Browser();
    await stage.signIn(attacker);
    const planted = attacker.cookies()[SESSION] ?? "";
    const victim = new Browser();
    victim.setCookie(SESSION, planted);
    const made = await victim.get(stage.url("/signin"));
    expect(made.text).toContain("You are signed in");
    await stage.add({ email: "victim@example.com" });
    // The form is open in another tab, from before the cookie was planted.
    victim.forget(SESSION);
    const page = await victim.get(stage.url("/signin"));
    victim.setCookie(SESSION, planted);
    await victim.submit(page, { email: "victim@example.com", password: PASSWORD });
    expect(victim.cookies()[SESSION]).not.toBe(planted);
    expect(await stage.whoIs(victim)).toBe("victim@example.com");
    expect(await stage.whoIs(attacker)).toBeNull();
  });

  test("takes no token that was never given out", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    browser.setCookie(SESSION, "A".repeat(43));
    expect(await stage.whoIs(browser)).toBeNull();
    await stage.signIn(browser);
    expect(browser.cookies()[SESSION]).not.toBe("A".repeat(43));
  });

  test("ends at sign-out, on this browser alone", async () => {
    const stage = await startStage();
    await stage.add();
    const [browser, other] = [new Browser(), new Browser()];
    await stage.signIn(browser);
    await stage.signIn(other);
    const token = browser.cookies()[SESSION] ?? "";
    const out = await browser.submit(await browser.get(stage.url("/signin")), {}, { action: "/signin/out" });
    expect([out.status, out.location]).toEqual([303, stage.url("/signin")]);
    expect(browser.cookies()).not.toHaveProperty(SESSION);
    browser.setCookie(SESSION, token);
    expect(await stage.whoIs(browser)).toBeNull();
    expect(await stage.whoIs(other)).toBe("mara@example.com");
    expect(stage.events.at(-1)).toMatchObject({ action: "signin.out", subject: "mara@example.com" });
  });

  test("does not end by a forged sign-out", async () => {
    const stage = await startStage();
    await stage.add();
    const [browser, other] = [new Browser(), new Browser()];
    await stage.signIn(browser);
    await stage.signIn(other);
    const theirs = (await other.get(stage.url("/signin"))).forms[0]?.fields ?? [];
    for (const fields of [{}, { csrf: "x" }, Object.fromEntries(theirs)]) {
      expect((await browser.post(stage.url("/signin/out"), fields)).status).toBe(403);
    }
    const page = await browser.get(stage.url("/signin"));
    const headers = { origin: "https://evil.example" };
    expect((await browser.submit(page, {}, { action: "/signin/out", headers })).status).toBe(403);
    expect((await browser.get(stage.url("/signin/out"))).status).toBe(404);
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
  });

  test("ends when its life is over, however much it is used", async () => {
    const stage = await startStage({ session: "1h" });
    await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    stage.clock.advance(3_599_999);
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
    stage.clock.advance(1);
    expect(await stage.whoIs(browser)).toBeNull();
  });

  test.each(["disable", "setPassword"] as const)("ends at once by %s", async (act) => {
    const stage = await startStage();
    const person = await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    const { people } = stage.signin;
    await (act === "disable" ? people.disable(person.id) : people.setPassword(person.id, "another fine password"));
    expect(await stage.whoIs(browser)).toBeNull();
    await stage.signin.people.enable(person.id);
    expect(await stage.whoIs(browser)).toBeNull();
  });
});

describe("every answer", () => {
  test("is not kept, not framed, and runs nothing", async () => {
    const stage = await startStage();
    const { headers, text } = await new Browser().get(stage.url("/signin"));
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'self';.*frame-ancestors 'none'/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(text).not.toMatch(/<script|style=|onclick/);
    const sheet = /href="(\/signin\/portcullis\.[0-9a-f]+\.css)"/.exec(text)?.[1] ?? "";
    const style = await new Browser().get(stage.url(sheet));
    expect([style.status, style.headers.get("content-type")]).toEqual([200, "text/css; charset=utf-8"]);
  });

  test("is 503 where the store is gone, and nobody is signed in", async () => {
    const stage = await startStage();
    await stage.add();
    const browser = new Browser();
    await stage.signIn(browser);
    await stage.store.close();
    expect((await browser.get(stage.url("/signin"))).status).toBe(503);
    expect((await browser.get(stage.url("/oauth/whoami"))).status).toBe(503);
  });
});
