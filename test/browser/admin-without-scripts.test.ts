import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { TestPerson } from "../support/desk.ts";
import {
  callApi,
  connect,
  type Console,
  createKey,
  expectNotice,
  openConsole,
  secretOn,
  startConsole,
  toTab,
} from "./console-support.ts";
import {
  ALL,
  NONE,
  READS,
  READS_ACME,
  type Application,
  heading,
  signIn,
  startApplication,
  useToken,
  visit,
} from "./flow-support.ts";
import { openBrowser } from "./support.ts";

/** Every act of the console, by a browser that runs no scripts. */

let browser: Browser;
let application: Application;
let console: Console;
let member: TestPerson;

beforeAll(async () => {
  browser = await openBrowser();
  application = await startApplication();
  console = await startConsole("SQLite");
  member = await console.first.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
});

/** The console as its administrator sees it, on a tab of it. */
async function open(tab: string): Promise<Page> {
  const { page } = await openConsole(browser, console, { javaScript: false });
  await toTab(page, tab);
  return page;
}

/** A member's browser. */
const openMember = () => visit(browser, [console.first.url, application.origin]);

/** Follows a link of the page, presses a button on the page that it leads to, and reads what was done. */
async function confirm(page: Page, link: string, button: string, done: string): Promise<void> {
  await page.getByRole("link", { name: link }).click();
  await page.getByRole("button", { name: button }).click();
  await expectNotice(page, done);
}

/** Presses a button of the page, and reads what was done. */
async function press(page: Page, button: string, done: string): Promise<void> {
  await page.getByRole("button", { name: button, exact: true }).click();
  await expectNotice(page, done);
}

/** Leaves the page that shows a secret, with the secret. */
async function takeSecret(page: Page): Promise<string> {
  const secret = await secretOn(page);
  expect(secret).not.toBe("");
  expect(await page.getByRole("button", { name: "Copy" }).count()).toBe(0);
  await page.getByRole("link", { name: "I have copied it" }).click();
  expect(await page.content()).not.toContain(secret);
  return secret;
}

