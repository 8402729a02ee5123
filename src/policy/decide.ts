import { type Allow, type Decision, type Deny, deny } from "../core/decision.ts";
import { isPortalId, type PortalId } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { Principal } from "../core/principal.ts";
import type { RequestHead } from "../core/request.ts";
import { holdsAll } from "../core/scopes.ts";
import { type NamedPortal, readPortal } from "./portal.ts";
import type { McpPortalSelector, PortalSelector, Route } from "./types.ts";

const ALLOW: Allow = { allow: true, portal: null };
const MISSING = deny("credential_missing");
const SCOPE = deny("insufficient_scope");
const NOT_AN_ID = deny("bad_request", "what the request names is not a portal id");
const NONE_NAMED = deny("portal_forbidden", "the request names no portal, and the credential is restricted to one");
const NOT_FOR_RESTRICTED = deny("portal_forbidden", "the rule is for credentials without a portal restriction");
const NO_SELECTOR = deny("portal_forbidden", "the rule does not say where the portal is named");
/** Nothing of an MCP route is decided here: whoever forgets to decide by message is refused. */
const BY_MESSAGE = deny("operation_forbidden", "the rule decides by MCP message, and no message was decided");
const OTHER_PORTAL = "the credential is restricted to another portal";

/** Whether the caller holds what the rule needs; `null` where so. Pure. */
export function decideScopes(route: Route, principal: Principal): Deny | null {
  if (route.mcp !== null) return BY_MESSAGE;
  if (route.public) return null;
  if (principal.kind === "anonymous") return MISSING;
  return holdsAll(principal.scopes, route.needs) ? null : SCOPE;
}

/**
 * Whether the caller may act on the portal that the request names. `body` is the strict JSON of the body
 * where the rule reads it, else `null`. Pure; allocates nothing unless a portal is named.
 */
export function decidePortal(route: Route, principal: Principal, head: RequestHead, body: JsonValue | null): Decision {
  if (route.mcp !== null) return BY_MESSAGE;
  if (route.public) return ALLOW;
  if (principal.kind === "anonymous") return MISSING;
  const { portal: selector } = route;
  if (selector === null) return NO_SELECTOR;
  return decideNamed(selector.kind, readPortal(selector, head, body), principal.portal);
}

/**
 * What follows from the portal that was named, by the kind of selector that read it. `own` is the caller's
 * restriction. Routes and MCP messages both end here.
 */
export function decideNamed(
  kind: PortalSelector["kind"] | McpPortalSelector["kind"],
  named: NamedPortal,
  own: PortalId | null,
): Decision {
  if (kind === "upstream") return ALLOW;
  if (kind === "unrestricted") return own === null ? ALLOW : NOT_FOR_RESTRICTED;
  if (named === null) return own === null ? ALLOW : NONE_NAMED;
  if (typeof named !== "string") return named;
  return isPortalId(named) ? compare(named, own) : NOT_AN_ID;
}

function compare(named: PortalId, own: PortalId | null): Decision {
  if (own === null || own === named) return { allow: true, portal: named };
  return deny("portal_forbidden", OTHER_PORTAL, named);
}

/** The whole decision: scopes, then portal. Synchronous and pure. */
export function decide(route: Route, principal: Principal, head: RequestHead, body: JsonValue | null): Decision {
  return decideScopes(route, principal) ?? decidePortal(route, principal, head, body);
}
