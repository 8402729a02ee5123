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
    exact: new Set(["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]),
    under: [...new Set([config.oauth.path, config.signin.path, ...admin, "/.well-known/oauth-protected-resource"])],
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
