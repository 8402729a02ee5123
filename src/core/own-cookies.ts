/** Begins the name of every cookie of ours; `createCookies` and the OAuth provider put `__Host-` or `__Secure-` before it. */
const PREFIX = "portcullis_";

/** The base name of a cookie of ours: what is named otherwise would reach upstreams. */
export type OwnCookieName = `${typeof PREFIX}${string}`;

/** Names a cookie of ours. */
export function ownCookieName<Name extends string>(name: Name): `${typeof PREFIX}${Name}` {
  return `${PREFIX}${name}`;
}

/**
 * The beginning of a pair whose name is ours, or which a lenient reader would take for ours: in another case, with signs
 * before it, or without a name, which browsers send back as they send a name (RFC 6265bis §5.6).
 */
const OURS = /^[^0-9a-z_]*(?:__(?:host|secure)-)*portcullis_/;

function isOurs(pair: string): boolean {
  return OURS.test(pair.toLowerCase());
}

/**
 * The value of a `Cookie` field without the pairs that are ours; what is left is left byte for byte. `null` where
 * nothing is left.
 */
export function withoutOwnCookies(value: string): string | null {
  // Most have none, and this is all that they pay.
  if (!value.toLowerCase().includes(PREFIX)) return value;
  const left = value.split(";").filter((pair) => !isOurs(pair));
  const text = left.join(";").trim();
  return /[^; \t]/.test(text) ? text : null;
}

/** True for the value of a `Set-Cookie` field that would make, change or end a cookie of ours. */
export function setsOwnCookie(value: string): boolean {
  return isOurs(value);
}
