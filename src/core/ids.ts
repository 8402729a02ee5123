/** Branded identifiers: strings that cannot be mixed up. Narrowed once, where they enter. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A portal (tenant) of the legacy service. Unreserved characters of RFC 3986 only, 1 to 64 of them. */
export type PortalId = Branded<"PortalId">;
/** Public name of a credential, safe to log: `key_…` for API keys. */
export type CredentialId = Branded<"CredentialId">;
/** A scope such as `tickets:read`, or a wildcard such as `workflows:*`. */
export type Scope = Branded<"Scope">;
/** Digest of a secret, the only form in which one is stored. */
export type Digest = Branded<"Digest">;
/** `id:` of a rule in rules.yaml. */
export type RouteId = Branded<"RouteId">;

const PORTAL = /^[A-Za-z0-9._~-]{1,64}$/;
const SCOPE = /^[a-z][a-z0-9_-]{0,31}:(?:\*|[a-z][a-z0-9_-]{0,31})$/;

/** Narrows a portal id. `.` and `..` are none, because they cannot stand in a path. */
export function isPortalId(text: string): text is PortalId {
  return PORTAL.test(text) && text !== "." && text !== "..";
}

/** Narrows a scope name: `area:verb` or `area:*`. */
export function isScope(text: string): text is Scope {
  return SCOPE.test(text);
}

const ROUTE_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Narrows the `id:` of a rule. */
export function isRouteId(text: string): text is RouteId {
  return ROUTE_ID.test(text);
}

const CREDENTIAL_ID = /^[a-z]{2,8}_[0-9A-Za-z]{16,32}$/;

/** Narrows the public id of a credential, such as `key_…`. */
export function isCredentialId(text: string): text is CredentialId {
  return CREDENTIAL_ID.test(text);
}

const DIGEST = /^[0-9a-f]{64}$/;

/** Narrows a stored digest: 64 lower-case hex digits. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** A person who signs in: `usr_` and 20 letters and digits. */
export type PersonId = Branded<"PersonId">;
/** An OAuth client: `client_…` of ours, or the https URL of its metadata document. 1 to 512 printable characters. */
export type ClientId = Branded<"ClientId">;
/** What one person allowed one client, once: `grant_` and 22 letters and digits. Safe to log. */
export type GrantId = Branded<"GrantId">;

const PERSON_ID = /^usr_[0-9A-Za-z]{20}$/;
const CLIENT_ID = /^[\x21-\x7e]{1,512}$/;
const GRANT_ID = /^grant_[0-9A-Za-z]{22}$/;

/** Narrows the id of a person. */
export function isPersonId(text: string): text is PersonId {
  return PERSON_ID.test(text);
}

/** Narrows a client id: visible ASCII. */
export function isClientId(text: string): text is ClientId {
  return CLIENT_ID.test(text);
}

/** Narrows the id of a grant. */
export function isGrantId(text: string): text is GrantId {
  return GRANT_ID.test(text);
}
