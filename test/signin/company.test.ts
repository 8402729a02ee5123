import { describe, expect, onTestFinished, test } from "vitest";
import { Browser, type Page, unescapeHtml } from "../support/browserless.ts";
import { type CompanyAccount, type CompanyProvider, startCompanyProvider } from "../support/company-provider.ts";
import { type Stage, startStage } from "./stage.ts";

const MARA: CompanyAccount = {
  subject: "employee-1",
  email: "Mara@Example.com",
  emailVerified: true,
  name: "Mara Lind",
  groups: ["desk", "acme-team"],
};

const GROUPS = {
  desk: { scopes: ["tickets:read"], portals: ["globex"] },
  "acme-team": { scopes: ["tickets:write"], portals: ["acme"] },
  admins: { role: "admin" },
};

interface Company {
  readonly stage: Stage;
  readonly provider: CompanyProvider;
}

async function startCompany(
  options: {
    claimsInIdToken?: boolean;
    config?: Record<string, unknown>;
    accounts?: Record<string, CompanyAccount>;
  } = {},
): Promise<Company> {
  let provider: CompanyProvider | undefined;
  const stage = await startStage({
    async company(origin) {
      provider = await startCompanyProvider({
        redirectUris: [`${origin}/signin/company/callback`],
        accounts: options.accounts ?? { mara: MARA },
        ...(options.claimsInIdToken === undefined ? {} : { claimsInIdToken: options.claimsInIdToken }),
      });
      const { issuer, clientId, clientSecret } = provider;
      return {
        name: "Acme",
        issuer,
        client_id: clientId,
        client_secret: clientSecret,
        groups: GROUPS,
        ...options.config,
      };
    },
  });
  if (provider === undefined) throw new Error("no provider");
  onTestFinished(provider.stop);
  return { stage, provider };
}

const isCallback = (location: string): boolean => location.includes("/signin/company/callback");

/** Goes through the provider up to the redirect back to us, which is not followed. */
async function upToCallback(
  { stage }: Company,
  browser: Browser,
  { login = "mara", change = (url: URL): void => void url, path = "/signin/company" } = {},
): Promise<string> {
  const start = await browser.get(stage.url(path));
  if (start.location === null) throw new Error(`no redirect: ${start.status} ${start.text}`);
  const asked = new URL(start.location);
  change(asked);
  const form = await browser.follow(browser.get(asked.href), isCallback);
  if (form.location !== null) return form.location;
  const end = await browser.follow(browser.submit(form, { login }), isCallback);
  if (end.location === null) throw new Error(`not sent back: ${end.status} ${end.text}`);
  return end.location;
}

async function signIn(company: Company, browser: Browser, login = "mara"): Promise<Page> {
  return browser.get(await upToCallback(company, browser, { login }));
}

function lastRefusal({ stage }: Company): unknown {
  const { action, decision, reason } = stage.events.at(-1) ?? {};
  return { action, decision, reason };
}

const refusedAs = (reason: string) => ({ action: "signin.company", decision: "deny", reason });

function withoutAsking({ searchParams }: URL): void {
  searchParams.delete("prompt");
  searchParams.delete("max_age");
}

