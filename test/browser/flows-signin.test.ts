import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CompanyProvider, startCompanyProvider } from "../support/company-provider.ts";
import type { TestPerson } from "../support/desk.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";
import { ask, heading, shoot, signIn, startDesk, type Visit, visit } from "./flow-support.ts";
import { openBrowser, type ViewOptions } from "./support.ts";

/** Who the person is: local accounts, the company's provider, sessions; by a real browser. */

let browser: Browser;
let sidecar: Sidecar;
let person: TestPerson;

beforeAll(async () => {
  browser = await openBrowser();
  sidecar = await startDesk();
  person = await sidecar.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
});

const open = (options?: ViewOptions): Promise<Visit> => visit(browser, [sidecar.url], options);
const accountUrl = (): string => `${sidecar.url}/signin`;

describe("sign-in with a local account", () => {
  test("says that a password is wrong, lets the right one in, and forgets the person who signs out", async () => {
    const view = await open();
    const { context, page } = view;
    await page.goto(accountUrl());
    await shoot(view, "sign-in");
    await page.getByLabel("Email").fill(person.email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toBe("The email or the password is wrong.");
    expect(await page.getByLabel("Email").inputValue()).toBe(person.email);
    expect(await page.getByLabel("Password").inputValue()).toBe("");
    await shoot(view, "sign-in-wrong");
    await page.getByLabel("Password").fill(person.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    expect(await page.getByRole("main").innerText()).toMatch(/Anna Example[^]*anna@example\.com[^]*Member/);
    await shoot(view, "account");
    const before = await context.cookies();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect((await context.cookies()).map(({ name }) => name)).not.toContain("portcullis_session");
    // The session is gone at the sidecar, too.
    await context.addCookies(before);
    await page.goto(accountUrl());
    expect(await heading(page)).toBe("Sign in");
    expect(view.complaints).toEqual([]);
  });

  test("keeps nothing in the browser but cookies that scripts cannot read", async () => {
    const { context, page } = await open();
    await page.goto(accountUrl());
    await signIn(page, person);
    const cookies = await context.cookies();
    expect(
      cookies.map(({ httpOnly, name, path, sameSite, secure }) => ({ httpOnly, name, path, sameSite, secure })),
    ).toEqual(
      ["portcullis_device", "portcullis_session"].map((name) => ({
        httpOnly: true,
        name: expect.stringMatching(name),
        path: "/",
        sameSite: "Lax",
        secure: false,
      })),
    );
    const { origins } = await context.storageState({ indexedDB: true });
    expect(origins).toEqual([]);
    expect(await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")).toEqual([0, 0, ""]);
  });

  test("is not shown again by the back button after sign-out", async () => {
    const { page } = await open();
    await page.goto(accountUrl());
    await signIn(page, person);
    await page.goto(`${sidecar.url}/oauth/device`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    for (let step = 0; step < 2; step += 1) {
      await page.goBack();
      expect(await heading(page)).toBe("Sign in");
      expect(await page.content()).not.toContain(person.email);
    }
  });

  test("in a second window does not end the first", async () => {
    const [one, two] = [await open(), await open()];
    for (const { page } of [one, two]) {
      await page.goto(accountUrl());
      await signIn(page, person);
    }
    await two.page.getByRole("button", { name: "Sign out" }).click();
    await two.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await one.page.reload();
    expect(await heading(one.page)).toBe("You are signed in");
  });
});

describe("the first administrator", () => {
  test("is made by the one-time link, which works once", async () => {
    const fresh = await startDesk();
    const link = await fresh.setupUrl();
    if (link === null) throw new Error("no link");
    const view = await visit(browser, [fresh.url]);
    const { page } = view;
    await page.goto(link);
    expect(page.url()).toBe(`${fresh.url}/signin/setup`);
    await shoot(view, "setup");
    await page.getByLabel("Email").fill("olga@example.com");
    await page.getByLabel("Name").fill("Olga Ops");
    await page.getByLabel("Password").fill("password1234");
    await page.getByRole("button", { name: "Create administrator" }).click();
    await page.getByRole("alert").waitFor();
    await shoot(view, "setup-problem");
    await page.getByLabel("Password").fill("seven herons walk by night");
    await page.getByRole("button", { name: "Create administrator" }).click();
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    expect(await page.getByRole("main").innerText()).toContain("Administrator");
    expect(view.complaints).toEqual([]);
    const again = await visit(browser, [fresh.url]);
    const answer = await again.page.goto(link);
    expect([answer?.status(), await heading(again.page)]).toEqual([410, "This link no longer works"]);
    await shoot(again, "setup-gone");
  });
});

describe("on https", () => {
  test("the cookies are Secure and for this host alone", async () => {
    const folder = tempFolder();
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tls.key"];
    const certificate = ["req", "-x509", ...key, "-out", "tls.crt", "-days", "2", "-subj", "/CN=127.0.0.1"];
    await promisify(execFile)("openssl", certificate, { cwd: folder });
    const tls = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
    const secure = await startDesk({
      config: { listen: { public: { address: "127.0.0.1:0", tls }, admin: { address: "127.0.0.1:0" } } },
    });
    const somebody = await secure.desk.addPerson();
    const view = await visit(browser, [secure.url], { anyCertificate: true });
    const { context, page } = view;
    expect(secure.url).toMatch(/^https:/);
    await page.goto(`${secure.url}/signin`);
    await signIn(page, somebody);
    const cookies = await context.cookies();
    expect(cookies.map(({ name }) => name).toSorted()).toEqual([
      "__Host-portcullis_device",
      "__Host-portcullis_session",
    ]);
    expect(cookies.every(({ secure: isSecure, httpOnly, path }) => isSecure && httpOnly && path === "/")).toBe(true);
    expect(view.complaints).toEqual([]);
  });
});

describe("sign-in through the company", () => {
  let company: CompanyProvider;
  let desk: Sidecar;

  beforeAll(async () => {
    company = await startCompanyProvider({
      redirectUris: ["http://127.0.0.1:9/callback"],
      accounts: {
        mara: { subject: "1", email: "mara@example.com", emailVerified: true, name: "Mara Lind", groups: ["desk"] },
        otto: { subject: "2", email: "otto@example.com", emailVerified: true, name: "Otto Kern", groups: ["canteen"] },
      },
    });
    afterAll(company.stop);
    const { clientId: client_id, clientSecret: client_secret, issuer } = company;
    const groups = { desk: { role: "member", scopes: ["tickets:read"], portals: ["acme"] } };
    const signin = { company: { name: "Example Corp", issuer, client_id, client_secret, groups } };
    desk = await startDesk({ config: { signin } });
    await company.allowRedirect(`${desk.url}/signin/company/callback`);
  });

  const openBoth = (): Promise<Visit> => visit(browser, [desk.url, company.issuer]);

  test("leads to the provider and back, with the rights of the group", async () => {
    const view = await openBoth();
    const { page } = view;
    const client = await desk.desk.addClient({ name: "Desk Assistant" });
    await page.goto(ask(desk, { id: client.record.id, redirectUri: "http://127.0.0.1:9/callback" }).url);
    await shoot(view, "sign-in-company");
    await page.getByRole("link", { name: "Sign in with Example Corp" }).click();
    await page.getByRole("heading", { name: "Company sign-in" }).waitFor();
    expect(new URL(page.url()).origin).toBe(company.issuer);
    await page.getByLabel("Login").fill("mara");
    await page.getByRole("button", { name: "Sign in" }).click();
    // The group may read tickets in Acme: there is no more to choose.
    await page.getByRole("heading", { name: "Allow this application to act for you?" }).waitFor();
    const boxes = await page.getByRole("checkbox").all();
    expect(await Promise.all(boxes.map((box) => box.getAttribute("value")))).toEqual(["tickets:read"]);
    expect(await page.getByRole("main").innerText()).toMatch(/On portal\s+Acme Inc/);
    await shoot(view, "consent-one-portal");
    await page.goto(`${desk.url}/signin`);
    expect(await page.getByRole("main").innerText()).toMatch(/Mara Lind[^]*mara@example\.com[^]*Member/);
    expect(view.complaints).toEqual([]);
  });

  test("tells somebody without a group that they have no access", async () => {
    const view = await openBoth();
    const { page } = view;
    await page.goto(`${desk.url}/signin`);
    await page.getByRole("link", { name: "Sign in with Example Corp" }).click();
    await page.getByLabel("Login").fill("otto");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "You have no access" }).waitFor();
    await shoot(view, "company-no-group");
    await page.getByRole("link", { name: "Back to sign-in" }).click();
    expect(await heading(page)).toBe("Sign in");
  });

  test("says that the person is not signed in where they cancel there", async () => {
    const { page } = await openBoth();
    await page.goto(`${desk.url}/signin`);
    await page.getByRole("link", { name: "Sign in with Example Corp" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
    await page.goto(`${desk.url}/signin`);
    expect(await heading(page)).toBe("Sign in");
  });
});
