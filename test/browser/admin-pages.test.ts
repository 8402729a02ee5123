import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { registerScripts } from "../../src/admin/assets/assets.ts";
import { messagePage } from "../../src/oauth/pages/messages.ts";
import { sendPage } from "../../src/web/send.ts";
import { createWebServer, registerPageParsers } from "../../src/web/server.ts";
import { registerStylesheet, stylesheetPath } from "../../src/web/stylesheet.ts";
import { listen } from "../web/serve.ts";
import { ADMIN_STATES, HOSTILE_STATES, PATHS } from "./admin-states.ts";
import { expectGoodInAllLooks, openBrowser, openView, PHONE_LIGHT } from "./support.ts";

const STATES = { ...ADMIN_STATES, ...HOSTILE_STATES };
const MAX_PAGE_BYTES = 50 * 1024;

let browser: Browser;
let origin = "";
/** What the status answers, as the API does. */
let status: object = {};
/** Forms that were sent: path and body. */
const posted: { readonly path: string; readonly body: unknown }[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  const chrome = { stylesheet: stylesheetPath("/signin"), person: null, signOut: null };
  const web = createWebServer({
    log: { error: (fields, message) => console.error(message, fields) },
    errorPage: (fault) => messagePage(chrome, fault),
    origin: () => origin,
  });
  registerStylesheet(web.app, "/signin");
  registerScripts(web.app, PATHS);
  web.app.get(PATHS.status, () => status);
  await web.app.register(async (scope) => {
    await registerPageParsers(scope);
    scope.get<{ Params: { state: string } }>("/states/:state", (request, reply) => {
      const make = STATES[request.params.state];
      return make === undefined ? reply.callNotFound() : sendPage(reply, 200, make(), { scripts: true });
    });
    scope.post("/*", (request, reply) => {
      posted.push({ path: request.url, body: request.body });
      return sendPage(reply, 200, messagePage(chrome, { title: "Posted", text: "Received.", requestId: request.id }));
    });
  });
  const listening = await listen(web);
  origin = listening.origin;
  afterAll(listening.close);
});

beforeEach(() => {
  posted.length = 0;
  status = { minutes: [], refused_by: [], open_streams: 0 };
});

describe.each(Object.keys(ADMIN_STATES))("page %s", (name) => {
  test("is small enough to be there at once", () => {
    expect(Buffer.byteLength(String(ADMIN_STATES[name]?.()))).toBeLessThan(MAX_PAGE_BYTES);
  });

  test("is accessible, within its width and reached by keyboard in all looks", async () => {
    const view = await openView(browser);
    const answer = await view.page.goto(`${origin}/states/${name}`);
    expect(answer?.status()).toBe(200);
    await expectGoodInAllLooks(view, name);
  });
});

describe.each(Object.keys(HOSTILE_STATES))("hostile page %s", (name) => {
  test("stays in its place in all looks", async () => {
    const view = await openView(browser);
    await view.page.goto(`${origin}/states/${name}`);
    expect(await view.page.locator("script:not([src]), img, iframe, style, [onerror], [style]").count()).toBe(0);
    await expectGoodInAllLooks(view, name);
  });
});

describe("without scripts", () => {
  test("a key is asked for with all that was chosen", async () => {
    const { page } = await openView(browser, { javaScript: false, look: PHONE_LIGHT });
    await page.goto(`${origin}/states/admin-key-form`);
    await page.getByLabel("Name").fill("Nightly export");
    await page.getByLabel("Read ticket details").check();
    await page.getByLabel("Portal", { exact: true }).selectOption("Acme Inc (acme)");
    await page.getByLabel("In 30 days").check();
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    const body = {
      csrf: "c".repeat(64),
      name: "Nightly export",
      scope: "tickets:read",
      portal: "acme",
      expiry: "30",
      expires_on: "",
    };
    expect(posted).toEqual([{ path: PATHS.newKey, body }]);
  });

  test("no button is there that would do nothing", async () => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/admin-key-issued`);
    expect(await page.getByRole("button", { name: "Copy" }).count()).toBe(0);
    expect(await page.getByText("noice_sk_live_").first().isVisible()).toBe(true);
  });

  test.each([
    ["admin-switch-off", "Switch off MCP access", PATHS.mcpSwitch],
    ["admin-key-revoke", "Revoke key", PATHS.revokeKey("key_4fKq9ZxT1mWb7Rj2LdPv")],
    ["admin-client-approve", "Approve client", PATHS.clientAct("approve", "client_Zx81kQmVw0aTf5NhYc3e")],
    ["admin-grant-revoke", "Revoke access", PATHS.revokeGrant("grant_4fKq9ZxT1mWb7Rj2LdPv22")],
    ["admin-person-disable", "Disable person", PATHS.personAct("disable", "usr_4fKq9ZxT1mWb7Rj2LdPv")],
    ["admin-token-revoke", "Revoke token", PATHS.revokeToken("adm_4fKq9ZxT1mWb7Rj2LdPv")],
  ])("%s is confirmed by its button", async (state, button, path) => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/${state}`);
    await page.getByRole("button", { name: button }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted.map((form) => form.path)).toEqual([path]);
    expect(posted).toMatchObject([{ body: { csrf: "c".repeat(64) } }]);
  });
});

describe("with scripts", () => {
  test("the copy button copies the key and says so", async () => {
    const { page, context, complaints } = await openView(browser);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    await page.goto(`${origin}/states/admin-key-issued`);
    const button = page.getByRole("button", { name: "Copy" }).first();
    await button.click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(copied).toBe(await page.locator("#secret").textContent());
    expect(complaints).toEqual([]);
  });

  test("the numbers and the chart of the overview follow the status", async () => {
    const minutes = Array.from({ length: 60 }, (_, index) => ({
      at: index,
      allowed: index === 58 ? 700 : 0,
      refused: 0,
    }));
    status = { minutes, refused_by: [{ reason: "no_route", count: 5 }], open_streams: 31 };
    const { page, complaints } = await openView(browser);
    await page.clock.install();
    await page.goto(`${origin}/states/admin-overview`);
    const before = await page.locator("polyline.allowed").getAttribute("points");
    await page.clock.runFor(5000);
    await page.locator("[data-live=openStreams]").getByText("31").waitFor();
    expect(await page.locator("[data-live=perMinute]").textContent()).toBe("700");
    expect(await page.locator("[data-live=refused]").textContent()).toBe("5");
    expect(await page.locator("polyline.allowed").getAttribute("points")).not.toBe(before);
    expect(complaints).toEqual([]);
  });
});
