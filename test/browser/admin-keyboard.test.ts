import type { Browser, Locator, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { type Console, expectNotice, openConsole, secretOn, startConsole } from "./console-support.ts";
import { NONE, READS, tabTo, useToken, visit } from "./flow-support.ts";
import { openBrowser } from "./support.ts";

/** The console by Tab, Enter and Space alone. */

let browser: Browser;
let console: Console;

beforeAll(async () => {
  browser = await openBrowser();
  console = await startConsole("SQLite");
});

/** Goes to a control by the Tab key, and presses a key there. */
async function press(page: Page, control: Locator, key: "Enter" | "Space"): Promise<void> {
  await tabTo(page, control);
  await page.keyboard.press(key);
}

test("from the sign-in on, a key is created, copied and revoked", async () => {
  const { first, second, admin } = console;
  const { page, context, complaints } = await visit(browser, [first.url, first.adminUrl]);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: first.adminUrl });
  await page.goto(`${first.adminUrl}/`);
  // The first field has the focus.
  await page.keyboard.type(admin.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(admin.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "MCP Access" }).waitFor();

  await press(page, page.getByRole("link", { name: "Create API key" }).first(), "Enter");
  await page.getByRole("heading", { level: 1, name: "Create API key" }).waitFor();
  await page.keyboard.type("By keyboard");
  await press(page, page.getByLabel("tickets:read"), "Space");
  await press(page, page.getByRole("button", { name: "Create", exact: true }), "Enter");
  await page.getByRole("heading", { level: 1, name: "By keyboard is ready" }).waitFor();

  await press(page, page.getByRole("button", { name: "Copy" }).first(), "Space");
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const key = await page.evaluate<string>("navigator.clipboard.readText()");
  expect(key).toBe(await secretOn(page));
  expect(await useToken(second, key)).toEqual(READS);

  await press(page, page.getByRole("link", { name: "I have copied it" }), "Enter");
  await page.getByRole("heading", { level: 1, name: "By keyboard", exact: true }).waitFor();
  await press(page, page.getByRole("link", { name: "Revoke…" }), "Enter");
  await page.getByText("This cannot be undone.").waitFor();
  await press(page, page.getByRole("button", { name: "Revoke key" }), "Space");
  await expectNotice(page, "The API key is revoked.");
  expect(await useToken(second, key)).toEqual(NONE);
  expect(complaints).toEqual([]);
});

test("the skip link leads past the tabs, and a question can be left by keyboard", async () => {
  const { page } = await openConsole(browser, console);
  await page.goto(`${console.first.adminUrl}/access/switch`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const inMain = await page.evaluate<boolean>("document.querySelector('main').contains(document.activeElement)");
  expect(inMain).toBe(true);
  await press(page, page.getByRole("link", { name: "Cancel" }), "Enter");
  await page.getByRole("heading", { level: 1, name: "MCP Access" }).waitFor();
  expect(await page.getByRole("main").innerText()).not.toContain("MCP access is off");
});