describe("sign-in through the company", () => {
  test("makes the person, with what the groups give together, and leads on", async () => {
    const company = await startCompany();
    const { stage } = company;
    const browser = new Browser();
    const page = await browser.get(stage.url("/signin?return_to=/oauth/device"));
    expect(page.text).toContain("Sign in with Acme");
    const path = /href="(\/signin\/company[^"]*)"/.exec(page.text)?.[1] ?? "";
    const done = await browser.get(await upToCallback(company, browser, { path }));
    expect([done.status, done.location]).toEqual([303, stage.url("/oauth/device")]);
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
    const person = await stage.people.findByEmail("mara@example.com");
    expect(person).toMatchObject({
      name: "Mara Lind",
      role: "member",
      scopes: ["tickets:read", "tickets:write"],
      portals: ["globex", "acme"],
      password: null,
      company: `${company.provider.issuer} employee-1`,
    });
    expect(stage.events.at(-1)).toMatchObject({
      action: "signin.company",
      subject: "mara@example.com",
      target: person?.id,
    });
  });

  test("follows the groups and the email at each sign-in, and keeps the person", async () => {
    const company = await startCompany();
    const { provider, stage } = company;
    await signIn(company, new Browser());
    const before = await stage.people.findByEmail("mara@example.com");
    provider.accounts.set("mara", {
      ...MARA,
      email: "mara.berg@example.com",
      name: "Mara Berg",
      groups: ["admins", "other"],
    });
    const browser = new Browser();
    await signIn(company, browser);
    expect(await stage.whoIs(browser)).toBe("mara.berg@example.com");
    expect(await stage.people.findByEmail("mara@example.com")).toBeNull();
    expect(await stage.people.findByEmail("mara.berg@example.com")).toMatchObject({
      id: before?.id,
      name: "Mara Berg",
      role: "admin",
      scopes: ["tickets:read", "tickets:write", "workflows:*"],
      portals: null,
    });
    provider.accounts.set("mara", { ...MARA, groups: ["desk"] });
    await signIn(company, new Browser());
    expect(await stage.people.findByEmail("mara@example.com")).toMatchObject({ role: "member", portals: ["globex"] });
  });

  test("asks the user info endpoint where the ID token lacks the claims", async () => {
    const company = await startCompany({ claimsInIdToken: false });
    const browser = new Browser();
    await signIn(company, browser);
    expect(await company.stage.whoIs(browser)).toBe("mara@example.com");
  });

  test.each([
    ["a long one, between its characters", "😀".repeat(120), `${"😀".repeat(99)}…`],
    ["one that turns text about, without that", "Mara\u202e Lind\u0000", "Mara Lind"],
    ["one that cannot be seen, as the email", "\u200b\u2060", "mara@example.com"],
  ])("takes a name: %s", async (_what, name, kept) => {
    const company = await startCompany();
    company.provider.accounts.set("mara", { ...MARA, name });
    await signIn(company, new Browser());
    expect(await company.stage.people.findByEmail("mara@example.com")).toMatchObject({ name: kept });
  });

  test("proves who it is only where the provider asked", async () => {
    const company = await startCompany();
    const { stage } = company;
    const browser = new Browser();
    const provedAt = async () =>
      (await stage.signin.sessions.find(browser.cookies()["portcullis_session"] ?? ""))?.provedAt;
    await signIn(company, browser);
    expect(await provedAt()).toBe(0);
    const asked = await browser.get(stage.url("/signin?return_to=/oauth/device&again=1"));
    expect(asked.text).toContain("Confirm that it is you");
    const path = unescapeHtml(/href="(\/signin\/company[^"]*)"/.exec(asked.text)?.[1] ?? "");
    let parameters = new URLSearchParams();
    const done = await browser.get(
      await upToCallback(company, browser, { path, change: (url) => void (parameters = url.searchParams) }),
    );
    expect(done.location).toBe(stage.url("/oauth/device"));
    expect([parameters.get("prompt"), parameters.get("max_age")]).toEqual(["login", "0"]);
    expect(await provedAt()).toBe(stage.clock.now());
  });

  test("proves nothing where the browser takes out that the provider is to ask", async () => {
    const company = await startCompany();
    const { stage } = company;
    const browser = new Browser();
    await signIn(company, browser);
    const path = "/signin/company?again=1";
    await browser.get(await upToCallback(company, browser, { path, change: withoutAsking }));
    const found = await stage.signin.sessions.find(browser.cookies()["portcullis_session"] ?? "");
    expect(found?.provedAt).toBe(0);
  });

  test("takes a group claim that is one name, and one of another name", async () => {
    const company = await startCompany({ config: { groups_claim: "name", groups: { "Mara Lind": {} } } });
    const browser = new Browser();
    await signIn(company, browser);
    expect(await company.stage.whoIs(browser)).toBe("mara@example.com");
  });

  test("sends PKCE, state and nonce, and keeps none of them in the store in the clear", async () => {
    const { stage } = await startCompany();
    const browser = new Browser();
    const start = await browser.get(stage.url("/signin/company"));
    const asked = new URL(start.location ?? "").searchParams;
    expect(asked.get("code_challenge_method")).toBe("S256");
    for (const name of ["state", "nonce", "code_challenge"]) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    const cookie = browser.cookies()["portcullis_company"] ?? "";
    expect(cookie).toMatch(/^[\w-]{43}$/);
    expect(start.location).not.toContain(cookie);
    expect(await stage.store.documents.get("signin_state", asked.get("state") ?? "")).toBeNull();
    expect(browser.attributesOf("portcullis_company")).toBe("max-age=600; path=/; httponly; samesite=lax");
  });
});

