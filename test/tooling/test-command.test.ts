import { chmod, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFailed, test } from "vitest";
import { outputOf, spawnProcess, type RunningProcess } from "../support/processes.ts";
import { project, temporaryFolder } from "./support.ts";

const CONFIG = `export default ({ mode }) => ({
  test: { include: [mode === "slow" || mode === "browser" ? mode + "/*.test.js" : "*.test.js"] },
});
`;

function testFile(body: string): string {
  return `import { expect, test } from "vitest";\n${body}\n`;
}

/** Runs scripts/test.ts on a small project of its own. */
async function runTests(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<RunningProcess> {
  const root = await temporaryFolder({ "vitest.config.js": CONFIG, "package.json": `{ "type": "module" }`, ...files });
  await symlink(join(project, "node_modules"), join(root, "node_modules"));
  const run = spawnProcess(process.execPath, [join(project, "scripts/test.ts"), "--root", root, ...args], {
    cwd: root,
    env,
  });
  onTestFailed(() => console.error(outputOf(run)));
  await run.exited;
  return run;
}

function lastLine(run: RunningProcess): string | undefined {
  return run.stdout().trimEnd().split("\n").at(-1);
}

describe("npm test", () => {
  test("ends with the numbers and exits 0 where all tests pass", async () => {
    const run = await runTests({ "a.test.js": testFile(`test("one", () => {}); test("two", () => {});`) });
    expect(lastLine(run)).toBe("2 passed, 0 failed");
    expect(run.child.exitCode).toBe(0);
  });

  test("ends with the numbers and Vitest's exit code where tests fail", async () => {
    const run = await runTests({
      "a.test.js": testFile(`test("one", () => {}); test("two", () => { expect(1).toBe(2); });`),
      "broken.test.js": `import "./nowhere.js";`,
    });
    expect(lastLine(run)).toBe("1 passed, 2 failed");
    expect(run.child.exitCode).toBe(1);
  });

  test("passes arguments on to Vitest", async () => {
    const body = testFile(`test("one", () => {}); test("two", () => { expect(1).toBe(2); });`);
    const run = await runTests({ "a.test.js": body }, ["-t", "one"]);
    expect(lastLine(run)).toBe("1 passed, 0 failed");
  });

  test("runs the slow tests alone with --slow", async () => {
    const files = {
      "a.test.js": testFile(`test("one", () => {}); test("two", () => {});`),
      "slow/b.test.js": testFile(`test("long", () => {});`),
    };
    const run = await runTests(files, ["--slow"]);
    expect(lastLine(run)).toBe("1 passed, 0 failed");
  });

  test("runs the browser tests alone with --browser, and asks for Chromium in place of redis-server", async () => {
    const bin = await temporaryFolder({ chromium: "#!/bin/sh\n" });
    await chmod(join(bin, "chromium"), 0o755);
    const files = {
      "a.test.js": testFile(`test("one", () => {}); test("two", () => {});`),
      "browser/b.test.js": testFile(`test("page", () => {});`),
    };
    const run = await runTests(files, ["--browser"], { PATH: bin });
    expect(lastLine(run)).toBe("1 passed, 0 failed");
  });

  test.each([
    ["redis-server", []],
    ["chromium", ["--browser"]],
  ])("stops with one line that says what to install where %s can't be had", async (program, args) => {
    const run = spawnProcess(process.execPath, [join(project, "scripts/test.ts"), ...args], { env: { PATH: "" } });
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.stderr()).toMatch(new RegExp(`^[^\\n]*\`${program}\`[^\\n]*install[^\\n]*\\n$`));
    expect(run.stdout()).toBe("");
  });
});
