import { errors, type KoaContextWithOIDC, type Provider } from "oidc-provider";
import type { RequestFacts } from "./request-facts.ts";

/**
 * Keeps errors of requests here, on an error page, where nobody stands behind the client that they would go to: whoever
 * registers could make our address lead a browser anywhere (RFC 9700, section 4.11.2). Once a person has decided, and
 * for clients that an administrator stands behind, errors go to the client (RFC 6749, section 4.1.2.1).
 */
export function keepErrorsFromStrangers(provider: Provider, facts: RequestFacts): void {
  const keep = (ctx: KoaContextWithOIDC, error: Error): void => {
    if (error instanceof errors.OIDCProviderError && !mayRedirect(ctx, error, facts)) error.allow_redirect = false;
  };
  provider.on("authorization.error", keep);
  provider.on("server_error", keep);
}

function mayRedirect(ctx: KoaContextWithOIDC, error: Error, facts: RequestFacts): boolean {
  // The request is not known then: what its URL says of a client was never looked at.
  if (error instanceof errors.SessionNotFound) return false;
  return ctx.oidc.entities.Interaction?.result !== undefined || facts.of(ctx.req)?.clientTrusted === true;
}
