import { setTimeout as pause } from "node:timers/promises";
import { StoreUnavailable } from "../../../src/store/types.ts";
import { Random } from "../random.ts";
import { type CrashingStore, Faults } from "./faults.ts";
import type { Fleet } from "./fleet.ts";
import { type Accepted, Load } from "./load.ts";

export interface TrialOptions {
  readonly fleet: Fleet;
  readonly store: CrashingStore;
  readonly seed: number;
  readonly ms: number;
  /** Longest fault on an instance, ms. */
  readonly longestFaultMs: number;
}

export interface TrialReport {
  readonly seed: number;
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly revokes: number;
  /** Calls that failed because the store did not answer, and were made again. */
  readonly repeated: number;
  readonly faults: Readonly<Record<string, number>>;
  /** From the call of a revoke to its return, the repeated ones with their first call, ms. */
  readonly returnMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly violations: readonly Accepted[];
}

/** Callers at work at the same time. */
const REVOKERS = 4;
const LOOPS_EACH = 3;
/** Asked with for this long after its revoke has returned. */
const AFTERWARDS_MS = 700;

/** Makes, uses and revokes keys under load while instances and the store fail, and says what was accepted too late. */
export async function runTrial({ fleet, store, seed, ms, longestFaultMs }: TrialOptions): Promise<TrialReport> {
  const random = new Random(seed);
  const load = new Load(fleet.instances, random);
  const faults = new Faults(fleet, store, { random, longestMs: longestFaultMs });
  const returns: number[] = [];
  let repeated = 0;

  /** Until it succeeds: whoever gets no answer makes the call again. */
  async function insist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        repeated += 1;
        await pause(20);
      }
    }
  }

  async function useAndRevoke(): Promise<void> {
    const request = { name: "trial", scopes: ["tickets:read"], portal: null, expiresInMs: null };
    const { key, record } = await insist(() => fleet.keys.create({ ...request, subject: "trial", createdBy: "test" }));
    load.add(key);
    await pause(random.between(0, 300));
    const from = performance.now();
    await insist(() => fleet.keys.revoke(record.id));
    load.revoked(key);
    returns.push(performance.now() - from);
    await pause(AFTERWARDS_MS);
    load.remove(key);
  }

  load.start(LOOPS_EACH);
  faults.start();
  const end = performance.now() + ms;
  const revoking = Array.from({ length: REVOKERS }, async () => {
    while (performance.now() < end) await useAndRevoke();
  });
  await Promise.all(revoking);
  await faults.stop();
  await load.stop();
  const sorted = returns.toSorted((left, right) => left - right);
  const at = (part: number): number => Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) * 10) / 10;
  return {
    seed,
    requests: load.requests,
    statuses: Object.fromEntries(load.statuses),
    revokes: returns.length,
    repeated,
    faults: Object.fromEntries(faults.counts),
    returnMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    violations: load.violations(),
  };
}
