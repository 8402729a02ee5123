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
const PHONE_DARK: Look = { ...PHONE_LIGHT, name: "390-dark", colorScheme: "dark" };
/** Each page is looked at in all of them. */
const LOOKS: readonly Look[] = [
  DESKTOP_LIGHT,
  { ...DESKTOP_LIGHT, name: "1280-dark", colorScheme: "dark" },
  PHONE_LIGHT,
  PHONE_DARK,
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

/** Rules of axe-core that go by colours and places; all others go by the document, which is the same in every look. */
const RULES_OF_LOOKS = ["color-contrast", "scrollable-region-focusable", "target-size"];

/** What axe-core finds, by all of its rules or by those: rule, and where. Runs beside the page's CSP, as the developer tools do. */
export async function axeViolations(page: Page, rules: readonly string[] = []): Promise<readonly string[]> {
  if (await page.evaluate<boolean>("globalThis.axe === undefined")) await page.evaluate(AXE);
  const only = rules.length === 0 ? "" : `, runOnly: ${JSON.stringify(rules)}`;
  return page.evaluate<string[]>(
    `axe.run(document, { resultTypes: ["violations"]${only} }).then(({ violations }) => violations.flatMap(
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

/** Most places of one field for a time: day, month, year, hour, minute, and the button of its calendar. */
const MOST_PLACES = 8;

/** Controls that the Tab key does not reach, or only out of the order in which they stand. Empty is good. */
export async function keyboardProblems(page: Page): Promise<readonly string[]> {
  const presses = await page.evaluate<number>(`(() => {
    const controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((element) => {
      if (element.disabled || element.tabIndex < 0 || element.type === "hidden") return false;
      // What a closed \`details\` holds is not there.
      if (!element.checkVisibility()) return false;
      // Of a radio group the Tab key reaches one; the arrow keys reach the others.
      if (element.type !== "radio") return true;
      const group = [...document.querySelectorAll("input[type=radio]")].filter(({ name }) => name === element.name);
      return element === (group.find(({ checked }) => checked) ?? group[0]);
    });
    document.activeElement?.blur();
    window.getSelection()?.removeAllRanges();
    const start = Object.assign(document.createElement("span"), { tabIndex: 0 });
    document.body.prepend(start);
    start.focus();
    const reached = [];
    const note = ({ target }) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(target);
      reached.push({ at: controls.indexOf(target), seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 });
    };
    document.addEventListener("focusin", note);
    window.endOfTabs = () => {
      document.removeEventListener("focusin", note);
      start.remove();
      document.activeElement?.blur();
      return controls.flatMap((control, index) => {
        const { at, seen } = reached[index] ?? { at: -1, seen: true };
        const text = control.outerHTML.slice(0, 120);
        if (at !== index) return ["Tab " + (index + 1) + " leads to control " + (at + 1) + ", not to " + text];
        return seen ? [] : ["the focus is not to be seen on " + text];
      });
    };
    const times = controls.filter((element) => element.matches("[type^=date]"));
    return controls.length + times.length * ${MOST_PLACES};
  })()`);
  for (let press = 0; press < presses; press += 1) await page.keyboard.press("Tab");
  return page.evaluate<string[]>("window.endOfTabs()");
}

/** Controls smaller than a finger (44 px). A box with its label is as large as the label; links in text may be smaller. */
export function smallTargets(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`[...document.querySelectorAll("button, input, select, textarea, a.button, nav a")]
    .filter((element) => element.type !== "hidden" && element.ariaHidden !== "true")
    .map((element) => (element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : element))
    .filter((element) => { const box = element.getBoundingClientRect(); return box.height < 43.5 || box.width < 43.5; })
    .map((element) => element.outerHTML.slice(0, 120))`);
}

/** All that holds for each page of ours, in the look that it is in; `rules` are those of axe-core, all by default. */
export async function expectGoodPage(
  { page, complaints }: View,
  label: string,
  rules: readonly string[] = [],
): Promise<void> {
  expect(await axeViolations(page, rules), `${label}: axe`).toEqual([]);
  expect(await overflows(page), `${label}: overflow`).toEqual([]);
  expect(await smallTargets(page), `${label}: small targets`).toEqual([]);
  expect(await keyboardProblems(page), `${label}: keyboard`).toEqual([]);
  expect(complaints, `${label}: complaints`).toEqual([]);
}

/**
 * Expects what `expectGoodPage` does of the page as it stands, in every look; what a look has in common with another is
 * looked at once. The dark scheme changes colours and nothing else. Takes each width and each scheme as
 * `NAME.LOOK.png`.
 */
export async function expectGoodInAllLooks(view: View, name: string): Promise<void> {
  const { page } = view;
  const before = page.viewportSize();
  for (const look of LOOKS) {
    const label = `${name} at ${look.name}`;
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await page.setViewportSize({ width: look.width, height: look.height });
    if (look === DESKTOP_LIGHT || look === PHONE_DARK) await screenshot(page, name, look);
    if (look === DESKTOP_LIGHT) await expectGoodPage(view, label);
    else if (look === PHONE_LIGHT) await expectGoodPage(view, label, RULES_OF_LOOKS);
    else expect(await axeViolations(page, ["color-contrast"]), `${label}: axe`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
  if (before !== null) await page.setViewportSize(before);
}
