import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { connectSdk } from "../mcp/e2e/support.ts";
import type { TestPerson } from "../support/desk.ts";
import {
  type Console,
  connect,
  createKey,
  expectNotice,
  fillInKey,
  openConsole,
  secretOn,
  shootConsole,
  startConsole,
  toTab,
} from "./console-support.ts";
import {
  ALL,
  NONE,
  READS_ACME,
  type Application,
  ask,
  heading,
  poll,
  signIn,
  startApplication,
  startDevice,
  useToken,
  type Visit,
  visit,
} from "./flow-support.ts";
import { allowedWith, SCOPES } from "./scope-table.ts";
import { openBrowser } from "./support.ts";

/** What the product document says that an administrator does, in its order, by a real browser. */

let browser: Browser;
let application: Application;

beforeAll(async () => {
  browser = await openBrowser();
  application = await startApplication();
});

/** What the tests below did, as the activity says it. */
const DONE = [
  "MCP access switched off",
  "MCP access switched on",
  "Client policy changed",
  "Client registered itself",
  "Client approved",
  "Allowed a client",
  "Token issued",
  "API key created",
  "API key rotated",
  "API key revoked",
  "Device asked for a code",
  "Allowed a device",
  "Connected app ended",
  "Sign-in with a password",
];

/** Names of the tools that an MCP client is offered. */
async function toolsOf(sidecar: { readonly url: string }, token: string): Promise<readonly string[]> {
  const { client } = await connectSdk(sidecar.url, token);
  return (await client.listTools()).tools.map(({ name }) => name);
}

