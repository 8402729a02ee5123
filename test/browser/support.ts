import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type ConsoleMessage, type Page } from "playwright-core";
import { afterAll, expect, onTestFinished } from "vitest";
import { findChromium } from "../../scripts/testing/chromium-binary.ts";

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SCREENSHOTS = join(import.meta.dirname, "screenshots");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How a page is looked at. */
export interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
}

export const DESKTOP_LIGHT: Look = { name: "1280-light", width: 1280, height: 900, colorScheme: "light" };
export const PHONE_LIGHT: Look = { name: "390-light", width: 390, height: 844, colorScheme: "light" };
/** Each page is looked at in all of them. */
export const LOOKS: readonly Look[] = [
  DESKTOP_LIGHT,
  { ...DESKTOP_LIGHT, name: "1280-dark", colorScheme: "dark" },
  PHONE_LIGHT,
  { ...PHONE_LIGHT, name: "390-dark", colorScheme: "dark" },
];

/** The Chromium of the PATH, with a fresh profile in a temporary folder; closed when the tests of the file have ended. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium(process.env);
  if (executablePath === null) throw new Error("no Chromium on the PATH: see `npm run test:browser`");
  // Without a `userDataDir` Playwright makes one in the temporary folder, and removes it.
  const browser = await chromium.launch({ executablePath, args: ARGS, headless: true });
  afterAll(() => browser.close());
  return browser;
}

export interface ViewOptions {
  readonly look?: Look;
  /** Scripts of pages run; ours have none. True by default, as axe is one. */
  readonly javaScript?: boolean;
  /** A certificate that nobody knows is taken. False by default. */
  readonly anyCertificate?: boolean;
}

/** A page that is watched: violations of the CSP, errors on the console and failed requests come up in `complaints`. */
export interface View {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly complaints: readonly string[];
}

/** Opens a page in a browser context of its own (no cookies), closed when the test has ended. */
export async function openView(browser: Browser, options: ViewOptions = {}): Promise<View> {
  const look = options.look ?? DESKTOP_LIGHT;
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.colorScheme,
    javaScriptEnabled: options.javaScript ?? true,
    ignoreHTTPSErrors: options.anyCertificate ?? false,
    reducedMotion: "reduce",
  });
  onTestFinished(() => context.close());
  const complaints: string[] = [];
  // Chromium writes violations of the CSP to the console as errors.
  context.on("console", (message) => {
    if (isComplaint(message)) complaints.push(`${message.type()}: ${message.text()}`);
  });
  context.on("weberror", (error) => complaints.push(`exception: ${error.error().message}`));
  context.on("requestfailed", (request) => complaints.push(`failed: ${request.method()} ${request.url()}`));
  return { page: await context.newPage(), context, complaints };
}

const ANSWERED_WITH_AN_ERROR = "Failed to load resource: the server responded with a status";

/** A 4xx that a test asks for is an error on the console too; it is the test that looks at the status. */
function isComplaint(message: ConsoleMessage): boolean {
  return message.type() === "error" && !message.text().startsWith(ANSWERED_WITH_AN_ERROR);
}

/** How often a picture is tried. */
const CAPTURES = 5;

/** Writes `screenshots/NAME.LOOK.png`, the whole page. */
export async function screenshot(page: Page, name: string, look: Look): Promise<void> {
  const picture = { path: join(SCREENSHOTS, `${name}.${look.name}.png`), fullPage: true };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await page.screenshot(picture);
      return;
    } catch (error) {
      // Chromium's compositor now and then has no frame to give; what the page shows is not in question.
      if (attempt === CAPTURES || !String(error).includes("Unable to capture screenshot")) throw error;
    }
  }
}

