import type { KeyName, Plan } from "./plan.ts";

/** Limit of bodies on the route `small`, bytes. */
export const SMALL_LIMIT = 16 * 1024;

/**
 * What must become of a request by the rules alone, told independently of the product's code: `null` where it is
 * allowed, else the reason of the refusal. Aborts and faults come on top.
 */
export function refusalOf(plan: Plan): string | null {
  const { route, key } = plan;
  if (route === "garbage") return "bad_request";
  if (route === "nothing") return "no_route";
  if (route === "not-allowed") return "method_not_allowed";
  if (key === "double") return "ambiguous_credential";
  if (isPublic(plan)) return null;
  const refused = BY_KEY[key];
  if (refused !== undefined) return refused;
  if (key === "scope") return "insufficient_scope";
  if (route === "small" && plan.bodyFraming === "length" && plan.bodySize > SMALL_LIMIT) return "body_too_large";
  return key === "portal" ? "portal_forbidden" : null;
}

export function isPublic({ route }: Plan): boolean {
  return route === "open" || route === "down" || route === "slow";
}

const BY_KEY: Partial<Record<KeyName, string>> = {
  none: "credential_missing",
  revoked: "credential_revoked",
  unknown: "credential_unknown",
  checksum: "credential_bad_checksum",
  malformed: "credential_malformed",
};

/** What may become of an allowed request that its client sees to its end. */
export function outcomesOf(plan: Plan): readonly string[] {
  const fine = isPublic(plan) ? "public" : "allowed";
  if (plan.route === "down") return ["upstream_unreachable"];
  if (plan.route === "small" && plan.bodySize > SMALL_LIMIT) {
    // The upstream may answer, or be gone, before the body has grown too large.
    if (plan.fault === "early") return ["body_too_large", fine];
    return ["body_too_large"];
  }
  // http-proxy-3 carries upgrades; it reads a malformed answer as no answer.
  if (plan.route === "live" && plan.fault === "malformed") return ["upstream_unreachable", "upstream_invalid"];
  switch (plan.fault) {
    case "reset":
      return ["upstream_unreachable"];
    case "reset-after-head":
      return ["upstream_cut"];
    case "cut":
      return ["upstream_cut"];
    case "malformed":
      return ["upstream_invalid"];
    case "hang":
      return ["upstream_timeout"];
    case "early":
      // Answered before its body: a client that waits for `100 Continue` leaves without sending it.
      return plan.expectContinue ? [fine, "client_closed"] : [fine];
    default:
      return [fine];
  }
}

/** The head never became readable, so its line has no path. */
export function isUnreadable({ route, abort }: Plan): boolean {
  return route === "garbage" || abort === "partial" || abort === "partial-reset";
}
