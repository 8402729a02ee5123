import { chmod, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { spawnProcess } from "../support/processes.ts";
import { project, temporaryFolder } from "./support.ts";

interface CiRun {
  readonly code: number | null;
  readonly lastLine: string | undefined;
  /** What npm was asked to do, in order. */
  readonly calls: readonly string[];
}

/** Runs `.ci/run` with an npm that writes down its calls, prints `tests` as the tests, and fails at `failing`. */
async function ci(tests: string, failing: string): Promise<CiRun> {
  const bin = await temporaryFolder({
    npm: `#!/bin/sh
echo "$*" >> "\${0%/*}/calls"
if [ "$*" = "run test" ]; then printf '${tests}'; fi
if [ "$*" = "run test:browser" ]; then printf '${BROWSER_TESTS}'; fi
[ "$*" != "${failing}" ]
`,
  });
  await chmod(join(bin, "npm"), 0o755);
  const env = { PATH: [bin, process.env["PATH"] ?? ""].join(delimiter) };
  const run = spawnProcess("bash", [join(project, ".ci/run")], { env });
  const { code } = await run.exited;
  const calls = (await readFile(join(bin, "calls"), "utf8")).trimEnd().split("\n");
  return { code, lastLine: run.stdout().trimEnd().split("\n").at(-1), calls };
}

const BROWSER_TESTS = "7 passed, 0 failed\\n";
const STEPS = ["ci", "run check", "run build", "run test", "run test:browser", "run demo -- --tour"];

describe(".ci/run", () => {
  test("takes every step and closes with the sums of both suites", async () => {
    const run = await ci("1 passed, 0 failed\\n12 passed, 0 failed\\n", "");
    expect(run).toEqual({ code: 0, lastLine: "19 passed, 0 failed", calls: STEPS });
  });

  test("stops at failed tests, with their numbers", async () => {
    const run = await ci("10 passed, 2 failed\\n", "run test");
    expect(run).toEqual({ code: 1, lastLine: "10 passed, 2 failed", calls: STEPS.slice(0, 4) });
  });

  test("counts a failed tour as one failure more than none", async () => {
    const run = await ci("12 passed, 0 failed\\n", "run demo -- --tour");
    expect(run).toEqual({ code: 1, lastLine: "19 passed, 1 failed", calls: STEPS });
  });

  test.each([["ci"], ["run check"], ["run build"], ["run test"]])(
    "shows a failure where `npm %s` fails without numbers",
    async (step) => {
      const run = await ci("", step);
      expect(run).toEqual({ code: 1, lastLine: "0 passed, 1 failed", calls: STEPS.slice(0, STEPS.indexOf(step) + 1) });
    },
  );
});
