import type { EventRecord } from "../telemetry/audit-record.ts";
import type { Actor } from "./actor.ts";

/** Fields of a record that are no secret, as the audit shows them. */
export type AuditFields = Readonly<Record<string, unknown>>;

/** The audit, as much of it as changes need. */
export interface ChangeAudit {
  admits(): boolean;
  event(record: EventRecord & { readonly before?: AuditFields | null; readonly after?: AuditFields | null }): void;
}

/** The audit cannot be written and the configuration says that nothing is to happen without it. */
export class AuditUnavailable extends Error {
  constructor() {
    super("the audit cannot be written, so nothing was changed");
    this.name = "AuditUnavailable";
  }
}

export interface AuditedChange {
  /** Such as `key.create`. */
  readonly action: string;
  readonly target: string | null;
  readonly before: AuditFields | null;
  readonly after: AuditFields | null;
  readonly detail?: string;
}

export interface AuditedAttempt extends Pick<AuditedChange, "action" | "target"> {
  readonly reason: "signin_stale" | "token_forbidden";
}

/** Where every change of an administrator is written down. */
export interface AuditTrail {
  /** Throws `AuditUnavailable`. Not asked before what takes something away: nothing may keep that from being done. */
  requireRecord(): void;
  record(actor: Actor, change: AuditedChange): void;
  /** What was not done, because this actor may not. */
  refuse(actor: Actor, attempt: AuditedAttempt): void;
}

/** See `AuditTrail`. */
export function createAuditTrail(audit: ChangeAudit): AuditTrail {
  return {
    requireRecord() {
      if (!audit.admits()) throw new AuditUnavailable();
    },
    record({ address, credential = null, requestId, subject }, change) {
      audit.event({ event: "admin", subject, credential, clientIp: address, requestId, ...change });
    },
    refuse({ address, credential = null, requestId, subject }, attempt) {
      const refused = { event: "admin", decision: "deny", ...attempt } as const;
      audit.event({ ...refused, subject, credential, clientIp: address, requestId });
    },
  };
}
