import { addFigures, type Figures, noFigures } from "./figures.ts";
import { type MutantName, type Mutation, MUTATIONS } from "./mutations.ts";
import { runSchedule } from "./schedule.ts";
import type { Violation } from "./simulation.ts";

/** Some schedules of a seed, `to` not included. */
export interface Slice {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Of what is wrong on purpose; nothing where it is missing. */
  readonly mutant?: MutantName;
}

export interface Found extends Violation {
  readonly schedule: number;
}

export interface SliceResult {
  readonly schedules: number;
  readonly figures: Figures;
  /** The first; nothing was run after it. */
  readonly found: Found | null;
}

/** Runs schedules one after the other up to the first violation that counts. */
export async function runSlice(
  { seed, from, to, mutant }: Slice,
  counts: (violation: Violation) => boolean = () => true,
): Promise<SliceResult> {
  const figures = noFigures();
  const mutation = mutationOf(mutant);
  for (let schedule = from; schedule < to; schedule += 1) {
    const outcome = await runSchedule(seed, schedule, mutation);
    addFigures(figures, outcome.figures);
    const { violation } = outcome;
    if (violation !== null && counts(violation)) {
      return { schedules: schedule - from + 1, figures, found: { ...violation, schedule } };
    }
  }
  return { schedules: to - from, figures, found: null };
}

/** What happened in one schedule up to its violation, for people to read. */
export async function explain(seed: number, schedule: number, mutant?: MutantName, lines = 60): Promise<string> {
  const trace: string[] = [];
  await runSchedule(seed, schedule, mutationOf(mutant), trace);
  const [setup = ""] = trace;
  return [`seed ${seed}, schedule ${schedule}`, setup, ...trace.slice(1).slice(-lines)].join("\n");
}

function mutationOf(mutant: MutantName | undefined): Mutation {
  return mutant === undefined ? {} : MUTATIONS[mutant];
}
