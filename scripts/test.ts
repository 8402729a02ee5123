/**
 * `npm test`: makes sure that `redis-server` is there, runs Vitest, and ends with a line `N passed, N failed`.
 * Arguments go on to Vitest; `--slow` runs `test/slow/` in place of the rest. `npm run test:browser` is `--browser`:
 * it runs `test/browser/`, and makes sure of Chromium.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureChromium } from "./testing/chromium-binary.ts";
import { ensureRedisServer } from "./testing/redis-binary.ts";
import { summarize, summaryLine } from "./testing/summary.ts";

const OLDEST_NODE = 24;
const project = resolve(import.meta.dirname, "..");
const pinnedNode = join(project, "node_modules", ".bin", "node");
const args = process.argv.slice(2);
/** Each is a mode of vitest.config.ts. */
const MODES = ["slow", "browser"];
const mode = MODES.find((name) => args.includes(`--${name}`));

/** Runs a program on our terminal, and passes on the signals that would end us. */
async function run(program: string, argv: readonly string[]): Promise<number> {
  const child = spawn(program, argv, { stdio: "inherit" });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", pass).on("SIGTERM", pass);
  await once(child, "exit");
  process.off("SIGINT", pass).off("SIGTERM", pass);
  return child.exitCode ?? 1;
}

async function runTests(): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const machine = { env: process.env, isRoot, log: (line: string) => console.error(line) };
  const needed = mode === "browser" ? ensureChromium(machine) : ensureRedisServer(machine);
  if (!needed.ok) {
    console.error(needed.message);
    return 1;
  }
  const folder = await mkdtemp(join(tmpdir(), "portcullis-tests-"));
  try {
    const report = join(folder, "report.json");
    const vitest = join(project, "node_modules", "vitest", "vitest.mjs");
    const rest = args.filter((arg) => arg !== `--${mode}`);
    const modeArgs = mode === undefined ? [] : ["--mode", mode];
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const exitCode = await run(process.execPath, [vitest, "run", ...reporters, ...modeArgs, ...rest]);
    const json = await readFile(report, "utf8").catch(() => null);
    console.log(summaryLine(summarize(json, exitCode)));
    return exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const major = Number.parseInt(process.versions.node, 10);
process.exitCode = major < OLDEST_NODE ? await run(pinnedNode, [import.meta.filename, ...args]) : await runTests();