const registered = (): Promise<Response> =>
  fetch(`${console.first.url}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "MCP Inspector",
      redirect_uris: [application.redirectUri],
      token_endpoint_auth_method: "none",
    }),
  });

describe("MCP access", () => {
  test("is switched off and on", async () => {
    const page = await open("Overview");
    await confirm(page, "Switch off…", "Switch off MCP access", "MCP access is off.");
    expect((await registered()).status).toBe(403);
    await press(page, "Switch on", "MCP access is on.");
    expect((await registered()).status).toBe(201);
  });

  test("is given to the clients of a policy", async () => {
    const page = await open("Overview");
    await page.getByLabel("All that register themselves").check();
    await press(page, "Save", "The MCP client settings are saved.");
    const { client_id: id }: { client_id: string } = JSON.parse(await (await registered()).text());
    await page.goto(`${console.first.adminUrl}/clients/client?id=${id}`);
    expect(await page.getByRole("main").innerText()).toContain("Approved");
    await toTab(page, "Overview");
    await page.getByLabel("With an administrator's approval").check();
    await press(page, "Save", "The MCP client settings are saved.");
  });
});

describe("an API key", () => {
  test("is created, found, rotated and revoked", async () => {
    const page = await open("API keys");
    const choice = { name: "Nightly export", scopes: ["tickets:read"], portal: "acme" };
    const old = await createKey(page, choice);
    expect(await takeSecret(page)).toBe(old);
    expect(await useToken(console.second, old)).toEqual(READS_ACME);

    await toTab(page, "API keys");
    await page.getByLabel("Search").fill("night");
    await page.getByLabel("State").selectOption("active");
    await page.getByRole("button", { name: "Filter" }).click();
    const rows = page.getByRole("table", { name: "API keys" }).locator("tbody tr");
    expect(await rows.count()).toBe(1);
    await rows.getByRole("link", { name: "Nightly export" }).first().click();

    await page.getByRole("link", { name: "Rotate…" }).click();
    await page.getByLabel("Not at all").check();
    await page.getByRole("button", { name: "Make the new key" }).click();
    const next = await takeSecret(page);
    expect(await useToken(console.second, old)).toEqual(NONE);
    expect(await useToken(console.second, next)).toEqual(READS_ACME);
    await confirm(page, "Revoke…", "Revoke key", "The API key is revoked.");
    expect(await useToken(console.second, next)).toEqual(NONE);
  });
});

describe("a client", () => {
  test("that registered itself is approved, allowed by a person, and its access is revoked", async () => {
    const { client_id: id }: { client_id: string } = JSON.parse(await (await registered()).text());
    const page = await open("Clients");
    const waiting = page.getByRole("table", { name: "Waiting for approval" });
    await waiting.getByRole("link", { name: `Approve… ${id}` }).click();
    await page.getByLabel("tickets:write").uncheck();
    await press(page, "Approve client", "The client is approved.");

    const { page: theirs } = await openMember();
    await theirs.goto(`${console.first.url}/signin`);
    await signIn(theirs, member);
    const token = await connect(console, application, theirs, id);
    expect(await useToken(console.second, token)).toEqual(READS);
    await toTab(page, "Connected apps");
    const row = page.getByRole("row", { name: member.email });
    await row.getByRole("link", { name: "Revoke…" }).click();
    await press(page, "Revoke access", "The access is revoked.");
    expect(await useToken(console.second, token)).toEqual(NONE);
  });

  test("is added with one more redirect URI, gets a new secret, is disabled and enabled", async () => {
    const page = await open("Clients");
    await page.getByRole("link", { name: "Add client" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("Ticket robot");
    await page.getByLabel("Redirect URI 1").fill("https://robot.example/callback");
    await page.getByRole("button", { name: "One more redirect URI" }).click();
    expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("Ticket robot");
    expect(await page.getByLabel("Redirect URI 1").inputValue()).toBe("https://robot.example/callback");
    await page.getByLabel("Redirect URI 3").fill("https://robot.example/other");
    for (const way of ["A person allows it in the browser", "It acts for itself"]) {
      // In the order in which a person would.
      await page.getByLabel(way).check();
    }
    await page.getByRole("button", { name: "Add client" }).click();
    const first = await takeSecret(page);
    expect(await page.getByRole("main").innerText()).toContain("https://robot.example/other");
    const id = new URL(page.url()).searchParams.get("id") ?? "";
    const askToken = async (secret: string): Promise<number> => {
      const headers = { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
      const body = new URLSearchParams({ grant_type: "client_credentials" });
      return (await fetch(`${console.second.url}/oauth/token`, { method: "POST", headers, body })).status;
    };
    expect(await askToken(first)).toBe(200);

    await page.getByRole("link", { name: "New secret…" }).click();
    await page.getByRole("button", { name: "Make a new secret" }).click();
    const second = await takeSecret(page);
    expect([await askToken(first), await askToken(second)]).toEqual([401, 200]);
    await confirm(page, "Disable…", "Disable client", "The client is disabled");
    expect(await askToken(second)).toBe(401);
    await press(page, "Enable", "The client is enabled.");
    expect(await askToken(second)).toBe(200);
  });
});

describe("a person", () => {
  const email = "carla@example.com";

  /** Whether they can sign in, in a browser of their own. */
  async function canSignIn(password: string): Promise<boolean> {
    const { page } = await openMember();
    await page.goto(`${console.first.url}/signin`);
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForLoadState();
    return (await page.getByRole("button", { name: "Sign out" }).count()) === 1;
  }

  test("is added, changed, given a new password, signed out, disabled and enabled", async () => {
    const page = await open("People");
    await page.getByRole("link", { name: "Add person" }).click();
    await page.getByLabel("Email", { exact: true }).fill(email);
    await page.getByLabel("Name", { exact: true }).fill("Carla Example");
    await page.getByLabel("tickets:read").check();
    await page.getByRole("button", { name: "Add person" }).click();
    const first = await takeSecret(page);
    expect(await canSignIn(first)).toBe(true);

    await page.getByRole("link", { name: "Change…" }).click();
    await page.getByLabel("On these portals only").check();
    await page.getByLabel("acme").check();
    await press(page, "Save", "The changes are saved.");
    expect(await page.getByRole("main").innerText()).toContain("Acme Inc");

    await page.getByRole("link", { name: "New password…" }).click();
    await page.getByRole("button", { name: "Make a new password" }).click();
    const second = await takeSecret(page);
    expect([await canSignIn(first), await canSignIn(second)]).toEqual([false, true]);

    const { page: theirs } = await openMember();
    await theirs.goto(`${console.first.url}/signin`);
    await signIn(theirs, { email, password: second });
    await page.reload();
    await press(page, "End all sessions", "All sessions are ended.");
    await theirs.goto(`${console.first.url}/signin`);
    expect(await theirs.getByLabel("Password").count()).toBe(1);

    await confirm(page, "Disable…", "Disable person", "The person is disabled");
    expect(await canSignIn(second)).toBe(false);
    await press(page, "Enable", "The person is enabled.");
    expect(await canSignIn(second)).toBe(true);
  });
});

describe("an API token", () => {
  test("is created and revoked", async () => {
    const page = await open("API tokens");
    await page.getByRole("link", { name: "Create API token" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Deploy script");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const token = await takeSecret(page);
    expect(await callApi(console, token)).toBe(200);
    await page.getByRole("row", { name: "Deploy script" }).getByRole("link", { name: "Revoke…" }).click();
    await press(page, "Revoke token", "The API token is revoked.");
    expect(await callApi(console, token)).toBe(401);
  });
});

describe("the activity", () => {
  test("is filtered and turned over, and a request is explained", async () => {
    const { id, key } = console.first.keys.writer;
    expect(await useToken(console.first, key)).toEqual(ALL);
    await Promise.all(Array.from({ length: 15 }, () => useToken(console.first, `${key}x`)));
    const page = await open("Activity");
    await page.getByText("Filter", { exact: true }).first().click();
    await page.getByLabel("Outcome").selectOption("deny");
    await page.getByLabel("Kind").selectOption("request");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL("**/activity?decision=deny*");
    const rows = page.getByRole("table", { name: "Activity" }).locator("tbody tr");
    // The activity is written twice a second.
    await expect
      .poll(async () => {
        await page.reload();
        return page.getByRole("link", { name: "Next page" }).count();
      })
      .toBe(1);
    expect(await rows.first().innerText()).toContain("Refused");
    await page.getByRole("link", { name: "Next page" }).click();
    expect(await rows.count()).toBeGreaterThan(0);
    expect(await page.getByRole("cell", { name: "Allowed", exact: true }).count()).toBe(0);

    await page.getByRole("link", { name: "Explain a request" }).click();
    await page.getByLabel("Path").fill("/api/portals/globex/tickets/2001");
    await page.getByLabel("With an API key").check();
    await page.getByLabel("API key", { exact: true }).fill(id);
    await page.getByRole("button", { name: "Explain" }).click();
    expect(await heading(page)).toBe("Explain a request");
    expect(await page.getByRole("region", { name: "The decision" }).innerText()).toContain("tickets.read");
  });
});
