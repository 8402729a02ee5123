import { isLoopbackHost } from "../core/host-name.ts";

/**
 * True where the redirect URI of a request is one of the client's: the same text (RFC 9700, section 2.1), but for the
 * port of http on a loopback host (RFC 8252, section 7.3).
 */
export function isRedirectUriOf(registered: readonly string[], uri: unknown): boolean {
  if (typeof uri !== "string") return false;
  if (registered.includes(uri)) return true;
  const asked = withoutPort(uri);
  return asked !== null && registered.some((known) => withoutPort(known) === asked);
}

const LOOPBACK = /^http:\/\/(?<host>127\.0\.0\.1|\[::1\]|localhost)(?<port>:\d{1,5})?(?<rest>\/.*|\?.*)?$/;

/** A URI on loopback without its port; `null` where it is none. As text: nothing is normalised. */
function withoutPort(uri: string): string | null {
  const parts = LOOPBACK.exec(uri)?.groups;
  if (parts === undefined || uri.includes("#") || !URL.canParse(uri) || !isLoopbackHost(new URL(uri).hostname))
    return null;
  return `${parts["host"] ?? ""}${parts["rest"] ?? ""}`;
}
