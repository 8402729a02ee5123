import type { ChangeAudit } from "../administration/audit-trail.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import type { ActivityStore } from "../store/activity.ts";
import { createActivityTap } from "../telemetry/activity-tap.ts";
import { type AuditLog, createAuditLog } from "../telemetry/audit.ts";
import { silentLog } from "../telemetry/log.ts";
import type { Terminal } from "./command.ts";

/** Somebody waits at a terminal for a sink that fails. */
const CLOSE_MS = 2000;

/** The audit of a command, open while it changes something: what only reads leaves its files alone. */
export interface CommandAudit extends ChangeAudit {
  /** Opens it for the time of `work`. Resolves once all is written, or told on standard error to be lost. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export interface CommandAuditOptions {
  readonly config: Config["audit"];
  /** Gets what pages show of it. */
  readonly activity: ActivityStore;
  readonly instance: string;
  readonly terminal: Pick<Terminal, "error">;
}

/** See `CommandAudit`. Standard output belongs to the command, so a sink there gets nothing. */
export function createCommandAudit({ activity, config, instance, terminal }: CommandAuditOptions): CommandAudit {
  // What they have to say is told below, in words for a person.
  const log = silentLog();
  const sinks = config.sinks.filter((sink) => "file" in sink);
  const { queue_bytes: queueBytes, when_full: whenFull } = config;
  let open: AuditLog | null = null;

  function now(): AuditLog {
    if (open === null) throw new Error("a change outside of `during`");
    return open;
  }

  return {
    admits: () => now().admits(),
    event: (record) => now().event(record),
    async during(work) {
      const tap = createActivityTap({ activity, clock: systemClock, instance, log });
      const common = { clock: systemClock, instance, log, tap };
      const audit = createAuditLog({ ...common, sinks, whenFull, queueBytes, closeMs: CLOSE_MS });
      open = audit;
      try {
        await audit.opened();
        return await work();
      } finally {
        open = null;
        await Promise.all([audit.close(), tap.close()]);
        if (audit.lost > 0) terminal.error("the audit cannot be written, so this is not recorded there\n");
        if (tap.lost > 0) terminal.error("the store took no activity, so the page of it does not show this\n");
      }
    },
  };
}
