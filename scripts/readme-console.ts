import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { startDemoService } from "../deploy/demo/service/server.ts";
import { startApp } from "../src/app/app.ts";
import { loadConfig } from "../src/config/config.ts";
import { formatProblem } from "../src/core/problem.ts";
import { silentLog } from "../src/telemetry/log.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ADMIN = { email: "ada@example.com", name: "Ada Example", password: "for a picture, no more" };

/** The demo's service and rules behind a sidecar that has been used. */
export interface Console {
  readonly adminUrl: string;
  /** Signs the administrator in, in a window of their own. */
  readonly signIn: (options?: BrowserContextOptions) => Promise<Page>;
  readonly close: () => Promise<void>;
}

/** What happens in it while its clock is turned. */
interface Stage {
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** To so many milliseconds before now. */
  readonly turnTo: (ago: number) => void;
  /** What the administrator does at that time, in a window of their own. */
  readonly at: <T>(ago: number, work: (page: Page) => Promise<T>) => Promise<T>;
}

interface Keys {
  readonly trial: string;
  readonly old: string;
  readonly robot: string;
  readonly backup: string;
  readonly assistant: string;
}

/** A clock that can be turned, and begins 40 days ago. */
function turningClock() {
  let ahead = -40 * DAY;
  return {
    now: () => Date.now() + ahead,
    monotonic: () => performance.now() + 41 * DAY + ahead,
    turnTo: (ago: number) => void (ahead = -ago),
  };
}

/** Starts it with some weeks behind it: keys in every state, a client that waits, and an hour of requests. */
export async function startConsole(browser: Browser): Promise<Console> {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-images-"));
  const service = await startDemoService({ port: 0 });
  const clock = turningClock();
  const env = {
    DEMO_SERVICE: service.url,
    DEMO_PUBLIC: "127.0.0.1:0",
    DEMO_ADMIN: "127.0.0.1:0",
    DEMO_DATA: folder,
    DEMO_STORE: `sqlite:${join(folder, "portcullis.db")}`,
    DEMO_PEPPER: randomBytes(32).toString("base64url"),
  };
  const config = await loadConfig(resolve(import.meta.dirname, "../config/demo.yaml"), env);
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join("\n"));
  const app = await startApp(config.value, { env, clock, log: silentLog() });
  const { adminUrl, publicUrl } = app;
  const enter = (options?: BrowserContextOptions): Promise<Page> => signIn(browser, adminUrl, options);
  const stage: Stage = {
    publicUrl,
    adminUrl,
    turnTo: clock.turnTo,
    async at(ago, work) {
      clock.turnTo(ago);
      const page = await enter();
      const done = await work(page);
      await page.close();
      return done;
    },
  };
  await setUp(browser, (await app.setupUrl()) ?? "");
  const keys = await makeKeys(stage);
  const streams = await useKeys(stage, keys);
  return {
    adminUrl,
    signIn: enter,
    async close() {
      await Promise.all(streams.map(async (stream) => stream.body?.cancel()));
      await app.close();
      await service.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function setUp(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Name").fill(ADMIN.name);
  await page.getByLabel("Password").first().fill(ADMIN.password);
  await page.getByRole("main").getByRole("button").last().click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.close();
}

async function signIn(browser: Browser, url: string, options?: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  await page.goto(`${url}/`);
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password").fill(ADMIN.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "MCP Access" }).waitFor();
  return page;
}

interface KeyChoice {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly portal?: string;
  readonly expiry: string;
}

/** Creates a key by its form. */
async function createKey({ at, adminUrl }: Stage, ago: number, key: KeyChoice): Promise<string> {
  return at(ago, async (page) => {
    await page.goto(`${adminUrl}/keys/new`);
    await page.getByLabel("Name", { exact: true }).fill(key.name);
    for (const scope of key.scopes) await page.getByLabel(scope).check();
    if (key.portal !== undefined) await page.getByLabel("Portal", { exact: true }).selectOption(key.portal);
    await page.getByLabel(key.expiry).check();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    return (await page.locator("#secret").textContent()) ?? "";
  });
}

async function makeKeys(stage: Stage): Promise<Keys> {
  const make = (ago: number, name: string, scopes: readonly string[], expiry: string, portal?: string) =>
    createKey(stage, ago * DAY, { name, scopes, expiry, ...(portal === undefined ? {} : { portal }) });
  const tickets = ["tickets:read", "tickets:write"];
  const trial = await make(40, "Chat bot trial", tickets, "In 30 days", "globex");
  await read(stage, trial, "globex");
  await make(38, "Quarterly audit", ["users:read"], "In 365 days");
  const old = await make(31, "Old CRM sync", ["tickets:read", "users:read"], "Never");
  await read(stage, old, "acme");
  const robot = await make(12, "Ticket robot", [...tickets, "workflows:*"], "In 90 days");
  const backup = await make(12, "Nightly export", ["tickets:read"], "In 365 days", "acme");
  await stage.at(5 * DAY, async (page) => {
    await page.goto(`${stage.adminUrl}/keys?search=Old`);
    await page.getByRole("link", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Revoke key" }).click();
    await page.getByText("The API key is revoked.").waitFor();
  });
  const assistant = await make(2, "Support assistant", tickets, "In 90 days", "acme");
  return { trial, old, robot, backup, assistant };
}

async function call({ publicUrl }: Stage, key: string, path: string, method = "GET"): Promise<Response> {
  return fetch(`${publicUrl}/api/portals/${path}`, { method, headers: { authorization: `Bearer ${key}` } });
}

async function read(stage: Stage, key: string, portal: "acme" | "globex"): Promise<void> {
  await (await call(stage, key, `${portal}/tickets`)).arrayBuffer();
}

/** An hour of requests, a client that registers itself, and the streams that are open at its end. */
async function useKeys(stage: Stage, { assistant, backup, old, robot, trial }: Keys): Promise<readonly Response[]> {
  for (let ago = 60; ago > 0; ago -= 1) {
    stage.turnTo(ago * MINUTE);
    const busy = Math.round(34 + 22 * Math.sin(ago / 7) + 9 * Math.sin(ago * 2.3));
    const calls = Array.from({ length: busy }, (_, index) => read(stage, index % 3 === 0 ? assistant : robot, "acme"));
    if (ago > 20 && ago % 4 === 0) calls.push(read(stage, backup, "acme"), read(stage, backup, "globex"));
    if (ago % 9 === 0) calls.push(read(stage, old, "acme"), read(stage, old, "acme"), read(stage, trial, "globex"));
    const wrong = ago === 31 || ago === 32 ? 9 : 0;
    for (let count = 0; count < wrong; count += 1) calls.push(write(stage, backup));
    await Promise.all(calls);
  }
  stage.turnTo(0);
  await fetch(`${stage.publicUrl}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "MCP Inspector", redirect_uris: ["http://127.0.0.1:6274/oauth/callback"] }),
  });
  const streams = await Promise.all(Array.from({ length: 6 }, () => call(stage, assistant, "acme/events")));
  await stage.at(0, (page) => untilUsed(page, stage));
  return streams;
}

async function write(stage: Stage, key: string): Promise<void> {
  await (await call(stage, key, "acme/tickets", "POST")).arrayBuffer();
}

/** When a key was last used is written behind the requests. */
async function untilUsed(page: Page, { adminUrl }: Stage): Promise<void> {
  const unused = page.getByRole("row", { name: "Support assistant" }).getByRole("cell", { name: "never" });
  do {
    await page.waitForTimeout(500);
    await page.goto(`${adminUrl}/keys`);
  } while ((await unused.count()) > 0);
}
