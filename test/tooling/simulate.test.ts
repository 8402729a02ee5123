import { join } from "node:path";
import { expect, onTestFailed, test } from "vitest";
import { outputOf, type RunningProcess, spawnProcess } from "../support/processes.ts";
import { project } from "./support.ts";

async function simulate(...args: readonly string[]): Promise<RunningProcess> {
  const run = spawnProcess(process.execPath, [join(project, "scripts/simulate.ts"), ...args], { cwd: project });
  onTestFailed(() => console.error(outputOf(run)));
  await run.exited;
  return run;
}

test("npm run simulate runs schedules of a seed and says how often each fault came", async () => {
  const run = await simulate("--seed", "3", "--schedules", "40", "--workers", "1");
  expect(run.child.exitCode).toBe(0);
  expect(run.stdout()).toMatch(/^40 schedules in /);
  expect(run.stdout()).toMatch(/^faults: stop \d+, suspend \d+, /m);
  expect(run.stdout()).toContain("no violation (seed 3)");
});

test("it exits with 1 on a violation, and tells how to see it again", async () => {
  const mutant = ["--mutant", "no barrier"];
  const run = await simulate("--seed", "3", "--schedules", "40", "--workers", "1", ...mutant);
  expect(run.child.exitCode).toBe(1);
  const [, schedule = ""] =
    /^again: npm run simulate -- --seed 3 --only (\d+) --mutant "no barrier"$/m.exec(run.stdout()) ?? [];
  const violated = /^violated \(promise\): .*$/m.exec(run.stdout())?.[0] ?? "nothing";
  const again = await simulate("--seed", "3", "--only", schedule, ...mutant);
  expect(again.child.exitCode).toBe(1);
  expect(again.stdout()).toContain(violated);
});

test.for([["--seed", "x"], ["--schedules", "0"], ["--bogus"], ["--mutant", "no such"]])(
  "it exits with 2 where it is called with %s",
  async (args) => {
    const run = await simulate(...args);
    expect(run.child.exitCode).toBe(2);
    expect(run.stderr()).toContain("usage: npm run simulate");
  },
);
