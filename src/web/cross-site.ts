import type { IncomingMessage } from "node:http";

/** What a browser that sends a form of our own page, or a person with the address bar, says. */
const OWN_SITES: ReadonlySet<string> = new Set(["same-origin", "none"]);
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * True where a request that may change something says that another site made it: by `Sec-Fetch-Site` (Fetch Metadata)
 * or by an `Origin` that is not `ownOrigin`. What says neither passes: the CSRF token decides.
 */
export function isFromElsewhere(request: IncomingMessage, ownOrigin: string): boolean {
  if (SAFE_METHODS.has(request.method ?? "")) return false;
  const { "sec-fetch-site": site, origin } = request.headers;
  if (site !== undefined && !(typeof site === "string" && OWN_SITES.has(site))) return true;
  return origin !== undefined && origin !== ownOrigin;
}
