import { timingSafeEqual } from "node:crypto";
import type { Provider } from "oidc-provider";
import type { Digester } from "../credentials/digest.ts";
import { isRedirectUriOf } from "./redirect-uri-match.ts";

/** Every URL that the library makes is the issuer's, whatever `Host` a request has and whoever ends TLS. */
export function speakAsIssuer({ request }: Provider, issuer: string): void {
  const { host, hostname, protocol } = new URL(issuer);
  Object.defineProperties(request, {
    protocol: fixed(protocol.slice(0, -1)),
    secure: fixed(protocol === "https:"),
    host: fixed(host),
    hostname: fixed(hostname),
    origin: fixed(issuer),
    href: fixed(`${issuer}/`),
  });
}

/** Secrets are compared by their digests; a loopback redirect URI has any port, for every type of client. */
export function judgeClients({ Client }: Provider, digester: Digester): void {
  Client.prototype.compareClientSecret = function compare(actual: string): boolean {
    const known = Buffer.from(this.clientSecret ?? "", "hex");
    const given = Buffer.from(digester.stored(actual), "hex");
    return known.length === given.length && timingSafeEqual(known, given);
  };
  Client.prototype.redirectUriAllowed = isAllowed;
}

function isAllowed(this: { readonly redirectUris?: readonly string[] | undefined }, uri: string): boolean {
  return isRedirectUriOf(this.redirectUris ?? [], uri);
}

function fixed(value: unknown): PropertyDescriptor {
  return { configurable: true, get: () => value };
}
