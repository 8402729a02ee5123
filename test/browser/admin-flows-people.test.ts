import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import {
  callApi,
  connect,
  type Console,
  expectNotice,
  openConsole,
  secretOn,
  shootConsole,
  startConsole,
  toTab,
} from "./console-support.ts";
import {
  NONE,
  READS_ACME,
  type Application,
  heading,
  signIn,
  startApplication,
  useToken,
  visit,
} from "./flow-support.ts";
import { openBrowser } from "./support.ts";

/** What administrators do beside the product document: clients of their own, people, and tokens for scripts. */

let browser: Browser;
let application: Application;

beforeAll(async () => {
  browser = await openBrowser();
  application = await startApplication();
});

describe.each(["SQLite", "Redis"] as const)("Settings › MCP Access, on %s", (kind) => {
  let console: Console;

  beforeAll(async () => {
    console = await startConsole(kind);
  });

  test("a client is added, disabled and enabled, and of two administrators the second is told", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    await toTab(page, "Clients");
    await page.getByRole("link", { name: "Add client" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("Ticket robot");
    await page.getByLabel("It acts for itself").check();
    await page.getByLabel("tickets:read").check();
    await shootConsole(view, "client-form");
    await page.getByRole("button", { name: "Add client" }).click();
    expect(await heading(page)).toContain("Ticket robot");
    await shootConsole(view, "client-secret");
    const secret = await secretOn(page);
    await page.getByRole("link", { name: "I have copied it" }).click();
    const id = new URL(page.url()).searchParams.get("id") ?? "";
    const askToken = () =>
      fetch(`${console.second.url}/oauth/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials" }),
      });
    expect((await askToken()).status).toBe(200);

    const second = await console.first.desk.addPerson({ email: "bo@example.com", name: "Bo Example", role: "admin" });
    const { page: others } = await openConsole(browser, { ...console, admin: second });
    await others.goto(page.url());
    await others.getByRole("link", { name: "Disable…" }).click();
    await page.getByRole("link", { name: "Disable…" }).click();
    await shootConsole(view, "client-disable");
    await page.getByRole("button", { name: "Disable client" }).click();
    await expectNotice(page, "The client is disabled");
    expect((await askToken()).status).toBe(401);
    await page.getByRole("button", { name: "Enable" }).click();
    await expectNotice(page, "The client is enabled.");
    expect((await askToken()).status).toBe(200);
    await others.getByRole("button", { name: "Disable client" }).click();
    expect(await heading(others)).toBe("Somebody changed this meanwhile");
    expect((await askToken()).status).toBe(200);
  });

  test("somebody is added, kept to one portal, and disabled", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    const email = "carla@example.com";
    await toTab(page, "People");
    await shootConsole(view, "people");
    await page.getByRole("link", { name: "Add person" }).click();
    await page.getByLabel("Email", { exact: true }).fill(email);
    await page.getByLabel("Name", { exact: true }).fill("Carla Example");
    await page.getByLabel("tickets:read").check();
    await shootConsole(view, "person-form");
    await page.getByRole("button", { name: "Add person" }).click();
    const password = await secretOn(page);
    await shootConsole(view, "person-password");
    await page.getByRole("link", { name: "I have copied it" }).click();
    await shootConsole(view, "person");
    await page.getByRole("link", { name: "Change…" }).click();
    await page.getByLabel("On these portals only").check();
    await page.getByLabel("acme").check();
    await shootConsole(view, "person-change");
    await page.getByRole("button", { name: "Save" }).click();
    await expectNotice(page, "The changes are saved.");

    const issued = await console.first.desk.addClient({ redirectUris: [application.redirectUri] });
    const { page: theirs } = await visit(browser, [console.first.url, application.origin]);
    await theirs.goto(`${console.first.url}/signin`);
    await signIn(theirs, { email, password });
    const token = await connect(console, application, theirs, issued.record.id);
    expect(await useToken(console.second, token)).toEqual(READS_ACME);

    await page.getByRole("link", { name: "Disable…" }).click();
    await shootConsole(view, "person-disable");
    await page.getByRole("button", { name: "Disable person" }).click();
    await expectNotice(page, "The person is disabled");
    expect(await useToken(console.first, token)).toEqual(NONE);
    await theirs.goto(`${console.first.url}/signin`);
    await theirs.getByLabel("Password").waitFor();
  });

  test("an API token does by fetch what the pages do, until it is revoked", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    await toTab(page, "API tokens");
    await shootConsole(view, "tokens-empty");
    await page.getByRole("link", { name: "Create API token" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Deploy script");
    await shootConsole(view, "token-form");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const token = await secretOn(page);
    await shootConsole(view, "token-issued");
    expect(token).toMatch(/^noice_admin_/);
    expect(await callApi(console, token)).toBe(200);
    const made = await fetch(`${console.first.adminUrl}/api/v1/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "By script", scopes: ["tickets:read"], portal: "acme" }),
    });
    const { key }: { key: string } = JSON.parse(await made.text());
    expect(await useToken(console.second, key)).toEqual(READS_ACME);
    await page.getByRole("link", { name: "I have copied it" }).click();
    await shootConsole(view, "tokens");
    await page.getByRole("row", { name: "Deploy script" }).getByRole("link", { name: "Revoke…" }).click();
    await page.getByRole("button", { name: "Revoke token" }).click();
    await expectNotice(page, "The API token is revoked.");
    expect(await callApi(console, token)).toBe(401);
    await toTab(page, "API keys");
    expect(await page.getByRole("row", { name: "By script" }).count()).toBe(1);
  });

  test("a visitor who is no administrator sees none of it", async () => {
    const { page: theirs } = await visit(browser, [console.first.adminUrl]);
    await theirs.goto(`${console.first.adminUrl}/keys`);
    await signIn(theirs, await console.first.desk.addPerson());
    expect(await theirs.getByRole("main").innerText()).not.toContain("noice_sk_live_");
    expect(await theirs.getByRole("navigation", { name: "MCP Access" }).count()).toBe(0);
  });
});
