/**
 * `npm run simulate -- --seed N --schedules M`: the promise of revocation on M schedules of faults, deterministic by the
 * seed. `--only K` repeats schedule K and prints what happens in it; `--mutant NAME` leaves a part of the algorithm out,
 * to see it caught. Exit 1 on a violation, 2 on wrong usage.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMutantName, MUTATIONS } from "../test/simulation/mutations.ts";
import { describeRun, simulate } from "../test/simulation/run.ts";
import { explain, runSlice } from "../test/simulation/slice.ts";

const USAGE = "usage: npm run simulate -- [--seed N] [--schedules M] [--workers W] [--only K] [--mutant NAME]";
const options = {
  seed: { type: "string", default: "1" },
  schedules: { type: "string", default: "10000" },
  workers: { type: "string", default: String(availableParallelism()) },
  only: { type: "string" },
  mutant: { type: "string" },
} as const;

function wholeNumber(text: string, least: number): number {
  const number = Number(text);
  if (!/^\d{1,15}$/.test(text) || number < least) throw new Error(`${text} is no whole number of at least ${least}`);
  return number;
}

function readArguments() {
  const { values } = parseArgs({ options, strict: true });
  const { mutant } = values;
  if (mutant !== undefined && !isMutantName(mutant)) {
    throw new Error(`no such mutant; there are: ${Object.keys(MUTATIONS).join("; ")}`);
  }
  return {
    mutant,
    seed: wholeNumber(values.seed, 0),
    schedules: wholeNumber(values.schedules, 1),
    workers: wholeNumber(values.workers, 1),
    only: values.only === undefined ? null : wholeNumber(values.only, 0),
  };
}

type Arguments = ReturnType<typeof readArguments>;

async function repeat({ seed, mutant }: Arguments, schedule: number): Promise<number> {
  console.log(await explain(seed, schedule, mutant, Infinity));
  const slice = { seed, from: schedule, to: schedule + 1, ...(mutant === undefined ? {} : { mutant }) };
  const { found } = await runSlice(slice);
  console.log(found === null ? "no violation" : `violated (${found.broken}): ${found.text}`);
  return found === null ? 0 : 1;
}

async function runAll({ seed, schedules, workers, mutant }: Arguments): Promise<number> {
  let shown = Date.now();
  const result = await simulate({
    seed,
    schedules,
    workers,
    mutant,
    onProgress(done) {
      if (Date.now() - shown < 10_000) return;
      shown = Date.now();
      console.error(`${done} of ${schedules}`);
    },
  });
  console.log(describeRun(result));
  if (result.found === null) {
    console.log(`no violation (seed ${seed})`);
    return 0;
  }
  console.log(await explain(seed, result.found.schedule, mutant));
  console.log(`violated (${result.found.broken}): ${result.found.text}`);
  const again = mutant === undefined ? "" : ` --mutant "${mutant}"`;
  console.log(`again: npm run simulate -- --seed ${seed} --only ${result.found.schedule}${again}`);
  return 1;
}

try {
  const given = readArguments();
  process.exitCode = given.only === null ? await runAll(given) : await repeat(given, given.only);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 2;
}
