import type { Store } from "../store/types.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/**
 * What stands against serving credentials. `store_unavailable`: it does not answer. `lease_over`: all but public routes
 * get 503, because changes made elsewhere may have been missed. `starting_without_store`: the same, since the start.
 */
export type StoreProblem = "store_unavailable" | "lease_over" | "starting_without_store";

export interface StoreHealth {
  /** Asks the store now. Never rejects. Empty where all is well. */
  problems(): Promise<readonly StoreProblem[]>;
  /** Resolves once all is well for the first time. */
  readonly served: Promise<void>;
  close(): void;
}

const CHECK_MS = 5_000;
/** How often the store is asked until it serves for the first time. */
const START_CHECK_MS = 250;

/** Asks the store every few seconds, so that `portcullis_store_up` is true without anybody looking at `/readyz`. */
export function watchStore(store: Store, metrics: Metrics, log: Log): StoreHealth {
  const served = Promise.withResolvers<void>();
  let hasServed = false;
  let before: string | null = null;
  let looks = 0;

  async function problems(): Promise<readonly StoreProblem[]> {
    const up = await store.ping().then(
      () => true,
      () => false,
    );
    metrics.storeUp(up);
    const found: StoreProblem[] = up ? [] : ["store_unavailable"];
    if (store.changes.state().leaseLeftMs === 0) found.push(hasServed ? "lease_over" : "starting_without_store");
    if (found.length === 0 && !hasServed) {
      hasServed = true;
      served.resolve();
    }
    const now = found.join(" ");
    looks += 1;
    // During the first look all else starts, which may make it late; the next tells what is wrong then.
    if (looks === 1 && now !== "") return found;
    if (now !== before && (before !== null || now !== "")) tell(found, log);
    before = now;
    return found;
  }

  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  async function watch(): Promise<void> {
    await problems();
    if (!closed) timer = setTimeout(() => void watch(), hasServed ? CHECK_MS : START_CHECK_MS).unref();
  }
  void watch();
  metrics.bindStore(() => ({ ...store.state(), ...store.changes.state() }));
  return {
    problems,
    served: served.promise,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function tell(problems: readonly StoreProblem[], log: Log): void {
  if (problems.length === 0) log.info("the store answers, and all is served");
  else if (problems.includes("starting_without_store")) {
    log.warn({ problems }, "the store has not answered since the start: public routes are served, others get 503");
  } else if (problems.includes("lease_over")) {
    log.warn({ problems }, "the lease is over: public routes are served, others get 503");
  } else log.warn({ problems }, "the store does not answer: cached credentials go on, others get 503");
}