describe("a company sign-in is refused", () => {
  test.each<[string, Partial<CompanyAccount>, string, string]>([
    [
      "without a configured group",
      { groups: ["strangers", "constructor", "__proto__"] },
      "no_group",
      "None of your groups",
    ],
    ["with an empty list of groups", { groups: [] }, "no_group", "None of your groups"],
    [
      "with an email that is not confirmed",
      { emailVerified: false },
      "email_unverified",
      "that your email is confirmed",
    ],
    ["with an email that is none", { email: "mara" }, "no_email", "confirmed email"],
  ])("%s", async (_what, changes, reason, words) => {
    const company = await startCompany({ accounts: { mara: { ...MARA, ...changes } } });
    const browser = new Browser();
    const page = await signIn(company, browser);
    expect(page.status).toBe(403);
    expect(page.text).toContain(words);
    expect(lastRefusal(company)).toEqual(refusedAs(reason));
    expect(await company.stage.whoIs(browser)).toBeNull();
    expect(await company.stage.people.count()).toBe(0);
  });

  test("where the provider does not say that the email is confirmed, unless it is trusted with that", async () => {
    const { emailVerified: _said, ...silent } = MARA;
    const accounts = { mara: silent, liar: { ...MARA, subject: "employee-2", emailVerified: false } };
    const strict = await startCompany({ accounts });
    const browser = new Browser();
    const page = await signIn(strict, browser);
    expect([page.status, page.text]).toEqual([403, expect.stringContaining("that your email is confirmed")]);
    expect(strict.stage.events.at(-1)).toMatchObject({
      decision: "deny",
      reason: "email_unverified",
      detail: expect.stringContaining("signin.company.email_verified is required"),
    });
    expect(await strict.stage.people.count()).toBe(0);
    const trusting = await startCompany({ accounts, config: { email_verified: "trusted" } });
    expect((await signIn(trusting, new Browser(), "liar")).status).toBe(403);
    await signIn(trusting, browser);
    expect(await trusting.stage.whoIs(browser)).toBe("mara@example.com");
  });

  test("where a local account has the email: it is never taken over", async () => {
    const company = await startCompany();
    const { stage } = company;
    const local = await stage.add();
    const page = await signIn(company, new Browser());
    expect(page.status).toBe(403);
    expect(page.text).toContain("Your email belongs to another account");
    expect(lastRefusal(company)).toEqual(refusedAs("email_taken"));
    expect(await stage.people.findByEmail("mara@example.com")).toEqual({ ...local, version: 1 });
    // Nor by a change of the email at the company.
    company.provider.accounts.set("mara", { ...MARA, email: "other@example.com" });
    await signIn(company, new Browser());
    company.provider.accounts.set("mara", MARA);
    expect((await signIn(company, new Browser())).status).toBe(403);
    expect(await stage.people.findByEmail("mara@example.com")).toMatchObject({ id: local.id, company: null });
  });

  test("where somebody else at the company has the email of one known before", async () => {
    const company = await startCompany();
    await signIn(company, new Browser());
    company.provider.accounts.set("mara", { ...MARA, subject: "employee-2" });
    expect((await signIn(company, new Browser())).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs("email_taken"));
  });

  test("to one who was disabled here, whatever the groups say", async () => {
    const company = await startCompany();
    const { stage } = company;
    const browser = new Browser();
    await signIn(company, browser);
    const person = await stage.people.findByEmail("mara@example.com");
    if (person === null) throw new Error("nobody");
    await stage.signin.people.disable(person.id);
    expect(await stage.whoIs(browser)).toBeNull();
    const page = await signIn(company, new Browser());
    expect(page.text).toContain("Your account is disabled");
    expect(lastRefusal(company)).toEqual(refusedAs("disabled"));
    expect(await stage.people.get(person.id)).toMatchObject({ disabledAt: stage.clock.now() });
  });

  test("where the person says no at the provider", async () => {
    const company = await startCompany();
    const browser = new Browser();
    const form = await browser.open(company.stage.url("/signin/company"));
    const cancelled = await browser.post(form.url, { cancel: "1" });
    const page = await browser.follow(cancelled);
    expect(page.status).toBe(403);
    expect(company.stage.events.at(-1)).toMatchObject({ reason: "provider_refused", detail: "access_denied" });
  });

  test("by password: a company account has none here", async () => {
    const company = await startCompany();
    await signIn(company, new Browser());
    expect((await company.stage.signIn(new Browser(), { password: "" })).status).toBe(422);
    expect((await company.stage.signIn(new Browser(), { password: "anything at all" })).status).toBe(403);
  });

  test("while the provider is out of reach, and works again when it is back", async () => {
    const company = await startCompany();
    const { provider, stage } = company;
    await provider.stop();
    const down = await new Browser().get(stage.url("/signin/company"));
    expect(down.status).toBe(503);
    expect(lastRefusal(company)).toEqual(refusedAs("provider_unavailable"));
    const back = await startCompanyProvider({
      redirectUris: [stage.url("/signin/company/callback")],
      accounts: { mara: MARA },
      port: Number(new URL(provider.issuer).port),
    });
    onTestFinished(back.stop);
    expect((await new Browser().get(stage.url("/signin/company"))).status).toBe(303);
  });
});

