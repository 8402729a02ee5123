import type { Clock } from "../core/clock.ts";
import type { Outcome } from "../core/decision.ts";

/** One minute of traffic. */
export interface TrafficMinute {
  /** Its beginning, wall clock ms. */
  readonly at: number;
  readonly allowed: number;
  readonly refused: number;
}

/** What this instance saw in the last hour. */
export interface TrafficReport {
  /** 60, oldest first; the last one is under way. */
  readonly minutes: readonly TrafficMinute[];
  /** Over the hour, most first. */
  readonly refusedBy: readonly { readonly reason: string; readonly count: number }[];
  /** Open now. */
  readonly openStreams: number;
}

/** Counts requests by the minute, for one hour. To count one costs some array reads and writes, and no allocation. */
export interface Traffic {
  /** `monotonic` is when it ended, by the clock's `monotonic()`. */
  request(decision: "allow" | "deny", reason: Outcome, monotonic: number): void;
  streamOpened(): void;
  streamClosed(): void;
  report(): TrafficReport;
}

const MINUTES = 60;
const MINUTE_MS = 60_000;

/** One slot of the ring. */
class Slot {
  minute = -1;
  allowed = 0;
  refused = 0;
  /** Reasons are few: they come from our own table. */
  readonly refusedBy = new Map<Outcome, number>();

  begin(minute: number): void {
    this.minute = minute;
    this.allowed = 0;
    this.refused = 0;
    this.refusedBy.clear();
  }
}

/** See `Traffic`. */
export function createTraffic(clock: Clock): Traffic {
  const slots: readonly Slot[] = Array.from({ length: MINUTES }, () => new Slot());
  let current = new Slot();
  let openStreams = 0;

  function turnTo(minute: number): void {
    const slot = slots[minute % MINUTES];
    if (slot === undefined) return;
    if (slot.minute !== minute) slot.begin(minute);
    current = slot;
  }

  function minutesUntil(last: number): readonly Slot[] {
    return slots.filter(({ minute }) => minute > last - MINUTES && minute <= last);
  }

  return {
    request(decision, reason, monotonic) {
      const minute = Math.floor(monotonic / MINUTE_MS);
      if (minute > current.minute) turnTo(minute);
      if (decision === "allow") {
        current.allowed += 1;
        return;
      }
      current.refused += 1;
      current.refusedBy.set(reason, (current.refusedBy.get(reason) ?? 0) + 1);
    },
    streamOpened() {
      openStreams += 1;
    },
    streamClosed() {
      openStreams -= 1;
    },
    report() {
      const monotonic = clock.monotonic();
      const last = Math.floor(monotonic / MINUTE_MS);
      const began = clock.now() - (monotonic - last * MINUTE_MS);
      const seen = minutesUntil(last);
      const minutes = Array.from({ length: MINUTES }, (_, index) => {
        const minute = last - MINUTES + 1 + index;
        const slot = seen.find((each) => each.minute === minute);
        const at = Math.round(began - (last - minute) * MINUTE_MS);
        return { at, allowed: slot?.allowed ?? 0, refused: slot?.refused ?? 0 };
      });
      return { minutes, refusedBy: sumOf(seen), openStreams };
    },
  };
}

function sumOf(slots: readonly Slot[]): TrafficReport["refusedBy"] {
  const sums = new Map<string, number>();
  for (const { refusedBy } of slots) {
    for (const [reason, count] of refusedBy) sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  return [...sums].map(([reason, count]) => ({ reason, count })).toSorted((a, b) => b.count - a.count);
}
