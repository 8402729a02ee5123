import type { Browser, Page } from "playwright-core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/core/clock.ts";
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
  visit,
} from "./flow-support.ts";
import { openBrowser } from "./support.ts";

/** What goes wrong on the way: each has a page that says what happened, and leads on. */

let browser: Browser;
let sidecar: Sidecar;
let person: TestPerson;
let application: Application;
let issued: IssuedClient;
/** How far the sidecar's clock is ahead. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };

beforeAll(async () => {
  browser = await openBrowser();
  sidecar = await startDesk({ clock });
  application = await startApplication();
  person = await sidecar.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
  issued = await sidecar.desk.addClient({ name: "Desk Assistant", redirectUris: [application.redirectUri] });
});
beforeEach(() => {
  ahead = 0;
});

const client = () => ({ id: issued.record.id, redirectUri: application.redirectUri });
const codeAt = (page: Page): string | null => new URL(page.url()).searchParams.get("code");
const open = () => visit(browser, [sidecar.url, application.origin]);

async function toConsent(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await signIn(page, person);
  expect(await heading(page)).toBe("Allow this application to act for you?");
}

describe("an authorization request that cannot be answered", () => {
  test.each([
    ["of an unknown client", { client_id: "client_unknown" }, "Unknown app", "unknown-client"],
    [
      "to an address that the client did not register",
      { redirect_uri: "https://evil.example.invalid/callback" },
      "The app cannot be answered",
      "bad-redirect",
    ],
  ])("%s stays here, with a page that says so", async (_name, more, title, name) => {
    const view = await open();
    const answer = await view.page.goto(ask(sidecar, client(), more).url);
    expect([answer?.status(), await heading(view.page)]).toEqual([400, title]);
    expect(new URL(view.page.url()).origin).toBe(sidecar.url);
    await shoot(view, name);
  });

  test("of a client that is not in order is answered at the client", async () => {
    const { page } = await open();
    await page.goto(ask(sidecar, client(), { code_challenge: "", code_challenge_method: "" }).url);
    await page.waitForURL(`${application.redirectUri}?**`);
    expect(new URL(page.url()).searchParams.get("error")).toBe("invalid_request");
  });

  test("while access for apps is off says so", async () => {
    const view = await open();
    await sidecar.desk.access.set({ mcpAccess: false });
    try {
      await view.page.goto(ask(sidecar, client()).url);
      expect(await heading(view.page)).toBe("Access for apps is off");
      await shoot(view, "access-off");
    } finally {
      await sidecar.desk.access.set({ mcpAccess: true });
    }
  });
});

describe("a request for consent", () => {
  test("that took too long says so, and gives nothing", async () => {
    const view = await open();
    const { page } = view;
    await toConsent(page, ask(sidecar, client()).url);
    ahead = 2 * 3_600_000;
    const before = application.arrivals.length;
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "This request has ended" }).waitFor();
    expect(application.arrivals).toHaveLength(before);
    await shoot(view, "ended");
  });

  test("that was approved has ended for who goes back to it", async () => {
    const { page } = await open();
    await toConsent(page, ask(sidecar, client()).url);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.waitForURL(`${application.redirectUri}?**`);
    await page.goBack();
    expect(await heading(page)).toBe("This request has ended");
  });

  test("that belongs to another browser cannot be answered", async () => {
    const [one, two] = [await open(), await open()];
    await toConsent(one.page, ask(sidecar, client()).url);
    await two.page.goto(one.page.url());
    await signIn(two.page, person);
    expect(await heading(two.page)).toBe("This request has ended");
  });

  test("that is approved with a double click reaches the client, with a code that works", async () => {
    const { page } = await open();
    const asked = ask(sidecar, client());
    await toConsent(page, asked.url);
    await page.getByRole("button", { name: "Approve" }).dblclick();
    await page.waitForURL(`${application.redirectUri}?**`);
    const { access_token: token } = await redeem(sidecar, client(), asked, codeAt(page));
    expect(token).toMatch(/^[\w-]{43}$/);
  });

  test("whose first answer the browser lost leads to the client all the same, by the page of the second", async () => {
    const view = await open();
    const { page } = view;
    const asked = ask(sidecar, client());
    await toConsent(page, asked.url);
    const sent = Promise.withResolvers<void>();
    let posts = 0;
    await page.route("**/oauth/interaction/*", async (route) => {
      posts += 1;
      if (posts > 1) return route.continue();
      // The sidecar has the first submission; its answer does not come.
      await route.fetch({ maxRedirects: 0 });
      sent.resolve();
    });
    await page.getByRole("button", { name: "Approve" }).click({ noWaitAfter: true });
    await sent.promise;
    // The button has the focus; a second click by Playwright would wait for the answer to the first.
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "This was answered already" }).waitFor();
    expect(posts).toBe(2);
    await page.unroute("**/oauth/interaction/*");
    view.forgive();
    await shoot(view, "answered-already");
    await page.getByRole("link", { name: "Back to the app" }).click();
    await page.waitForURL(`${application.redirectUri}?**`);
    const { access_token: token } = await redeem(sidecar, client(), asked, codeAt(page));
    expect(token).toMatch(/^[\w-]{43}$/);
  });

  test("that is answered in two windows, one after the other, counts once", async () => {
    const { context, page } = await open();
    await toConsent(page, ask(sidecar, client()).url);
    const second = await context.newPage();
    await second.goto(page.url());
    await page.getByRole("button", { name: "Approve" }).click();
    await page.waitForURL(`${application.redirectUri}?**`);
    const before = application.arrivals.length;
    await second.getByRole("button", { name: "Deny" }).click();
    await second.getByRole("heading", { name: "This request has ended" }).waitFor();
    expect(application.arrivals).toHaveLength(before);
  });

  test("that is answered in two windows at once reaches the client once, and the other window says so", async () => {
    const { context, page } = await open();
    await toConsent(page, ask(sidecar, client()).url);
    const second = await context.newPage();
    await second.goto(page.url());
    const before = application.arrivals.length;
    const windows = [page, second];
    await Promise.all(windows.map((window) => window.getByRole("button", { name: "Approve" }).click()));
    const headings = await Promise.all(windows.map((window) => heading(window)));
    expect(headings).toContain("Back at the app");
    expect(headings.join()).toMatch(/This (was answered already|request has ended)/);
    expect(application.arrivals).toHaveLength(before + 1);
  });

  test("that another person finds after a change of accounts asks anew", async () => {
    const view = await open();
    const { context, page } = view;
    const other = await sidecar.desk.addPerson();
    await toConsent(page, ask(sidecar, client()).url);
    const second = await context.newPage();
    await second.goto(`${sidecar.url}/signin`);
    await second.getByRole("button", { name: "Sign out" }).click();
    await signIn(second, other);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("banner").innerText()).toContain(other.email);
    await shoot(view, "consent-stale");
  });
});

test("a page that is not there says so", async () => {
  const view = await open();
  const answer = await view.page.goto(`${sidecar.url}/signin/nothing-here`);
  expect([answer?.status(), await heading(view.page)]).toEqual([404, "Page not found"]);
  await shoot(view, "not-found");
});
