import type { Store } from "../store/types.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface StoreHealth {
  /** Asks the store now. Never rejects. */
  check(): Promise<boolean>;
  close(): void;
}

const CHECK_MS = 5_000;

/** Asks the store every few seconds, so that `portcullis_store_up` is true without anybody looking at `/readyz`. */
export function watchStore(store: Store, metrics: Metrics, log: Log): StoreHealth {
  let up: boolean | null = null;
  async function check(): Promise<boolean> {
    const now = await store.ping().then(
      () => true,
      () => false,
    );
    if (now !== up && (up !== null || !now)) {
      if (now) log.info("the store answers again");
      else log.warn("the store does not answer: cached credentials go on, others get 503");
    }
    up = now;
    metrics.storeUp(now);
    return now;
  }
  const timer = setInterval(() => void check(), CHECK_MS).unref();
  void check();
  return { check, close: () => clearInterval(timer) };
}