describe.each(["SQLite", "Redis"] as const)("Settings › MCP Access, on %s", (kind) => {
  let console: Console;
  let member: TestPerson;

  beforeAll(async () => {
    console = await startConsole(kind);
    member = await console.first.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
  });

  const mcpStatus = async (key: string): Promise<number> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
    const headers = {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    return (await fetch(`${console.first.url}/mcp`, { method: "POST", headers, body })).status;
  };

  test("MCP access is switched off and on, and its client settings are saved", async () => {
    const { key } = console.first.keys.reader;
    const view = await openConsole(browser, console);
    const { page } = view;
    await shootConsole(view, "overview-quiet");
    await page.getByRole("link", { name: "Switch off…" }).click();
    await shootConsole(view, "switch-off");
    await page.getByRole("button", { name: "Switch off MCP access" }).click();
    await expectNotice(page, "MCP access is off.");
    await shootConsole(view, "overview-off");
    expect(await mcpStatus(key)).toBe(403);
    expect((await useToken(console.second, key)).readAcme).toBe(200);
    await page.getByRole("button", { name: "Switch on" }).click();
    await expectNotice(page, "MCP access is on.");
    expect(await mcpStatus(key)).not.toBe(403);
    await page.getByLabel("None but those that administrators add").check();
    await page.getByRole("button", { name: "Save" }).click();
    await expectNotice(page, "The MCP client settings are saved.");
    expect((await register()).status).toBe(403);
    await page.getByLabel("With an administrator's approval").check();
    await page.getByRole("button", { name: "Save" }).click();
    await expectNotice(page, "The MCP client settings are saved.");
    expect(view.complaints).toEqual([]);
  });

  function register(name = "MCP Inspector"): Promise<Response> {
    return fetch(`${console.first.url}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: name,
        redirect_uris: [application.redirectUri],
        token_endpoint_auth_method: "none",
      }),
    });
  }

  const openMember = () => visit(browser, [console.first.url, application.origin]);

  test("an MCP client waits, is approved on its page, works, and ends when its access is revoked", async () => {
    const { client_id: id }: { client_id: string } = JSON.parse(await (await register()).text());
    const client = { id, redirectUri: application.redirectUri };
    const { page: theirs } = await openMember();
    await theirs.goto(ask(console.first, client).url);
    await signIn(theirs, member);
    expect(await heading(theirs)).toBe("This application waits for approval");

    const view = await openConsole(browser, console);
    const { page } = view;
    await toTab(page, "Clients");
    await shootConsole(view, "clients");
    const waiting = page.getByRole("table", { name: "Waiting for approval" });
    await waiting.getByRole("row", { name: id }).getByRole("link", { name: "Approve…" }).click();
    await shootConsole(view, "client-approve");
    await page.getByLabel("tickets:write").uncheck();
    await page.getByLabel("Portal", { exact: true }).selectOption("acme");
    await page.getByRole("button", { name: "Approve client" }).click();
    await expectNotice(page, "The client is approved.");
    await shootConsole(view, "client");

    const token = await connect(console, application, theirs, client.id);
    expect(await useToken(console.first, token)).toEqual(READS_ACME);
    expect(await useToken(console.second, token)).toEqual(READS_ACME);
    const tools = await toolsOf(console.first, token);
    expect(tools).toContain("get_ticket");
    expect(tools).not.toContain("update_ticket");

    await page.getByRole("link", { name: "Connected apps" }).last().click();
    await page.getByRole("main").getByText("Only those of").waitFor();
    await shootConsole(view, "apps");
    await page.getByRole("row", { name: member.email }).getByRole("link", { name: "Revoke…" }).click();
    await shootConsole(view, "app-revoke");
    await page.getByRole("button", { name: "Revoke access" }).click();
    await expectNotice(page, "The access is revoked.");
    expect(await useToken(console.first, token)).toEqual(NONE);
    expect(await useToken(console.second, token)).toEqual(NONE);
    expect(view.complaints).toEqual([]);
  });

  test("an API key is created, shown once, works as it was limited, and stops everywhere when it is revoked", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    const name = "Nightly export";
    await fillInKey(page, { name, scopes: ["tickets:read", "portals:read"], portal: "acme" });
    await shootConsole(view, "key-form");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    expect(await heading(page)).toContain("is ready");
    const key = await secretOn(page);
    expect(key).toMatch(/^noice_sk_live_[0-9A-Za-z]{20,}$/);
    await shootConsole(view, "key-issued");
    expect(page.url()).not.toContain(key);
    expect(await useToken(console.first, key)).toEqual(READS_ACME);
    expect(await useToken(console.second, key)).toEqual(READS_ACME);

    // A reload sends the form again: it makes no second key, and shows the first one to nobody.
    await page.reload();
    expect(await heading(page)).toBe("This form was sent already");
    expect(await page.content()).not.toContain(key);
    await toTab(page, "API keys");
    await shootConsole(view, "keys");
    const row = page.getByRole("row", { name });
    expect(await row.count()).toBe(1);
    expect(await page.content()).not.toContain(key);
    await row.getByRole("link", { name }).first().click();
    await shootConsole(view, "key");
    await expectNowhere(view, new URL(page.url()).pathname, key);

    await toTab(page, "API keys");
    await row.getByRole("link", { name: "Revoke" }).click();
    await shootConsole(view, "key-revoke");
    await page.getByRole("link", { name: "Cancel" }).click();
    expect((await useToken(console.first, key)).readAcme).toBe(200);
    await page.getByRole("link", { name: "Revoke…" }).click();
    await page.getByRole("button", { name: "Revoke key" }).click();
    await expectNotice(page, "The API key is revoked.");
    expect(await useToken(console.first, key)).toEqual(NONE);
    expect(await useToken(console.second, key)).toEqual(NONE);
    expect(await row.innerText()).toContain("Revoked");
    expect(view.complaints).toEqual([]);
  });

  /** A key that was shown once is on no page, in no answer of the API, and in no line of the audit. */
  async function expectNowhere({ context }: Visit, keyPage: string, key: string): Promise<void> {
    const pages = [
      "/",
      "/keys",
      "/keys?search=Nightly",
      keyPage,
      `${keyPage}/revoke`,
      `${keyPage}/rotate`,
      "/activity",
    ];
    for (const path of [...pages, "/api/v1/keys", `/api/v1${keyPage}`, "/api/v1/activity"]) {
      const answer = await context.request.get(`${console.first.adminUrl}${path}`);
      expect([path, answer.status()]).toEqual([path, 200]);
      expect([path, (await answer.text()).includes(key.slice(-20))]).toEqual([path, false]);
    }
    expect(JSON.stringify(console.first.audit())).not.toContain(key.slice(-20));
  }

  test("a scope allows what the table of the document says, and nothing else", async () => {
    const { page } = await openConsole(browser, console);
    for (const { scope, words, allows } of SCOPES) {
      // One after the other, as a person does.
      await page.goto(`${console.first.adminUrl}/`);
      const key = await createKey(page, { name: `For ${scope}`, scopes: [`${words} ${scope}`] });
      expect([scope, await allowedWith(console.second, key)]).toEqual([scope, allows]);
    }
    await page.goto(`${console.first.adminUrl}/keys/new`);
    expect(await page.getByRole("checkbox").count()).toBe(SCOPES.length);
  });

  test("a form that says what is wrong keeps what was chosen", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    await fillInKey(page, { name: " ", scopes: ["tickets:read"], portal: "globex" });
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("Give the key a name.").first().waitFor();
    expect(await page.getByLabel("tickets:read").isChecked()).toBe(true);
    expect(await page.getByLabel("Portal", { exact: true }).inputValue()).toBe("globex");
    await shootConsole(view, "key-form-problems");
  });

  test("a form that is sent twice at once makes one key", async () => {
    const { page } = await openConsole(browser, console);
    await fillInKey(page, { name: "Twice", scopes: ["tickets:read"] });
    await page.getByRole("button", { name: "Create", exact: true }).dblclick();
    await page.getByRole("heading", { level: 1, name: "is ready" }).waitFor();
    const key = await secretOn(page);
    expect((await useToken(console.first, key)).readAcme).toBe(200);
    await toTab(page, "API keys");
    expect(await page.getByRole("row", { name: "Twice" }).count()).toBe(1);

    await fillInKey(page, { name: "At once", scopes: ["tickets:read"] });
    const csrf = await page.locator("form [name=csrf]").last().inputValue();
    const form = { csrf, name: "At once", scope: "tickets:read", portal: "", expiry: "never", expires_on: "" };
    const headers = { origin: console.first.adminUrl };
    const answers = await Promise.all([1, 2, 3].map(() => page.context().request.post(page.url(), { form, headers })));
    expect(answers.map((answer) => answer.status()).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    await toTab(page, "API keys");
    expect(await page.getByRole("row", { name: "At once" }).count()).toBe(1);
  });

  test("a key is rotated: both work until the old one's time is over", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    const old = await createKey(page, { name: "Rotated", scopes: ["tickets:read", "tickets:write"] });
    await page.getByRole("link", { name: "I have copied it" }).click();
    await page.getByRole("link", { name: "Rotate…" }).click();
    await shootConsole(view, "key-rotate");
    await page.getByLabel("For 1 day").check();
    await page.getByRole("button", { name: "Make the new key" }).click();
    const next = await secretOn(page);
    await shootConsole(view, "key-rotated");
    expect(next).not.toBe(old);
    expect(await useToken(console.second, old)).toEqual(ALL);
    expect(await useToken(console.second, next)).toEqual(ALL);
    await page.getByRole("link", { name: "I have copied it" }).click();
    await page.getByRole("link", { name: "Rotate…" }).click();
    await page.getByLabel("Not at all").check();
    await page.getByRole("button", { name: "Make the new key" }).click();
    expect(await useToken(console.second, next)).toEqual(NONE);
    expect(await useToken(console.second, await secretOn(page))).toEqual(ALL);
  });

  test("a device is connected by its code, stands among the connected apps, and is cut off there", async () => {
    const issued = await console.first.desk.addClient({ name: "Desk command line", redirectUris: [] });
    const device = await startDevice(console.first, issued);
    // It shows a URL and a code: the person opens the one, signs in, and types the other.
    const { page: theirs } = await openMember();
    await theirs.goto(device.uri);
    await signIn(theirs, member);
    await theirs.getByLabel("Code").fill(device.userCode);
    await theirs.getByRole("button", { name: "Go on" }).click();
    await theirs.getByRole("button", { name: "Approve" }).click();
    await theirs.getByRole("heading", { name: "Device connected" }).waitFor();
    const { access_token: token } = await poll(console.first, issued, device);
    expect(await useToken(console.first, token)).toEqual(ALL);

    const { page } = await openConsole(browser, console);
    await toTab(page, "Connected apps");
    const row = page.getByRole("row", { name: "Desk command line" });
    expect(await row.innerText()).toContain("(device)");
    await row.getByRole("link", { name: "Revoke…" }).click();
    await page.getByRole("button", { name: "Revoke access" }).click();
    await expectNotice(page, "The access is revoked.");
    expect(await useToken(console.second, token)).toEqual(NONE);
  });

  test("the activity shows what was done, can be filtered, and explains a refusal", async () => {
    const { id, key } = console.first.keys.acme;
    await useToken(console.first, key);
    const view = await openConsole(browser, console);
    const { page } = view;
    await toTab(page, "Activity");
    await shootConsole(view, "activity");
    await findAll(page, DONE);
    await toTab(page, "Activity");
    await page.getByText("Filter", { exact: true }).first().click();
    await page.getByLabel("Outcome").selectOption("deny");
    await page.getByLabel("Credential").fill(id);
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL("**/activity?decision=deny*");
    // The activity is written twice a second.
    await expect
      .poll(async () => {
        await page.reload();
        return page.getByRole("row", { name: "globex" }).count();
      })
      .toBeGreaterThan(0);
    await shootConsole(view, "activity-filtered");
    expect(await page.getByRole("row", { name: "Allowed" }).count()).toBe(0);
    await page.getByRole("row", { name: "globex" }).first().getByRole("link").first().click();
    expect(await page.getByRole("main").innerText()).toContain("portal");
    await shootConsole(view, "activity-entry");
    await page.getByText("Explain this request in steps").click();
    const decision = page.getByRole("region", { name: "The decision" });
    expect(await decision.innerText()).toContain("The caller gets 403.");
    await shootConsole(view, "explain");
  });

  /** Looks through the activity, page by page, until all of these acts were seen. */
  async function findAll(page: Page, acts: readonly string[]): Promise<void> {
    await page.goto(`${console.first.adminUrl}/activity`);
    const missing = new Set(acts);
    for (;;) {
      const text = await page.getByRole("table", { name: "Activity" }).innerText();
      for (const act of missing) if (text.includes(act)) missing.delete(act);
      if (missing.size === 0) return;
      const next = page.getByRole("link", { name: "Next page" });
      expect([[...missing], await next.count()]).toEqual([[...missing], 1]);
      await next.click();
    }
  }
});
