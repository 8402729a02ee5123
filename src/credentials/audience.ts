import { parseTarget } from "../core/target.ts";

/** What the audience of a token (RFC 8707) means here. */
export type Audience =
  /** `path` is `""` for the whole origin, else such as `/mcp`; as it is written, without a slash at its end. */
  { readonly kind: "ours"; readonly path: string } | { readonly kind: "other" } | { readonly kind: "malformed" };

const URI = /^(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):\/\/(?<authority>[^/?#]+)(?<path>\/[^?#]*)?$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ":80", https: ":443" };
const OTHER: Audience = { kind: "other" };
const MALFORMED: Audience = { kind: "malformed" };

/**
 * Compares an audience with our issuer, which is an origin: scheme and host without regard to case, default ports
 * are equal to none, and no slash is needed at the end. The path is not normalised: it has to be in its one form.
 */
export function readAudience(audience: string, issuer: string): Audience {
  const parts = URI.exec(audience)?.groups;
  if (parts === undefined) return MALFORMED;
  const { scheme = "", authority = "", path = "" } = parts;
  if (originText(scheme, authority) !== originOf(issuer)) return OTHER;
  if (path === "" || path === "/") return { kind: "ours", path: "" };
  if (!parseTarget(path).ok) return MALFORMED;
  return { kind: "ours", path: path.endsWith("/") ? path.slice(0, -1) : path };
}

function originOf(issuer: string): string | null {
  const parts = URI.exec(issuer)?.groups;
  return parts === undefined ? null : originText(parts["scheme"] ?? "", parts["authority"] ?? "");
}

function originText(scheme: string, authority: string): string {
  const [lowerScheme, lowerAuthority] = [scheme.toLowerCase(), authority.toLowerCase()];
  const port = DEFAULT_PORTS[lowerScheme];
  const bare =
    port !== undefined && lowerAuthority.endsWith(port) ? lowerAuthority.slice(0, -port.length) : lowerAuthority;
  return `${lowerScheme}://${bare}`;
}
