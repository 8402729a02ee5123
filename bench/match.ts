/**
 * `node bench/match.ts`: what it costs to match a request and to decide on it, by the number of rules. The cost must
 * not grow with the rules: 10,000 within 10 % of 10. Rounds are interleaved; each figure is the median of the rounds.
 *
 * Two tables. "hot" asks every size for the same ten rules. "uniform" asks each size for all of its rules by turns, so
 * that 10,000 rules also stand for 10,000 places in memory: what it adds is the processor's cache, not the matcher.
 */
import type { RequestHead } from "../src/core/request.ts";
import { type Case, makeCase } from "./match-case.ts";
import { median, spread, type Spread } from "./stats.ts";

const SIZES = [10, 100, 1_000, 10_000] as const;
/** Long enough that what a change of policy costs (caches, branch prediction) does not count. */
const OPERATIONS = 100_000;
const LIMIT = 1.1;

interface Timed {
  readonly one: Case;
  readonly heads: readonly RequestHead[];
  readonly nanos: number[];
}

/** Nanoseconds for each match and decision, over one round. */
function time({ one, heads }: Timed): number {
  const start = process.hrtime.bigint();
  const allowed = one.run(heads, OPERATIONS);
  const elapsed = Number(process.hrtime.bigint() - start);
  if (allowed !== OPERATIONS) throw new Error("a request was refused; the figure would mean nothing");
  return elapsed / OPERATIONS;
}

/** Runs the rounds of one table. */
function measure(timed: readonly Timed[], rounds: number): void {
  for (let round = -5; round < rounds; round++) {
    // Another order each round: whoever runs behind a large one would find the caches cold.
    const shift = (round + 5) % timed.length;
    for (const each of [...timed.slice(shift), ...timed.slice(0, shift)]) {
      const nanos = time(each);
      if (round >= 0) each.nanos.push(nanos);
    }
  }
}

function print(title: string, timed: readonly Timed[]): number {
  console.log(`\n${title}\n\n| rules | ns for match and decide |\n|---|---|`);
  for (const { one, nanos } of timed) console.log(`| ${one.rules} | ${text(spread(nanos))} |`);
  const ratio = ratioOf(timed[0], timed.at(-1));
  console.log(`\n10,000 ÷ 10: ${ratio.toFixed(3)}`);
  return ratio;
}

const cases: Case[] = [];
for (const size of SIZES) cases.push(await makeCase(size));
const hot = cases.map((one): Timed => ({ one, heads: one.hot, nanos: [] }));
measure(hot, 101);
const ratio = print("hot: the same ten rules for every size", hot);
if (!(ratio <= LIMIT)) process.exitCode = 1;
const uniform = cases.map((one): Timed => ({ one, heads: one.uniform, nanos: [] }));
measure(uniform, 9);
print("uniform: every rule by turns", uniform);

/** Median of the ratios within each round: what slows a whole round down cancels out. */
function ratioOf(few: Timed | undefined, many: Timed | undefined): number {
  if (few === undefined || many === undefined) return Number.NaN;
  return median(many.nanos.map((nanos, round) => nanos / (few.nanos[round] ?? Number.NaN)));
}

function text({ median: middle, min, max }: Spread): string {
  return `${middle.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
}
