import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { ActivityStore } from "../store/activity.ts";
import { createActivityTap } from "../telemetry/activity-tap.ts";
import { type AuditLog, createAuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Closers } from "./closers.ts";

export interface AuditDeps {
  readonly instance: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Gets what pages show of it. */
  readonly activity: ActivityStore;
}

/** Opens the audit's sinks, and the tap that feeds the pages from it. */
export async function openAudit(
  { queue_bytes: queueBytes, sinks, when_full: whenFull }: Config["audit"],
  { activity, clock, instance, log, metrics }: AuditDeps,
  closers: Closers,
): Promise<AuditLog> {
  const tap = createActivityTap({ activity, clock, instance, log, metrics });
  closers.add(() => tap.close());
  const audit = createAuditLog({ sinks, whenFull, queueBytes, instance, log, clock, tap });
  closers.add(() => audit.close());
  metrics.bindAudit(audit);
  await audit.opened();
  return audit;
}
