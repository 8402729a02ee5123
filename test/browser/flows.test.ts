import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { isClientId } from "../../src/core/ids.ts";
import type { IssuedClient } from "../../src/oauth/clients-service.ts";
import type { TestPerson } from "../support/desk.ts";
import type { Sidecar } from "../support/sidecar.ts";
import {
  type Application,
  ask,
  heading,
  redeem,
  shoot,
  signIn,
  startApplication,
  startDesk,
  tabTo,
  useToken,
  type Visit,
  visit,
} from "./flow-support.ts";
import { openBrowser, type ViewOptions } from "./support.ts";

/** The authorization code flow, by a real browser at a real sidecar before a real service. */

const ASKS = "Allow this application to act for you?";

let browser: Browser;
let sidecar: Sidecar;
let person: TestPerson;
let application: Application;
let issued: IssuedClient;

beforeAll(async () => {
  browser = await openBrowser();
  sidecar = await startDesk();
  application = await startApplication();
  person = await sidecar.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
  issued = await sidecar.desk.addClient({ name: "Desk Assistant", redirectUris: [application.redirectUri] });
});

const client = () => ({ id: issued.record.id, redirectUri: application.redirectUri });
const open = (options?: ViewOptions): Promise<Visit> => visit(browser, [sidecar.url, application.origin], options);

/** Signs in on the way to the consent page, and stays there. */
async function toConsent(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await signIn(page, person);
  expect(await heading(page)).toBe(ASKS);
}

/** Where the browser is, at the application. */
async function arrived(page: Page): Promise<URLSearchParams> {
  await page.waitForURL(`${application.redirectUri}?**`);
  expect(await heading(page)).toBe("Back at the app");
  return new URL(page.url()).searchParams;
}

