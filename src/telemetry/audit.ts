import type { Clock } from "../core/clock.ts";
import { createAuditLines } from "./audit-line.ts";
import type { EventRecord, RequestRecord } from "./audit-record.ts";
import { LineSink } from "./line-sink.ts";
import type { Log } from "./log.ts";
import { type SinkTarget, targetName } from "./sink-target.ts";

/** Who did what, one JSON object a line, on every sink. */
export interface AuditLog {
  /** False where a request must be refused now because its line might be lost. Cheap: a field read. */
  admits(): boolean;
  /** Writes one line. Never throws and never waits. */
  request(record: RequestRecord): void;
  /** Writes one line. Never throws and never waits. */
  event(record: EventRecord): void;
  /** Bytes that are accepted and not yet written, over all sinks. */
  readonly queueBytes: number;
  /** Lines dropped since the start, over all sinks. */
  readonly lost: number;
  /** Resolves once every sink was opened, or failed to be, for the first time. `admits()` then tells. */
  opened(): Promise<void>;
  /** Opens the files again under their names, for log rotation. Resolves once tried; failures are logged and retried. */
  reopen(): Promise<void>;
  /** Writes what is queued, waits 10 s at most, closes. What could not be written is counted as lost and logged. */
  close(): Promise<void>;
}

/** Hears what the audit is told, once it is on its way to the sinks. Must neither throw nor wait. */
export interface AuditTap {
  request(record: RequestRecord): void;
  event(record: EventRecord): void;
}

export interface AuditOptions {
  readonly sinks: readonly SinkTarget[];
  /** `refuse`: better no service than no record. `drop`: lines beyond the bound are dropped and counted. */
  readonly whenFull: "refuse" | "drop";
  /** Bound of the queue of each sink. */
  readonly queueBytes: number;
  readonly instance: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly tap?: AuditTap;
  /** Pause before a failing sink is tried again; 1 s where not given. */
  readonly retryMs?: number;
  /** How long `close` waits; 10 s where not given. */
  readonly closeMs?: number;
}

/**
 * Makes the audit log and starts to open its sinks.
 *
 * Under `refuse`, a line of an allowed request is kept even beyond the bound: the request was admitted before the
 * sink filled, and what is in flight bounds how many there can be. Lines of refusals stay within the bound, so that
 * a flood of refused requests cannot fill the memory.
 */
export function createAuditLog(options: AuditOptions): AuditLog {
  const { clock, log, whenFull, tap, closeMs = 10_000 } = options;
  const lines = createAuditLines(options.instance);
  const refuse = whenFull === "refuse";
  let admitting = true;
  const sinks = options.sinks.map(
    (target) =>
      new LineSink({
        target,
        log: log.child({ audit_sink: targetName(target) }),
        queueBytes: options.queueBytes,
        retryMs: options.retryMs ?? 1000,
        onChange: update,
      }),
  );

  function update(): void {
    admitting = !refuse || sinks.every((sink) => sink.accepting);
  }
  function write(line: string, mustKeep: boolean): void {
    for (const sink of sinks) sink.write(line, mustKeep);
  }
  async function all(act: (sink: LineSink) => Promise<void>): Promise<void> {
    await Promise.all(sinks.map(act));
  }

  return {
    admits: () => admitting,
    request(record) {
      write(lines.request(record, clock.now()), refuse && record.decision === "allow");
      tap?.request(record);
    },
    event(record) {
      write(lines.event(record, clock.now()), refuse && record.decision !== "deny");
      tap?.event(record);
    },
    get queueBytes() {
      return sinks.reduce((sum, sink) => sum + sink.queued, 0);
    },
    get lost() {
      return sinks.reduce((sum, sink) => sum + sink.lost, 0);
    },
    opened: () => all((sink) => sink.opened()),
    reopen: () => all((sink) => sink.reopen()),
    close: () => all((sink) => sink.close(closeMs)),
  };
}
