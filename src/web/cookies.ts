import type { CookieSerializeOptions } from "@fastify/cookie";
import type { OwnCookieName } from "../core/own-cookies.ts";

/** Names and options of our cookies. */
export interface Cookies {
  /** With `__Host-` before it on https: then no other host and no page over http can set it. */
  name(base: OwnCookieName): string;
  /** For `setCookie` and `clearCookie`. `null` ends the cookie with the browser's session. */
  options(maxAgeMs: number | null): CookieSerializeOptions;
}

/**
 * Cookies that scripts cannot read and other sites' forms do not send. `Lax`, not `Strict`: a client's link to the
 * authorization page must find the person signed in. `secure` is whether our pages are on https.
 */
export function createCookies({ secure }: { readonly secure: boolean }): Cookies {
  const base = { path: "/", httpOnly: true, secure, sameSite: "lax" } as const;
  return {
    name: (name) => (secure ? `__Host-${name}` : name),
    options: (maxAgeMs) => (maxAgeMs === null ? base : { ...base, maxAge: Math.max(0, Math.floor(maxAgeMs / 1000)) }),
  };
}
