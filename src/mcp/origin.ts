import { type Deny, deny } from "../core/decision.ts";
import type { McpRules } from "../policy/types.ts";

const FORBIDDEN = deny("origin_forbidden");

/**
 * Refuses requests of pages that are not listed (2025-11-25 and 2026-07-28, Security). A request without
 * `Origin` passes; one with two, or with one that is not written as browsers write it, does not.
 */
export function checkOrigin(rules: McpRules, rawHeaders: readonly string[]): Deny | null {
  let seen = false;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (name.length !== "origin".length || name.toLowerCase() !== "origin") continue;
    if (seen || !rules.origins.has(rawHeaders[at + 1] ?? "")) return FORBIDDEN;
    seen = true;
  }
  return null;
}
