import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { addFigures, type Figures, noFigures } from "./figures.ts";
import type { MutantName } from "./mutations.ts";
import type { Found, Slice, SliceResult } from "./slice.ts";

export interface RunOptions {
  readonly seed: number;
  readonly schedules: number;
  readonly workers: number;
  readonly mutant?: MutantName | undefined;
  readonly onProgress?: (schedules: number) => void;
}

export interface RunResult {
  readonly schedules: number;
  readonly seconds: number;
  readonly figures: Figures;
  /** The first in order of those that were found. */
  readonly found: Found | null;
}

/** Schedules that a thread runs before it asks for more. */
const SLICE = 200;

/** Runs schedules 0 to `schedules` of a seed on several threads; ends early where one is violated. */
export async function simulate({ seed, schedules, workers, mutant, onProgress }: RunOptions): Promise<RunResult> {
  const start = performance.now();
  const figures = noFigures();
  const progress = { next: 0, done: 0 };
  const found: Found[] = [];
  async function work(): Promise<void> {
    const worker = new Worker(new URL("worker.ts", import.meta.url));
    try {
      while (progress.next < schedules && found.length === 0) {
        const to = Math.min(schedules, progress.next + SLICE);
        const slice = { seed, from: progress.next, to, ...(mutant === undefined ? {} : { mutant }) };
        progress.next = slice.to;
        const result = await ask(worker, slice);
        addFigures(figures, result.figures);
        progress.done += result.schedules;
        if (result.found !== null) found.push(result.found);
        onProgress?.(progress.done);
      }
    } finally {
      await worker.terminate();
    }
  }
  await Promise.all(Array.from({ length: workers }, work));
  const [first = null] = found.toSorted((left, right) => left.schedule - right.schedule);
  return { schedules: progress.done, seconds: (performance.now() - start) / 1000, figures, found: first };
}

/** Rejects where the thread fails. */
async function ask(worker: Worker, slice: Slice): Promise<SliceResult> {
  const answer = once(worker, "message");
  // It is our own thread, and of one version with us.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker.postMessage(slice);
  const [result]: SliceResult[] = await answer;
  if (result === undefined) throw new Error("a thread answered nothing");
  return result;
}

/** The figures of a run, for people to read. */
export function describeRun({ schedules, seconds, figures }: RunResult): string {
  const { changes, faults } = figures;
  return [
    `${schedules} schedules in ${seconds.toFixed(1)} s, ${(schedules / seconds).toFixed(0)}/s`,
    `requests: ${figures.requests}, of them accepted ${figures.accepted}, refused ${figures.refused}`,
    `changes that returned: ${list(changes)}; that failed: ${figures.failedChanges}`,
    `of them ended by a lease that ran out: ${figures.lapsed}; before all had applied it: ${figures.shortWaits}`,
    `streams that moved bytes: ${figures.streamBytes}; on one that was taken away, by an instance that stood still and had not looked at the clock yet: ${figures.bytesAfterStandstill}`,
    `faults: ${list(faults)}`,
  ].join("\n");
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
