import type { Clock } from "../../src/core/clock.ts";
import { Lease, type Moment } from "../../src/revocation/lease.ts";
import type { StoreMutations } from "./model-store.ts";
import type { Setup } from "./setup.ts";

/** One part of the algorithm left out or built wrong. The simulation must find each. */
export interface Mutation {
  readonly store?: StoreMutations;
  /** What schedules need for it to show. */
  readonly focus?: Partial<Setup>;
  /** A subscription in place of the log: what comes while nobody listens is lost. */
  readonly pubSub?: boolean;
  readonly makeLease?: (clock: Clock, lengthMs: number) => Lease;
  /** The cache is used whether a lease holds or not. */
  readonly noLeaseCheck?: boolean;
  /** A change is reported as done once it is written. */
  readonly noBarrier?: boolean;
  /** What was looked up is kept whatever was changed meanwhile. */
  readonly noFillCheck?: boolean;
  /** A change counts as applied before its streams are closed. */
  readonly streamsNotAwaited?: boolean;
  /** Others wait for an instance exactly as long as its lease says. */
  readonly noMargin?: boolean;
}

class LateLease extends Lease {
  override renewed(): void {
    super.renewed(this.moment());
  }
}

class MonotonicLease extends Lease {
  override renewed(sent: Moment): void {
    super.renewed({ monotonic: sent.monotonic, wall: Infinity });
  }
}

class WallLease extends Lease {
  override renewed(sent: Moment): void {
    super.renewed({ monotonic: Infinity, wall: sent.wall });
  }
}

/** A read may take longer than a lease lasts. */
const PATIENT: Partial<Setup> = { leaseMs: 150, commandMs: 500 };
const LOSING: Partial<Setup> = { storeStays: false, storeLoses: true };

export const MUTATIONS = {
  "no lease check": { noLeaseCheck: true },
  "no barrier": { noBarrier: true },
  "no fill check": { noFillCheck: true },
  "publish and subscribe in place of the log": { pubSub: true },
  "a lease counted from the reply": { makeLease: (clock, lengthMs) => new LateLease(clock, lengthMs) },
  "a lease for one who missed what nobody waited for": { store: { neverBehind: true }, focus: PATIENT },
  "entries that are not chained": { store: { unchained: true }, focus: LOSING },
  "what has been applied is not compared with the log": { store: { neverDiverged: true }, focus: LOSING },
  "a lease on the monotonic clock alone": { makeLease: (clock, lengthMs) => new MonotonicLease(clock, lengthMs) },
  "a lease on the wall clock alone": { makeLease: (clock, lengthMs) => new WallLease(clock, lengthMs) },
  "a registration no longer than the lease": { noMargin: true },
  "streams that are not waited for": { streamsNotAwaited: true },
} satisfies Record<string, Mutation>;

export type MutantName = keyof typeof MUTATIONS;

export function isMutantName(text: string): text is MutantName {
  return Object.hasOwn(MUTATIONS, text);
}
