import type { ServerResponse } from "node:http";
import { isPlainHost } from "../core/host-name.ts";

const HSTS = "max-age=31536000";

/** What a page may do beyond showing itself. */
export interface PageRights {
  /** Origins that a form's answer may redirect to (Chromium holds redirects to `form-action` too). */
  readonly formAction?: readonly string[];
  /** True lets files of ours run as scripts, and those ask our own origin. Nothing inline runs. */
  readonly scripts?: boolean;
}

/** The policy of a page: nothing but our stylesheet, images of ours, forms to ourselves, and what `rights` say. */
export function contentSecurityPolicy({ formAction = [], scripts = false }: PageRights = {}): string {
  const targets = ["'self'", ...formAction.map(formSource)].join(" ");
  const script = scripts ? "script-src 'self'; connect-src 'self'; " : "";
  return `default-src 'none'; ${script}style-src 'self'; img-src 'self' data:; form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`;
}

/** Throws where it is no http(s) URL of a plain host: `URL` leaves `;` and `'` in names, which end or widen a policy. */
function formSource(url: string): string {
  const { protocol, hostname, origin } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") throw new Error("form-action takes http(s) origins");
  if (!isPlainHost(hostname)) throw new Error("form-action takes plain host names");
  // CSP's grammar has no IPv6 addresses (CSP3, section 2.3.1, host-part): the scheme is the narrowest that fits.
  return hostname.startsWith("[") ? protocol : origin;
}

/** Headers of every answer of ours, set on Node's response so that answers around Fastify have them too. */
export function setSecurityHeaders(response: ServerResponse, options: { readonly https: boolean }): void {
  response.setHeader("content-security-policy", contentSecurityPolicy());
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("x-frame-options", "DENY");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  if (options.https) response.setHeader("strict-transport-security", HSTS);
}
