import { expect, test } from "vitest";
import { Soak, soakSeed } from "../support/soak/soak.ts";

const WARM = 50_000;
const REQUESTS = 200_000;
const MB = 1024 * 1024;

test("200,000 requests of every kind: the books add up, and memory stays flat", async () => {
  const soak = await Soak.start(soakSeed());
  await soak.run(WARM);
  const before = await soak.memory();
  await soak.run(REQUESTS);
  const after = await soak.memory();
  const { exit, problems, audit } = await soak.finish();
  console.log(JSON.stringify({ before, after, exit: { ...exit, output: undefined }, problems: problems.length }));
  expect(problems.slice(0, 10)).toEqual([]);
  expect(problems).toHaveLength(0);
  expect(audit.streamsOpened.size).toBeGreaterThan(1_000);
  expect((after.resident - before.resident) / MB).toBeLessThan(20);
  expect((after.heapUsed - before.heapUsed) / MB).toBeLessThan(5);
  // By itself: nothing that is left open keeps the process up, and nothing had to be killed.
  expect(exit).toMatchObject({ code: 0, signal: null });
  expect(exit.tookMs).toBeLessThan(2_000);
});
