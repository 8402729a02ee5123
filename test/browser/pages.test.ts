import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { messagePage } from "../../src/oauth/pages/messages.ts";
import { sendPage } from "../../src/web/send.ts";
import { createWebServer, registerPageParsers } from "../../src/web/server.ts";
import { registerStylesheet, stylesheetPath } from "../../src/web/stylesheet.ts";
import { listen } from "../web/serve.ts";
import { expectGoodInAllLooks, openBrowser, openView, PHONE_LIGHT } from "./support.ts";
import { STATES } from "./states.ts";

let browser: Browser;
let origin = "";
/** Bodies that forms sent, in order. */
const posted: unknown[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  const chrome = { stylesheet: stylesheetPath("/signin"), person: null, signOut: null };
  const web = createWebServer({
    log: { error: (fields, message) => console.error(message, fields) },
    errorPage: (fault) => messagePage(chrome, fault),
    origin: () => origin,
  });
  registerStylesheet(web.app, "/signin");
  await web.app.register(async (scope) => {
    await registerPageParsers(scope);
    scope.get<{ Params: { state: string } }>("/states/:state", (request, reply) => {
      const make = STATES[request.params.state];
      return make === undefined ? reply.callNotFound() : sendPage(reply, 200, make());
    });
    scope.post("/posted", (request, reply) => {
      posted.push(request.body);
      return sendPage(reply, 200, messagePage(chrome, { title: "Posted", text: "Received.", requestId: request.id }));
    });
  });
  const listening = await listen(web);
  origin = listening.origin;
  afterAll(listening.close);
});

beforeEach(() => {
  posted.length = 0;
});

describe.each(Object.keys(STATES))("page %s", (name) => {
  test("is accessible, within its width and reached by keyboard in all looks", async () => {
    const view = await openView(browser);
    const answer = await view.page.goto(`${origin}/states/${name}`);
    expect(answer?.status()).toBe(200);
    // Hostile text opened no element and ran no script: pages of ours have neither.
    expect(await view.page.locator("script, img, iframe, style, [onerror], [style]").count()).toBe(0);
    await expectGoodInAllLooks(view, name);
  });
});

describe("forms with scripts switched off", () => {
  test("sign-in sends the fields, the token and the way back", async () => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/sign-in`);
    await page.getByLabel("Email").fill("anna@example.com");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toEqual([
      {
        csrf: "c".repeat(64),
        return_to: "/oauth/interaction/abc",
        email: "anna@example.com",
        password: "correct horse battery",
      },
    ]);
  });

  test("consent sends the scopes that are checked, the portal, and the decision of the button", async () => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/consent`);
    await page.getByLabel("Create and change tickets").uncheck();
    await page.getByLabel("Globex").check();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toEqual([{ csrf: "c".repeat(64), scope: "tickets:read", portal: "globex", decision: "approve" }]);
  });

  test("consent for all portals sends an empty portal", async () => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/consent`);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toEqual([
      { csrf: "c".repeat(64), scope: ["tickets:read", "tickets:write"], portal: "", decision: "deny" },
    ]);
  });

  test("the device page sends its code along with the decision", async () => {
    const { page } = await openView(browser, { javaScript: false, look: PHONE_LIGHT });
    await page.goto(`${origin}/states/device-confirm`);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toMatchObject([{ user_code: "BCDF-GHJK", decision: "approve", portal: "" }]);
  });

  test("a portal must be chosen where none is by default", async () => {
    const { page } = await openView(browser, { javaScript: false });
    await page.goto(`${origin}/states/consent-many-portals`);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByLabel("On which portal").selectOption("Portal number 7");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toMatchObject([{ portal: "p6", decision: "approve" }]);
  });
});

describe("Enter in a consent form", () => {
  test.each([
    ["a box", "input[type=checkbox]"],
    ["a radio button", "input[type=radio]"],
  ])("on %s decides nothing", async (_name, selector) => {
    const { page } = await openView(browser);
    await page.goto(`${origin}/states/consent`);
    await page.locator(selector).first().focus();
    await page.keyboard.press("Enter");
    // Enter has been handled by the time that the next key is.
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Posted" }).waitFor();
    expect(posted).toHaveLength(1);
    expect(posted).toMatchObject([{ decision: "deny" }]);
  });
});

describe("focus", () => {
  test.each([
    ["sign-in-problem", "[role=alert]"],
    ["setup-problems", "[role=alert]"],
    ["consent-many-portals", "[role=alert]"],
    ["device-code", "#user_code"],
    ["device-code-problem", "#user_code"],
    ["sign-in", "#email"],
  ])("begins on %s at %s", async (state, selector) => {
    const { page } = await openView(browser);
    await page.goto(`${origin}/states/${state}`);
    const focused = `document.activeElement === document.querySelector(${JSON.stringify(selector)})`;
    await expect.poll(() => page.evaluate(focused)).toBe(true);
  });

  test("is left to the browser where a decision is asked for", async () => {
    const { page } = await openView(browser);
    await page.goto(`${origin}/states/consent`);
    expect(await page.evaluate("document.activeElement === document.body")).toBe(true);
  });
});