describe("an answer of the provider is refused", () => {
  test("in a browser that did not begin, and stays good in the one that did", async () => {
    const company = await startCompany();
    const attacker = new Browser();
    const callback = await upToCallback(company, attacker);
    const victim = new Browser();
    expect((await victim.get(callback)).status).toBe(403);
    // The victim's own sign-in is under way: the attacker's answer is mixed into it.
    await victim.get(company.stage.url("/signin/company"));
    expect((await victim.get(callback)).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs("state_unknown"));
    expect(await company.stage.whoIs(victim)).toBeNull();
    expect((await attacker.get(callback)).status).toBe(303);
  });

  test("the second time, in the same browser too", async () => {
    const company = await startCompany();
    const browser = new Browser();
    const callback = await upToCallback(company, browser);
    const secret = browser.cookies()["portcullis_company"] ?? "";
    expect((await browser.get(callback)).status).toBe(303);
    browser.setCookie("portcullis_company", secret);
    expect((await browser.get(callback)).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs("state_unknown"));
  });

  test("after ten minutes", async () => {
    const company = await startCompany();
    const browser = new Browser();
    const callback = await upToCallback(company, browser);
    company.stage.clock.advance(600_000);
    expect((await browser.get(callback)).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs("state_unknown"));
  });

  test.each<[string, (url: URL) => void, string]>([
    ["with another state", (url) => url.searchParams.set("state", "A".repeat(43)), "state_unknown"],
    ["without a state", (url) => url.searchParams.delete("state"), "state_unknown"],
    ["with two states", (url) => url.searchParams.append("state", "x"), "state_unknown"],
    [
      "with the issuer of another provider",
      (url) => url.searchParams.set("iss", "https://evil.example"),
      "answer_invalid",
    ],
    ["without the issuer that the provider always sends", (url) => url.searchParams.delete("iss"), "answer_invalid"],
    ["with another code", (url) => url.searchParams.set("code", "A".repeat(43)), "answer_invalid"],
    ["without a code", (url) => url.searchParams.delete("code"), "answer_invalid"],
    ["with two codes", (url) => url.searchParams.append("code", "x"), "answer_invalid"],
  ])("%s", async (_what, change, reason) => {
    const company = await startCompany();
    const browser = new Browser();
    const callback = new URL(await upToCallback(company, browser));
    change(callback);
    expect((await browser.get(callback.href)).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs(reason));
    expect(await company.stage.whoIs(browser)).toBeNull();
    expect(JSON.stringify(company.stage.events)).not.toContain(callback.searchParams.get("code") ?? "code=");
  });

  test.each<[string, (url: URL) => void]>([
    ["whose ID token has another nonce", (url) => url.searchParams.set("nonce", "another")],
    ["whose ID token has no nonce", (url) => url.searchParams.delete("nonce")],
    ["whose code belongs to another PKCE challenge", (url) => url.searchParams.set("code_challenge", "A".repeat(43))],
  ])("%s", async (_what, change) => {
    const company = await startCompany();
    const browser = new Browser();
    const callback = await upToCallback(company, browser, { change });
    expect((await browser.get(callback)).status).toBe(403);
    expect(lastRefusal(company)).toEqual(refusedAs("answer_invalid"));
    expect(await company.stage.people.count()).toBe(0);
  });

  test("and where to go back to is checked once more", async () => {
    const company = await startCompany();
    const browser = new Browser();
    const path = `/signin/company?return_to=${encodeURIComponent("//evil.example")}`;
    const done = await browser.get(await upToCallback(company, browser, { path }));
    expect(done.location).toBe(company.stage.url("/signin"));
  });
});

describe("starts of company sign-ins", () => {
  test("are bounded for each address", async () => {
    const { stage } = await startCompany();
    const statuses = new Set<number>();
    for (let at = 0; at < 100; at += 1) statuses.add((await new Browser().get(stage.url("/signin/company"))).status);
    expect([...statuses]).toEqual([303]);
    const refused = await new Browser().get(stage.url("/signin/company"));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
    stage.address = "192.0.2.2";
    expect((await new Browser().get(stage.url("/signin/company"))).status).toBe(303);
  });

  test("do not exist where no company is configured", async () => {
    const stage = await startStage();
    expect((await new Browser().get(stage.url("/signin/company"))).status).toBe(404);
    expect((await new Browser().get(stage.url("/signin"))).text).not.toContain("Sign in with");
  });
});