describe("a client asks for access", () => {
  test.each([{ javaScript: true }, { javaScript: false }])("and gets what the person left: %o", async (options) => {
    const view = await open(options);
    const { page } = view;
    const asked = ask(sidecar, client());
    await page.goto(asked.url);
    expect(await heading(page)).toBe("Sign in");
    expect(await page.getByRole("main").innerText()).toContain("Desk Assistant");
    await shoot(view, "sign-in-for-client");
    await signIn(page, person);
    expect(await heading(page)).toBe(ASKS);
    await shoot(view, "consent");
    await page.getByLabel("tickets:write").uncheck();
    await page.getByLabel("Acme Inc").check();
    await page.getByRole("button", { name: "Approve" }).click();
    const answer = await arrived(page);
    expect([answer.get("state"), answer.get("iss"), answer.get("error")]).toEqual([asked.state, sidecar.url, null]);
    const token = await redeem(sidecar, client(), asked, answer.get("code"));
    expect(token).toMatchObject({ scope: "tickets:read" });
    expect(await useToken(sidecar, token.access_token)).toEqual({ readAcme: 200, readGlobex: 403, writeAcme: 403 });
    expect(view.complaints).toEqual([]);
  });

  test("and gets all that it asked for, where the person approves the page as it is", async () => {
    const { page } = await open();
    const asked = ask(sidecar, client());
    await toConsent(page, asked.url);
    await page.getByRole("button", { name: "Approve" }).click();
    const token = await redeem(sidecar, client(), asked, (await arrived(page)).get("code"));
    expect(await useToken(sidecar, token.access_token)).toEqual({ readAcme: 200, readGlobex: 200, writeAcme: 200 });
  });

  test("and gets what was left by a person who has a keyboard only", async () => {
    const { page } = await open();
    const asked = ask(sidecar, client());
    await page.goto(asked.url);
    // The first field has the focus.
    await page.keyboard.type(person.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(person.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: ASKS }).waitFor();
    await tabTo(page, page.getByLabel("tickets:write"));
    await page.keyboard.press("Space");
    await tabTo(page, page.getByLabel("All portals"));
    await page.keyboard.press("ArrowDown");
    await tabTo(page, page.getByRole("button", { name: "Approve" }));
    await page.keyboard.press("Enter");
    const token = await redeem(sidecar, client(), asked, (await arrived(page)).get("code"));
    expect(await useToken(sidecar, token.access_token)).toEqual({ readAcme: 200, readGlobex: 403, writeAcme: 403 });
  });

  test("and is told where the person denies", async () => {
    const view = await open();
    const { page } = view;
    const asked = ask(sidecar, client());
    await toConsent(page, asked.url);
    await page.getByRole("button", { name: "Deny" }).click();
    const answer = await arrived(page);
    expect(Object.fromEntries(answer)).toMatchObject({
      error: "access_denied",
      state: asked.state,
      iss: sidecar.url,
    });
    expect(answer.has("code")).toBe(false);
    expect(view.complaints).toEqual([]);
  });

  test("and the browser goes to a client on another host by https", async () => {
    const host = "https://app.example.invalid";
    const elsewhere = await sidecar.desk.addClient({ name: "Hosted app", redirectUris: [`${host}/callback`] });
    const view = await visit(browser, [sidecar.url, host]);
    const { page } = view;
    await toConsent(page, ask(sidecar, { id: elsewhere.record.id, redirectUri: `${host}/callback` }).url);
    const attempt = page.waitForEvent("requestfailed", (request) => request.url().startsWith(`${host}/callback?code=`));
    await page.getByRole("button", { name: "Approve" }).click();
    // Nothing is there; a browser that may not go there says so otherwise.
    expect((await attempt).failure()?.errorText).toMatch(/NAME_NOT_RESOLVED|INTERNET_DISCONNECTED|NETWORK_CHANGED/);
    expect(view.complaints.filter((complaint) => complaint.includes("form-action"))).toEqual([]);
  });

  test("and a page that needs a choice says so, and keeps what was chosen", async () => {
    const view = await open();
    const { page } = view;
    const asked = ask(sidecar, client());
    await toConsent(page, asked.url);
    await page.getByLabel("tickets:read").uncheck();
    await page.getByLabel("tickets:write").uncheck();
    await page.getByLabel("Globex").check();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Globex").isChecked()).toBe(true);
    expect(await page.getByLabel("tickets:read").isChecked()).toBe(false);
    await shoot(view, "consent-nothing-chosen");
    await page.getByLabel("tickets:read").check();
    await page.getByRole("button", { name: "Approve" }).click();
    const token = await redeem(sidecar, client(), asked, (await arrived(page)).get("code"));
    expect(await useToken(sidecar, token.access_token)).toEqual({ readAcme: 403, readGlobex: 200, writeAcme: 403 });
  });
});

describe("a client that registered itself", () => {
  test("waits for an administrator, and the page goes on to consent once it is approved", async () => {
    const view = await open();
    const { page } = view;
    const registration = await fetch(`${sidecar.url}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "MCP Inspector",
        redirect_uris: [application.redirectUri],
        token_endpoint_auth_method: "none",
      }),
    });
    const { client_id: id }: { client_id: string } = JSON.parse(await registration.text());
    const asked = ask(sidecar, { ...client(), id });
    await page.goto(asked.url);
    await signIn(page, person);
    expect(await heading(page)).toBe("This application waits for approval");
    expect(await page.getByRole("main").innerText()).toContain(id);
    await shoot(view, "waiting");
    if (!isClientId(id)) throw new Error(`no client id: ${id}`);
    await sidecar.desk.clients.approve(id, "admin@example.com");
    await page.reload();
    expect(await heading(page)).toBe(ASKS);
    await shoot(view, "consent-registered");
    await page.getByRole("button", { name: "Approve" }).click();
    const token = await redeem(sidecar, { ...client(), id }, asked, (await arrived(page)).get("code"));
    expect(token.access_token).toMatch(/^[\w-]{43}$/);
    expect(view.complaints).toEqual([]);
  });
});
