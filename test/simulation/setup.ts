import type { Mutation } from "./mutations.ts";
import type { Random } from "./random.ts";

/** What a schedule is about: who is there, and with which bounds. */
export interface Setup {
  readonly mutation: Mutation;
  readonly leaseMs: number;
  readonly commandMs: number;
  readonly cacheMs: number;
  readonly absentMs: number;
  /** Entries of the log that are kept. */
  readonly keep: number;
  readonly storeRate: number;
  /** How likely a message is lost. */
  readonly lossRate: number;
  readonly seats: readonly { readonly rate: number; readonly suspends: boolean }[];
  /** True where the store is neither restarted nor loses anything. */
  readonly storeStays: boolean;
  /** True where it may lose what it acknowledged, as a failover does. */
  readonly storeLoses: boolean;
  /** How long faults go on. */
  readonly chaosMs: number;
}

export function randomSetup(random: Random, mutation: Mutation, drift: number): Setup {
  const leaseMs = random.pick([150, 250, 400, 800]);
  const storeStays = random.chance(0.6);
  const seats = Array.from({ length: random.pick([1, 2, 2, 3, 3, 4]) }, () => ({
    rate: random.pick([1 - drift, 1, 1 + drift, random.between(1 - drift, 1 + drift)]),
    suspends: random.chance(0.5),
  }));
  return {
    mutation,
    leaseMs,
    seats,
    storeStays,
    storeLoses: !storeStays && random.chance(0.5),
    commandMs: random.pick([60, 150, 500]),
    cacheMs: random.pick([60, 500, 60_000, 60_000]),
    absentMs: random.pick([0, 100, 5000]),
    keep: random.pick([1, 3, 10_000, 10_000]),
    storeRate: random.pick([1 - drift, 1, 1 + drift]),
    lossRate: random.pick([0, 0, 0.01, 0.05]),
    chaosMs: leaseMs * random.between(2, 4) + 100,
  };
}
