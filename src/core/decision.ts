import type { ErrorCode } from "./errors.ts";

/** What is wrong with a credential. The caller is not told which: all of them look alike from outside. */
export type CredentialProblem =
  | "credential_unknown"
  | "credential_malformed"
  | "credential_bad_checksum"
  | "credential_expired"
  | "credential_revoked"
  /** A token for another path. */
  | "credential_audience";

/** Why a request was refused, as the audit and the metrics know it: finer than the code that the caller sees. */
export type Reason = Exclude<ErrorCode, "credential_invalid"> | CredentialProblem;

/** How a request ended: decided and answered, or cut short after it was allowed. */
export type Outcome = "allowed" | "public" | "own_endpoint" | "client_closed" | "upstream_cut" | Reason;

/** Outcomes that are no reason of a refusal. docs/audit.md has them all. */
export const OTHER_OUTCOMES: readonly Exclude<Outcome, Reason>[] = [
  "allowed",
  "public",
  "own_endpoint",
  "client_closed",
  "upstream_cut",
];

/** Every problem of a credential. docs/errors.md has them all. */
export const CREDENTIAL_PROBLEMS: readonly CredentialProblem[] = [
  "credential_unknown",
  "credential_malformed",
  "credential_bad_checksum",
  "credential_expired",
  "credential_revoked",
  "credential_audience",
];

/** The code that the caller sees for a reason. */
export function codeOf(reason: Reason): ErrorCode {
  switch (reason) {
    case "credential_unknown":
    case "credential_malformed":
    case "credential_bad_checksum":
    case "credential_expired":
    case "credential_revoked":
    case "credential_audience":
      return "credential_invalid";
    default:
      return reason;
  }
}

/** A refusal is a value, never an exception. */
export interface Deny {
  readonly allow: false;
  readonly reason: Reason;
  /** For operators: which rule was broken. Never shown to the caller, never holds a secret. */
  readonly detail: string | null;
  /** The portal that the request names, where one was read. */
  readonly portal: string | null;
}

export interface Allow {
  readonly allow: true;
  /** The portal that the request names, where the route reads one. */
  readonly portal: string | null;
}

export type Decision = Allow | Deny;

/** Makes a refusal. `detail` is for operators and must not quote secrets. */
export function deny(reason: Reason, detail: string | null = null, portal: string | null = null): Deny {
  return { allow: false, reason, detail, portal };
}
