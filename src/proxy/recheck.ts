import type { Reason } from "../core/decision.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { isScope, type Scope } from "../core/ids.ts";
import { holdsAll, scopeNeeds } from "../core/scopes.ts";
import type { Accepted } from "../credentials/authenticate.ts";
import { decideAudience } from "../policy/audience.ts";
import { decideScopes } from "../policy/decide.ts";
import type { Exchange } from "./exchange.ts";

/**
 * What ends a request under way, or a stream, whose credential is now known as `now`; `null` where it may go on. As the
 * line would decide, with one difference: what is restricted to another portal than before is ended without reading
 * again what the request names. Pure.
 */
export function recheck(exchange: Exchange, now: Accepted): Reason | null {
  const { principal: before, route: runtime } = exchange;
  if (runtime === null || before.kind === "anonymous") return null;
  const { principal } = now;
  const otherAudience = decideAudience(principal, exchange.head.path);
  if (otherAudience !== null) return otherAudience.reason;
  const { route } = runtime;
  if (route.mcp !== null) {
    if (!now.mcpAccess) return "mcp_disabled";
    if (!holdsAll(principal.scopes, scopeNeeds(scopesOfMessage(exchange, before)))) return "insufficient_scope";
  } else {
    const denied = decideScopes(route, principal);
    if (denied !== null) return denied.reason;
  }
  return principal.portal === null || principal.portal === before.portal ? null : "portal_forbidden";
}

/** Lists are filtered by what the caller held, and a message that is still read is judged by it: all of that must be left. */
function scopesOfMessage({ mcp, scopesNeeded }: Exchange, before: AuthenticatedPrincipal): readonly Scope[] {
  return mcp === null || mcp.mayList !== null ? [...before.scopes] : scopesNeeded.split(" ").filter(isScope);
}
