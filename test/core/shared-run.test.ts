import { expect, it } from "vitest";
import { sharedRun } from "../../src/core/shared-run.ts";

/** Work whose runs the test ends. */
function held() {
  const runs: PromiseWithResolvers<number>[] = [];
  const run = sharedRun(() => {
    const one = Promise.withResolvers<number>();
    runs.push(one);
    return one.promise;
  });
  return { runs, run };
}

it("answers each caller by a run that begins after the call, one at a time", async () => {
  const { run, runs } = held();
  const first = run();
  const later = [run(), run()];
  expect(runs).toHaveLength(1);
  runs[0]?.resolve(1);
  expect(await first).toBe(1);
  await Promise.resolve();
  expect(runs).toHaveLength(2);
  const last = run();
  runs[1]?.resolve(2);
  expect(await Promise.all(later)).toEqual([2, 2]);
  await Promise.resolve();
  expect(runs).toHaveLength(3);
  runs[2]?.resolve(3);
  expect(await last).toBe(3);
  const anew = run();
  runs[3]?.resolve(4);
  expect(await anew).toBe(4);
});

it("tells a failure to those whose run it was, and goes on", async () => {
  const { run, runs } = held();
  const first = run();
  const second = run();
  runs[0]?.reject(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  runs[1]?.resolve(2);
  expect(await second).toBe(2);
});
