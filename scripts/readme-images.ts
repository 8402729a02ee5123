/**
 * `node scripts/readme-images.ts`: takes the images of docs/images/ anew, of our pages as they are, with the words that
 * the browser tests show. Needs Chromium on the PATH: see `npm run test:browser`.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { STYLES } from "../src/web/styles.ts";
import { STATES } from "../test/browser/states.ts";
import { startConsole } from "./readme-console.ts";
import { findChromium } from "./testing/chromium-binary.ts";

interface Image {
  readonly name: string;
  /** A state of test/browser/states.ts. */
  readonly state: string;
  readonly width: number;
  /** Of the window; the whole page where it is `null`. */
  readonly height: number | null;
  /** Pixels of the image to one of the page: as sharp as 150 KB allow. */
  readonly scale: number;
  readonly colorScheme: "light" | "dark";
}

const IMAGES: readonly Image[] = [
  { name: "consent", state: "consent", width: 720, height: null, scale: 1.25, colorScheme: "light" },
  { name: "device", state: "device-confirm", width: 390, height: 844, scale: 1.5, colorScheme: "dark" },
];
/** Of the console, as it is while the demo's service is used. */
const CONSOLE = [
  { name: "keys", path: "/keys", viewport: { width: 1240, height: 800 }, deviceScaleFactor: 1.1 },
  { name: "overview", path: "/", viewport: { width: 1240, height: 776 }, deviceScaleFactor: 1.1 },
] as const;
const FOLDER = resolve(import.meta.dirname, "..", "docs", "images");

const executablePath = findChromium(process.env);
if (executablePath === null) throw new Error("no Chromium on the PATH: see `npm run test:browser`");

const server = createServer((request, response) => {
  const page = STATES[request.url?.slice(1) ?? ""];
  response.setHeader("content-type", page === undefined ? "text/css" : "text/html; charset=utf-8");
  response.end(page === undefined ? STYLES : page().toString());
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
const port = typeof address === "object" && address !== null ? address.port : 0;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"], headless: true });
try {
  for (const { name, state, width, height, scale, colorScheme } of IMAGES) {
    const viewport = { width, height: height ?? 600 };
    const page = await browser.newPage({ viewport, deviceScaleFactor: scale, colorScheme });
    await page.goto(`http://127.0.0.1:${port}/${state}`);
    const path = join(FOLDER, `${name}.png`);
    const { byteLength } = await page.screenshot({ path, fullPage: height === null });
    console.log(`${path}: ${Math.ceil(byteLength / 1024)} KiB`);
  }
  const desk = await startConsole(browser);
  for (const { name, path: at, ...options } of CONSOLE) {
    const page = await desk.signIn(options);
    await page.goto(`${desk.adminUrl}${at}`);
    const path = join(FOLDER, `${name}.png`);
    const { byteLength } = await page.screenshot({ path });
    console.log(`${path}: ${Math.ceil(byteLength / 1024)} KiB`);
  }
  await desk.close();
} finally {
  await browser.close();
  server.close();
}
