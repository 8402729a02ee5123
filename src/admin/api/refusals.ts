import { ApiProblem } from "./problem.ts";

const DETAILS = {
  wrong_status: "A waiting client can be approved and a disabled one enabled, not the other way about.",
  not_active: "The key is revoked, expired, or rotated before.",
  no_secret: "A public client has no secret.",
  last_administrator: "Nobody else is an administrator who may sign in.",
} as const;

type Standing = keyof typeof DETAILS;
type Refused = Standing | "not_found" | "conflict";

function isStanding(kind: string): kind is Standing {
  return Object.hasOwn(DETAILS, kind);
}

/** The outcome where it was done. Throws `ApiProblem` where it was not. */
export function done<O extends { readonly kind: string }>(outcome: O): Exclude<O, { readonly kind: Refused }> {
  const { kind } = outcome;
  if (kind === "conflict") throw new ApiProblem("precondition_failed");
  if (kind === "not_found") throw new ApiProblem("not_found");
  if (isStanding(kind)) throw new ApiProblem("conflict", { detail: DETAILS[kind] });
  if (isDone(outcome)) return outcome;
  throw new Error(`an outcome that is none: ${kind}`);
}

function isDone<O extends { readonly kind: string }>(outcome: O): outcome is Exclude<O, { readonly kind: Refused }> {
  return outcome.kind !== "conflict" && outcome.kind !== "not_found" && !isStanding(outcome.kind);
}

/** The record where there is one. Throws `ApiProblem` where not. */
export function found<T>(record: T | null): T {
  if (record === null) throw new ApiProblem("not_found");
  return record;
}
