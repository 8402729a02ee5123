import { describe, expect, test } from "vitest";
import { isMutantName, MUTATIONS } from "./mutations.ts";
import { describeRun, simulate } from "./run.ts";
import { runSchedule } from "./schedule.ts";
import { explain, runSlice } from "./slice.ts";

const SEED = 6;
const SCHEDULES = 10_000;
/** Each mutant must be caught within so many. */
const MUTANT_SCHEDULES = 5000;

describe("the promise of revocation", () => {
  test(`holds on ${SCHEDULES} schedules of faults`, { timeout: 300_000 }, async () => {
    const run = await simulate({ seed: SEED, schedules: SCHEDULES, workers: 2 });
    console.log(describeRun(run));
    if (run.found !== null) console.log(await explain(SEED, run.found.schedule));
    expect(run.found).toBeNull();
    expect(run.schedules).toBe(SCHEDULES);
    // They bite: nothing of this is so rare that it shows nothing.
    const { accepted, changes, faults, lapsed, refused, streamBytes } = run.figures;
    for (const count of Object.values(faults)) expect(count).toBeGreaterThan(300);
    for (const count of Object.values(changes)) expect(count).toBeGreaterThan(SCHEDULES);
    expect(lapsed).toBeGreaterThan(SCHEDULES / 10);
    expect(Math.min(accepted, refused)).toBeGreaterThan(10 * SCHEDULES);
    expect(streamBytes).toBeGreaterThan(10 * SCHEDULES);
  });

  test("is put to the same test again by the same seed and number", async () => {
    const [first, again, other]: [string[], string[], string[]] = [[], [], []];
    await runSchedule(SEED, 12, {}, first);
    await runSchedule(SEED, 12, {}, again);
    await runSchedule(SEED, 13, {}, other);
    expect(first.length).toBeGreaterThan(20);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});

describe("the simulation catches", () => {
  test.for(Object.keys(MUTATIONS).filter(isMutantName))("%s", { timeout: 120_000 }, async (mutant) => {
    const slice = { seed: SEED, from: 0, to: MUTANT_SCHEDULES, mutant };
    // That it is slow to recover is not enough: something that was taken away must be allowed.
    const { found } = await runSlice(slice, ({ broken }) => broken !== "recovery");
    expect(found).not.toBeNull();
    console.log(`${mutant}: seed ${SEED}, schedule ${found?.schedule}: ${found?.text}`);
    const trace = await explain(SEED, found?.schedule ?? 0, mutant);
    expect(trace).toContain(`VIOLATION: ${found?.text}`);
  });
});