/** What axe-core finds: rule, and where. Runs beside the page's CSP, as the developer tools do. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(
      ({ id, help, nodes }) => nodes.map((node) => id + ": " + help + " at " + node.target.join(" ") + " " + (node.any[0]?.message ?? ""))))`,
  );
}

/** Elements that reach out of the page or whose text reaches out of them, and `page` where it scrolls sideways. */
export function overflows(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`(() => {
    const found = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) found.push("page");
    for (const element of document.querySelectorAll("body *")) {
      // A table scrolls in its own frame; some words are for screen readers alone.
      if (element.matches(".skip, .skip *, .account-words, option, .table, .table *")) continue;
      const box = element.getBoundingClientRect();
      const name = element.tagName.toLowerCase() + (element.className ? "." + element.className : "");
      if (box.width > 0 && (box.right > root.clientWidth + 0.5 || box.left < -0.5)) found.push(name + " leaves the page");
      const inline = getComputedStyle(element).display === "inline";
      if (!inline && !element.matches("input, select") && element.scrollWidth > element.clientWidth + 1) {
        found.push(name + " is too narrow for its text");
      }
    }
    return found;
  })()`);
}

/** Controls that the Tab key does not reach, or only out of the order in which they stand. Empty is good. */
export async function keyboardProblems(page: Page): Promise<readonly string[]> {
  const all = await page.evaluate<string[]>(`(() => {
    const seen = new Set();
    window.controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((element) => {
      if (element.disabled || element.tabIndex < 0 || element.type === "hidden") return false;
      // What a closed \`details\` holds is not there.
      if (!element.checkVisibility()) return false;
      // Of a radio group the Tab key reaches one; the arrow keys reach the others.
      if (element.type !== "radio") return true;
      const group = [...document.querySelectorAll("input[type=radio]")].filter(({ name }) => name === element.name);
      return element === (group.find(({ checked }) => checked) ?? group[0]);
    });
    document.activeElement?.blur();
    return window.controls.map((element) => element.outerHTML.slice(0, 120));
  })()`);
  const problems: string[] = [];
  await page.evaluate(
    "window.getSelection()?.removeAllRanges(); document.body.prepend(Object.assign(document.createElement('span'), { id: 'start', tabIndex: 0 })); document.getElementById('start').focus()",
  );
  for (const [index, control] of all.entries()) {
    await nextControl(page);
    const { at, seen } = await page.evaluate<{ at: number; seen: boolean }>(`(() => {
      const style = getComputedStyle(document.activeElement);
      return { at: window.controls.indexOf(document.activeElement), seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
    })()`);
    if (at !== index) problems.push(`Tab ${index + 1} leads to control ${at + 1}, not to ${control}`);
    else if (!seen) problems.push(`the focus is not to be seen on ${control}`);
  }
  await page.evaluate("document.getElementById('start').remove(); document.activeElement?.blur()");
  return problems;
}

/** Most places of one field for a time: day, month, year, hour, minute, and the button of its calendar. */
const MOST_PLACES = 8;

/** Tab to the next control: a field for a date or a time has several places in it. */
async function nextControl(page: Page): Promise<void> {
  await page.evaluate("window.before = document.activeElement");
  for (let places = 0; places < MOST_PLACES; places += 1) {
    await page.keyboard.press("Tab");
    const inside = `document.activeElement === window.before && window.before.matches("[type^=date]")`;
    if (!(await page.evaluate<boolean>(inside))) return;
  }
}

/** Controls smaller than a finger (44 px). A box with its label is as large as the label; links in text may be smaller. */
export function smallTargets(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`[...document.querySelectorAll("button, input, select, textarea, a.button, nav a")]
    .filter((element) => element.type !== "hidden" && element.ariaHidden !== "true")
    .map((element) => (element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : element))
    .filter((element) => { const box = element.getBoundingClientRect(); return box.height < 43.5 || box.width < 43.5; })
    .map((element) => element.outerHTML.slice(0, 120))`);
}

/** All that holds for each page of ours, in one look: accessible, within its width, reached by keyboard, no complaints. */
export async function expectGoodPage(view: View, label: string): Promise<void> {
  const { page, complaints } = view;
  expect(await axeViolations(page), `${label}: axe`).toEqual([]);
  expect(await overflows(page), `${label}: overflow`).toEqual([]);
  expect(await smallTargets(page), `${label}: small targets`).toEqual([]);
  expect(await keyboardProblems(page), `${label}: keyboard`).toEqual([]);
  expect(complaints, `${label}: complaints`).toEqual([]);
}
