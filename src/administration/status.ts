import { StoreUnavailable } from "../store/types.ts";
import type { TrafficReport } from "../telemetry/traffic.ts";

/** This instance now. */
export interface LiveStatus {
  readonly instance: string;
  readonly version: string;
  /** Hash of the rules in force. */
  readonly rules: string;
  readonly store: { readonly kind: "sqlite" | "redis"; readonly up: boolean };
  readonly traffic: TrafficReport;
}

export interface Status extends LiveStatus {
  /** Wall clock ms. */
  readonly at: number;
  /** `null` where the store does not tell. */
  readonly mcpAccess: boolean | null;
  /** Clients that wait for an approval; `null` where the store does not tell. */
  readonly waitingClients: number | null;
}

/** What the store tells, or `null` where it does not answer: the rest is shown all the same. */
export async function orUnknown<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreUnavailable) return null;
    throw error;
  }
}
