import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { IssuedClient } from "../../src/oauth/clients-service.ts";
import type { TestPerson } from "../support/desk.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { heading, poll, shoot, signIn, startDesk, startDevice, useToken, type Visit, visit } from "./flow-support.ts";
import { openBrowser, PHONE_LIGHT, type ViewOptions } from "./support.ts";

/** The device flow (RFC 8628), by a real browser. */

let browser: Browser;
let sidecar: Sidecar;
let person: TestPerson;
let client: IssuedClient;

beforeAll(async () => {
  browser = await openBrowser();
  sidecar = await startDesk();
  person = await sidecar.desk.addPerson({ email: "anna@example.com", name: "Anna Example" });
  client = await sidecar.desk.addClient({ name: "Desk command line", redirectUris: [] });
});

const open = (options?: ViewOptions): Promise<Visit> => visit(browser, [sidecar.url], options);

describe("a device", () => {
  test.each([
    { look: PHONE_LIGHT, javaScript: true },
    { look: PHONE_LIGHT, javaScript: false },
  ])("is confirmed by its link: %o", async (options) => {
    const view = await open(options);
    const { page } = view;
    const device = await startDevice(sidecar, client);
    await page.goto(device.completeUri);
    await signIn(page, person);
    expect(await heading(page)).toBe("Connect a device");
    // The link fills it in and no more: the person compares it with the device.
    expect(await page.getByLabel("Code").inputValue()).toBe(device.userCode);
    await shoot(view, "device-code");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "Allow this device to act for you?" }).waitFor();
    const text = await page.getByRole("main").innerText();
    for (const shown of [device.userCode, "Desk command line", "127.0.0.1", "just now"]) expect(text).toContain(shown);
    await shoot(view, "device-confirm");
    await page.getByLabel("tickets:write").uncheck();
    await page.getByLabel("Acme Inc").check();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Device connected" }).waitFor();
    await shoot(view, "device-done");
    const token = await poll(sidecar, client, device);
    expect(await useToken(sidecar, token.access_token)).toEqual({ readAcme: 200, readGlobex: 403, writeAcme: 403 });
    expect(view.complaints).toEqual([]);
  });

  test("is confirmed by a code that is typed as people type", async () => {
    const { page } = await open();
    const device = await startDevice(sidecar, client);
    await page.goto(device.uri);
    await signIn(page, person);
    await page.keyboard.type(` ${device.userCode.toLowerCase().replace("-", " ")} `);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Allow this device to act for you?" }).waitFor();
    // Enter in a box decides nothing.
    await page.getByLabel("tickets:read").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Approve" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Device connected" }).waitFor();
    expect((await poll(sidecar, client, device)).access_token).toMatch(/^[\w-]{43}$/);
  });

  test("gets nothing where the person denies", async () => {
    const view = await open();
    const { page } = view;
    const device = await startDevice(sidecar, client);
    await page.goto(device.completeUri);
    await signIn(page, person);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Device denied" }).waitFor();
    await shoot(view, "device-denied");
    expect(await poll(sidecar, client, device)).toMatchObject({ error: "access_denied" });
  });

  test("is decided on once: whoever opens its link again is told that it was answered", async () => {
    const { page } = await open();
    const device = await startDevice(sidecar, client);
    await page.goto(device.completeUri);
    await signIn(page, person);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Device denied" }).waitFor();
    await page.goto(device.completeUri);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "This was answered already" }).waitFor();
    expect(await poll(sidecar, client, device)).toMatchObject({ error: "access_denied" });
  });
});

describe("codes that no device shows", () => {
  test("are asked for again, and after five of them the network has to wait", async () => {
    const guesser = await sidecar.desk.addPerson();
    const view = await open();
    const { page } = view;
    await page.goto(`${sidecar.url}/oauth/device`);
    await signIn(page, guesser);
    for (let count = 0; count < 5; count += 1) {
      await page.getByLabel("Code").fill(`BCDF-GHJ${"KLMNP"[count]}`);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByText("No device shows this code now").waitFor();
      await shoot(view, "device-wrong-code");
    }
    const device = await startDevice(sidecar, client);
    await page.getByLabel("Code").fill(device.userCode);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "Too many wrong codes" }).waitFor();
    expect(await page.getByRole("main").innerText()).toMatch(/Wait 1\d minutes/);
    await shoot(view, "device-wait");
    // So has everybody else there: the next five guesses would be another account's.
    const other = await open();
    await other.page.goto(device.completeUri);
    await signIn(other.page, person);
    await other.page.getByRole("button", { name: "Go on" }).click();
    await other.page.getByRole("heading", { name: "Too many wrong codes" }).waitFor();
  });
});
