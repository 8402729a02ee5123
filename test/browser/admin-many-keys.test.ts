import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { type Console, CONSOLE_PATHS, openConsole, weigh } from "./console-support.ts";
import { startDesk } from "./flow-support.ts";
import { fillRedis, fillSqlite, statistic } from "./many-keys.ts";
import { openBrowser } from "./support.ts";

/** The list of keys where there are 100,000 of them. */

const MANY = 100_000;
const ROWS = 25;
const MAX_PAGE_BYTES = 50 * 1024;
/** What Redis may send for a page of keys with all that is read beside it; all keys are some 20 MB. */
const MAX_READ_BYTES = 200_000;
/** Rows of a page, and what is read beside them. */
const MAX_COMMANDS = 200;

let browser: Browser;
let redis: RedisServer;

beforeAll(async () => {
  browser = await openBrowser();
  redis = await startRedis();
  afterAll(() => redis.stop());
});

async function startFilled(kind: "SQLite" | "Redis"): Promise<Omit<Console, "second">> {
  const file = join(tempFolder(), "portcullis.db");
  if (kind === "Redis") {
    await fillRedis(redis, MANY);
  } else {
    await openSqliteStore({ file, clock: systemClock }).close();
    fillSqlite(file, MANY);
  }
  const url = kind === "SQLite" ? `sqlite:${file}` : redis.url;
  const first = await startDesk({
    config: { store: { url }, secrets: { pepper: randomBytes(32).toString("base64url") } },
  });
  return { first, admin: await first.desk.addPerson({ role: "admin" }) };
}

async function spent(): Promise<{ readonly bytes: number; readonly commands: number }> {
  return {
    bytes: await statistic(redis, "total_net_output_bytes"),
    commands: await statistic(redis, "total_commands_processed"),
  };
}

describe.each(["SQLite", "Redis"] as const)("100,000 keys on %s", (kind) => {
  let console: Omit<Console, "second">;

  beforeAll(async () => {
    console = await startFilled(kind);
  }, 60_000);

  test("are listed and searched a page at a time", async () => {
    const view = await openConsole(browser, console);
    const { page } = view;
    const rows = page.getByRole("table", { name: "API keys" }).locator("tbody tr");
    const list = `${console.first.adminUrl}/keys`;
    const expectSmall = async (): Promise<void> => {
      expect(await rows.count()).toBeLessThanOrEqual(ROWS);
      expect(await weigh(view)).toBeLessThan(MAX_PAGE_BYTES);
    };
    await page.goto(list);
    expect(await rows.count()).toBe(ROWS);
    await expectSmall();
    const seen = new Set<string>();
    for (let part = 0; part < 4; part += 1) {
      for (const text of await rows.locator("code").allInnerTexts()) seen.add(text);
      const next = await page.getByRole("link", { name: "Next page" }).getAttribute("href");
      await page.goto(new URL(next ?? "", page.url()).href);
    }
    await expectSmall();
    expect(seen.size).toBeGreaterThan(ROWS);
    await page.getByLabel("Search").fill("service 0420");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "Service 042000" }).waitFor();
    await expectSmall();
    await page.getByLabel("Search").fill("key_00000000000000099999");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "Service 099999" }).waitFor();
    expect(await rows.count()).toBe(1);
    await page.getByLabel("Search").fill("4711");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "Service 004711" }).waitFor();
    expect(await rows.count()).toBe(MANY / 10_000);
    expect(view.complaints).toEqual([]);
  });

  test("leave every page of the console small", async () => {
    const view = await openConsole(browser, console);
    for (const path of CONSOLE_PATHS) {
      await view.page.goto(`${console.first.adminUrl}/${path}`);
      expect({ path, isSmall: (await weigh(view)) < MAX_PAGE_BYTES }).toEqual({ path, isSmall: true });
    }
  });

  // For SQLite the steps of its plans show it: test/store/sqlite-key-list.test.ts.
  if (kind === "SQLite") return;
  test("cost Redis no more than a page of them", async () => {
    const { context } = await openConsole(browser, console);
    for (const query of ["", "?search=service", "?search=service+0999", "?search=4711", "?search=nobody"]) {
      const before = await spent();
      expect((await context.request.get(`${console.first.adminUrl}/keys${query}`)).status()).toBe(200);
      const after = await spent();
      expect(after.bytes - before.bytes).toBeLessThan(MAX_READ_BYTES);
      expect(after.commands - before.commands).toBeLessThan(MAX_COMMANDS);
    }
  });
});
