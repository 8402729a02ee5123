import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, expect } from "vitest";
import type { TestPerson } from "../support/desk.ts";
import { startRedis } from "../support/redis.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";
import { type Application, ask, heading, redeem, shoot, signIn, startDesk, type Visit, visit } from "./flow-support.ts";
import type { ViewOptions } from "./support.ts";

/** Two instances on one store, with somebody who runs them. */
export interface Console {
  readonly first: Sidecar;
  readonly second: Sidecar;
  readonly admin: TestPerson;
}

export type StoreKind = "SQLite" | "Redis";

export async function startConsole(kind: StoreKind): Promise<Console> {
  const url = kind === "SQLite" ? `sqlite:${join(tempFolder(), "portcullis.db")}` : (await startOurRedis()).url;
  const config = { store: { url }, secrets: { pepper: randomBytes(32).toString("base64url") } };
  const first = await startDesk({ config });
  // They stand behind one name, as behind a load balancer.
  const second = await startDesk({ config: { ...config, public_url: first.url } });
  const admin = await first.desk.addPerson({ email: "ada@example.com", name: "Ada Example", role: "admin" });
  return { first, second, admin };
}

async function startOurRedis() {
  const redis = await startRedis();
  afterAll(() => redis.stop());
  return redis;
}

/** A window in which an administrator has signed in, and sees the overview. */
export async function openConsole(
  browser: Browser,
  { admin, first }: Pick<Console, "admin" | "first">,
  options: ViewOptions & { readonly origins?: readonly string[] } = {},
): Promise<Visit> {
  const view = await visit(browser, [first.url, first.adminUrl, ...(options.origins ?? [])], options);
  await view.page.goto(`${first.adminUrl}/`);
  await signIn(view.page, admin);
  expect(await heading(view.page)).toBe("MCP Access");
  return view;
}

/** Takes a page of the console in all four looks, as `admin-flow-NAME`. */
export function shootConsole(view: Visit, name: string): Promise<void> {
  return shoot(view, name, "admin-flow");
}

export async function toTab(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "MCP Access" }).getByRole("link", { name }).click();
}

/** What the page says was done. */
export async function expectNotice(page: Page, text: string): Promise<void> {
  await page.getByRole("main").getByText(text).first().waitFor();
}

export interface KeyChoice {
  readonly name: string;
  readonly scopes: readonly string[];
  /** By its id; all where it is left out. */
  readonly portal?: string;
}

/** Fills in the form for a key, by the way of the document. */
export async function fillInKey(page: Page, { name, portal, scopes }: KeyChoice): Promise<void> {
  await page.getByRole("link", { name: "Create API key" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  for (const scope of scopes) {
    // In the order in which a person would.
    await page.getByLabel(scope).check();
  }
  if (portal !== undefined) await page.getByLabel("Portal", { exact: true }).selectOption(portal);
}

/** Creates a key, and takes it from the page that shows it. */
export async function createKey(page: Page, choice: KeyChoice): Promise<string> {
  await fillInKey(page, choice);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  expect(await heading(page)).toContain("is ready");
  return secretOn(page);
}

/** The secret that the page shows this once. */
export async function secretOn(page: Page): Promise<string> {
  return (await page.locator("#secret").textContent()) ?? "";
}

/** Status of a call of the admin API. */
export async function callApi(console: Console, token: string, path = "/keys"): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${console.first.adminUrl}/api/v1${path}`, { headers })).status;
}

/** Pages that name nothing that is stored: of each tab the list, the form, and what is asked. */
export const CONSOLE_PATHS = [
  "",
  "access/switch",
  "keys",
  "keys/new",
  "clients",
  "clients/new",
  "apps",
  "activity",
  "explain",
  "people",
  "people/new",
  "tokens",
  "tokens/new",
] as const;

/** Bytes of a page with its style sheet and scripts, as they stand before compression. */
export async function weigh({ context, page }: Visit): Promise<number> {
  const source = await (await context.request.get(page.url())).text();
  const parts = [...source.matchAll(/<(?:link|script)\b[^>]*\b(?:href|src)="([^"]+)"/g)].map(([, path = ""]) => path);
  // What is in the page itself is counted with it.
  const asked = parts.filter((path) => !path.startsWith("data:"));
  const sizes = await Promise.all(
    asked.map(async (path) => (await (await context.request.get(new URL(path, page.url()).href)).body()).length),
  );
  expect(sizes.length).toBeGreaterThan(0);
  return Buffer.byteLength(source) + sizes.reduce((sum, size) => sum + size, 0);
}

/** Takes somebody who has signed in through the consent for a client, and its code to a token. */
export async function connect(
  { first }: Pick<Console, "first">,
  { redirectUri }: Application,
  page: Page,
  id: string,
): Promise<string> {
  const client = { id, redirectUri };
  const asked = ask(first, client);
  await page.goto(asked.url);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.waitForURL(`${redirectUri}?**`);
  const code = new URL(page.url()).searchParams.get("code");
  return (await redeem(first, client, asked, code)).access_token ?? "";
}
