import type { LookupResult } from "../core/lookup-result.ts";

/** What authentication tells the metrics. Both calls must be cheap and must not throw. */
export interface CredentialMetrics {
  lookup(result: LookupResult): void;
  storeDuration(operation: string, result: "ok" | "error", milliseconds: number): void;
}
