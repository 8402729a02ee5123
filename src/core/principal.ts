import type { ClientId, CredentialId, GrantId, PersonId, PortalId, Scope } from "./ids.ts";

/** What every authenticated caller has, whatever the credential was. */
interface Authenticated {
  readonly credentialId: CredentialId;
  /** Whom the credential speaks for: the key's owner, or the person behind a token. */
  readonly subject: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The one portal the credential is restricted to; `null` is all portals. */
  readonly portal: PortalId | null;
  /** Wall clock, milliseconds; `null` is never. */
  readonly expiresAt: number | null;
}

/** Caller with an API key. */
export interface ApiKeyPrincipal extends Authenticated {
  readonly kind: "api_key";
}

/** Caller with an OAuth access token. */
export interface OAuthPrincipal extends Authenticated {
  readonly kind: "oauth";
  readonly clientId: ClientId;
  /** Who allowed it; `null` where the client acts for itself (client credentials). */
  readonly personId: PersonId | null;
  readonly grantId: GrantId | null;
  /** Where the token is good: at this path and under it, as it is written. `""` is everywhere, else such as `/mcp`. */
  readonly audiencePath: string;
}

/** Caller without a credential, on a public route. */
export interface AnonymousPrincipal {
  readonly kind: "anonymous";
}

export type AuthenticatedPrincipal = ApiKeyPrincipal | OAuthPrincipal;
export type Principal = AuthenticatedPrincipal | AnonymousPrincipal;

export const ANONYMOUS: AnonymousPrincipal = { kind: "anonymous" };
