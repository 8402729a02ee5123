import { Counter, type Registry } from "prom-client";
import { counterOf, gaugeOf } from "./read-at-scrape.ts";

/** How the store does, as metrics show it. */
export interface StoreFigures {
  /** Commands fail at once instead of being sent. */
  readonly isOut: boolean;
  readonly errors: Readonly<Record<"timeout" | "unreachable" | "refused", number>>;
  readonly unreplicated: number;
  readonly appliedEntry: number;
  /** `null` where each use asks the store itself. */
  readonly leaseLeftMs: number | null;
}

/** Until it is bound. */
function unbound(): StoreFigures {
  return {
    isOut: false,
    errors: { timeout: 0, unreachable: 0, refused: 0 },
    unreplicated: 0,
    appliedEntry: -1,
    leaseLeftMs: null,
  };
}

/** Metrics of the store, for which it is asked at each scrape. */
export function storeMetrics(registry: Registry): { bindStore(state: () => StoreFigures): void } {
  let state = unbound;
  gaugeOf(registry, "portcullis_store_circuit_open", "1 while calls of the store fail at once, else 0.", () =>
    state().isOut ? 1 : 0,
  );
  gaugeOf(
    registry,
    "portcullis_lease_remaining_seconds",
    "How long the cache may still be trusted without news.",
    () => {
      return (state().leaseLeftMs ?? Infinity) / 1000;
    },
  );
  gaugeOf(registry, "portcullis_revocation_applied_entry", "Number of the last change applied; -1 is unknown.", () => {
    return state().appliedEntry;
  });
  counterOf(registry, "portcullis_store_unreplicated_total", "Changes that no replica had in time.", () => {
    return state().unreplicated;
  });
  const errors = new Counter({
    name: "portcullis_store_errors_total",
    help: "Calls of the store that failed, by kind.",
    labelNames: ["kind"],
    registers: [],
    collect() {
      this.reset();
      for (const [kind, count] of Object.entries(state().errors)) this.inc({ kind }, count);
    },
  });
  registry.registerMetric(errors);
  return {
    bindStore(source) {
      state = source;
    },
  };
}
