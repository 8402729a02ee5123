import type { LiveStatus } from "../administration/status.ts";
import type { Traffic } from "../telemetry/traffic.ts";

export interface LiveStatusOptions {
  readonly instance: string;
  readonly version: string;
  /** Hash of the rules in force. */
  readonly rules: () => string;
  readonly storeKind: "sqlite" | "redis";
  /** Asks the store now. Never rejects. */
  readonly storeUp: () => Promise<boolean>;
  readonly traffic: Pick<Traffic, "report">;
}

/** Tells how this instance is. Every call asks the store. */
export function createLiveStatus(options: LiveStatusOptions): () => Promise<LiveStatus> {
  const { instance, rules, storeKind, storeUp, traffic, version } = options;
  return async () => ({
    instance,
    version,
    rules: rules(),
    store: { kind: storeKind, up: await storeUp() },
    traffic: traffic.report(),
  });
}
