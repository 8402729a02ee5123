import { isPortalId, isScope, type PortalId, type Scope } from "../core/ids.ts";
import { commonScopes, wildcardOf } from "../core/scopes.ts";
import { readAudience } from "../credentials/audience.ts";
import type { ClientRecord } from "../store/clients.ts";
import type { PersonRecord } from "../store/people.ts";

/** What a request of a client asks for. */
export interface Asked {
  /** Scopes of ours, as they were asked for; `null` where none was named, which asks for all of the resource. */
  readonly scopes: readonly Scope[] | null;
  /** Scopes of OpenID Connect that go along: `openid`, `offline_access`. */
  readonly oidcScopes: readonly string[];
}

/** A portal with its name for people. */
export interface PortalName {
  readonly id: PortalId;
  readonly name: string;
}

/** Where a grant may be for. */
export interface PortalOffer {
  readonly choices: readonly PortalName[];
  /** True where it may be for all portals. */
  readonly all: boolean;
}

/** What a person can be asked to allow a client. */
export interface Offer {
  /** Never wider than what was asked, nor than what the client, the person or the resource have. */
  readonly scopes: readonly Scope[];
  readonly portals: PortalOffer;
}

/** Whom an offer is between, and what for. */
export interface OfferParties {
  readonly asked: readonly Scope[] | null;
  readonly client: Pick<ClientRecord, "scopes" | "portal">;
  readonly person: Pick<PersonRecord, "scopes" | "portals">;
  readonly resource: { readonly scopes: readonly Scope[] };
  /** `portals:` of the rules. */
  readonly portals: readonly PortalName[];
}

const OIDC_SCOPES: ReadonlySet<string> = new Set(["openid", "offline_access"]);

/** Reads the `scope` parameter of a request (RFC 6749, section 3.3). What is no scope of anybody's is passed over. */
export function readAsked(scope: unknown): Asked {
  const names = typeof scope === "string" ? [...new Set(scope.split(" "))].filter((name) => name !== "") : [];
  const oidcScopes = names.filter((name) => OIDC_SCOPES.has(name));
  return { scopes: names.length === oidcScopes.length ? null : names.filter(isScope), oidcScopes };
}

/** What may be offered: scopes that all four sides have in common, and portals that client and person share. */
export function offerOf({ asked, client, person, resource, portals }: OfferParties): Offer {
  const wanted = asked === null ? resource.scopes : commonScopes(asked, resource.scopes);
  return {
    scopes: commonScopes(commonScopes(wanted, client.scopes), person.scopes),
    portals: portalOffer(client.portal, person.portals, portals),
  };
}

/**
 * A client with a portal gets that one, a person with portals gives one of them. Else all of those that the rules
 * list can be chosen, or all portals at once; where the rules list none, only all portals at once.
 */
function portalOffer(
  clientPortal: PortalId | null,
  personPortals: readonly PortalId[] | null,
  known: readonly PortalName[],
): PortalOffer {
  const named = (id: PortalId): PortalName => known.find((portal) => portal.id === id) ?? { id, name: id };
  if (clientPortal !== null) {
    const may = personPortals === null || personPortals.includes(clientPortal);
    return { choices: may ? [named(clientPortal)] : [], all: false };
  }
  if (personPortals !== null) return { choices: [...new Set(personPortals)].map(named), all: false };
  return { choices: known, all: true };
}

/** Why nothing can be offered, for people; `null` where something can. */
export function nothingToOffer({ scopes, portals }: Offer): string | null {
  if (scopes.length === 0) return "You have none of the permissions that it asks for, or it may not be given them.";
  if (!portals.all && portals.choices.length === 0) return "There is no portal that you could give it access to.";
  return null;
}

/** What a person decided, as the form sent it. */
export interface PostedDecision {
  readonly decision: "approve" | "deny";
  readonly scope: readonly string[];
  /** `""` is all portals. */
  readonly portal: string;
}

export type Decision =
  | { readonly kind: "denied" }
  | { readonly kind: "approved"; readonly scopes: readonly Scope[]; readonly portal: PortalId | null }
  /** `problem` is for the person. */
  | { readonly kind: "invalid"; readonly problem: string };

/** Judges a decision: scopes are some of those offered, the portal is one of the choices. To deny is always right. */
export function judgeDecision(posted: PostedDecision, offer: Offer): Decision {
  if (posted.decision === "deny") return { kind: "denied" };
  if (posted.scope.length === 0) return { kind: "invalid", problem: "Choose at least one permission, or deny." };
  const offered: ReadonlySet<string> = new Set(offer.scopes);
  if (!posted.scope.every((scope) => offered.has(scope))) {
    return { kind: "invalid", problem: "One of the permissions cannot be given. Please choose again." };
  }
  const chosen = new Set(posted.scope);
  const scopes = offer.scopes.filter((scope) => chosen.has(scope));
  if (posted.portal === "") {
    if (offer.portals.all) return { kind: "approved", scopes, portal: null };
    return { kind: "invalid", problem: "Choose the portal that it may work in." };
  }
  const portal = offer.portals.choices.find(({ id }) => id === posted.portal);
  if (portal === undefined || !isPortalId(portal.id)) {
    return { kind: "invalid", problem: "That portal cannot be chosen. Please choose again." };
  }
  return { kind: "approved", scopes, portal: portal.id };
}

/** A scope in words: those of the catalogue, of its wildcard there, or the bare name. */
export function scopeText(catalogue: ReadonlyMap<Scope, string>, scope: Scope): string {
  return catalogue.get(scope) ?? catalogue.get(wildcardOf(scope)) ?? scope;
}

/** The path of a resource below the issuer, `""` for the whole origin; `null` for another's (RFC 8707). */
export function resourcePath(issuer: string, resource: string): string | null {
  const audience = readAudience(resource, issuer);
  return audience.kind === "ours" ? audience.path : null;
}
