/** Both forms of the metadata (RFC 8414, section 3; OpenID Connect Discovery 1.0). The issuer is an origin. */
export const METADATA_PATHS = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] as const;

/** What a token may be for: at this path, and with the path of a route after it (RFC 9728, section 3). */
export const RESOURCE_METADATA_PATH = "/.well-known/oauth-protected-resource";

/** The paths of the public listener that Portcullis serves itself. */
export interface ReservedPaths {
  readonly exact: ReadonlySet<string>;
  /** Each of them, and every path under it. */
  readonly under: readonly string[];
}

/**
 * Which paths those are by the configuration; `null` where OAuth is off. Both the listener and the checks of the rules
 * go by it.
 */
export function reservedPaths(config: {
  readonly oauth: { readonly enabled: boolean; readonly path: string };
  readonly signin: { readonly path: string };
  readonly admin?: { readonly public_path?: string | undefined };
}): ReservedPaths | null {
  if (!config.oauth.enabled) return null;
  const adminPath = config.admin?.public_path;
  const admin = adminPath === undefined ? [] : [adminPath];
  return {
    exact: new Set(METADATA_PATHS),
    under: [...new Set([config.oauth.path, config.signin.path, ...admin, RESOURCE_METADATA_PATH])],
  };
}

/**
 * True where Portcullis serves the path. Bytes are compared: another case or encoding is another path. Each request is
 * asked, so nothing is allocated.
 */
export function isReserved(reserved: ReservedPaths | null, path: string): boolean {
  if (reserved === null) return false;
  return isUnderReserved(reserved, path) || reserved.exact.has(path);
}

/** True where Portcullis serves the path and every path under it. */
export function isUnderReserved({ under }: ReservedPaths, path: string): boolean {
  for (const parent of under) if (isAtOrUnder(path, parent)) return true;
  return false;
}

/** True for the path `parent` and for those of its further segments; `""` has every path under it. */
export function isAtOrUnder(path: string, parent: string): boolean {
  return path.startsWith(parent) && (path.length === parent.length || path.charCodeAt(parent.length) === SLASH);
}

const SLASH = 0x2f;
