/** How often each was done. */
function noFaults() {
  return {
    stop: 0,
    suspend: 0,
    "set wall clock": 0,
    cut: 0,
    reset: 0,
    slow: 0,
    crash: 0,
    leave: 0,
    "store restart": 0,
    trim: 0,
    rollback: 0,
    "flush of the log": 0,
    "entries dropped": 0,
  };
}

export type Fault = keyof ReturnType<typeof noFaults>;

/** What happened, so that one sees whether the schedules bite. */
export interface Figures {
  requests: number;
  accepted: number;
  refused: number;
  readonly changes: Record<"create" | "edit" | "revoke", number>;
  failedChanges: number;
  /** Changes that returned with an instance still out. */
  shortWaits: number;
  /** Changes that waited for a lease to run out. */
  lapsed: number;
  streamBytes: number;
  /** Moved on streams of what was taken away, by an instance that stood still and goes on, before it looked at the clock. */
  bytesAfterStandstill: number;
  readonly faults: Record<Fault, number>;
}

export function noFigures(): Figures {
  return {
    requests: 0,
    accepted: 0,
    refused: 0,
    changes: { create: 0, edit: 0, revoke: 0 },
    failedChanges: 0,
    shortWaits: 0,
    lapsed: 0,
    streamBytes: 0,
    bytesAfterStandstill: 0,
    faults: noFaults(),
  };
}

export function addFigures(sum: Figures, more: Figures): void {
  sum.requests += more.requests;
  sum.accepted += more.accepted;
  sum.refused += more.refused;
  sum.failedChanges += more.failedChanges;
  sum.shortWaits += more.shortWaits;
  sum.lapsed += more.lapsed;
  sum.streamBytes += more.streamBytes;
  sum.bytesAfterStandstill += more.bytesAfterStandstill;
  addTo(sum.changes, more.changes);
  addTo(sum.faults, more.faults);
}

function addTo(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}
