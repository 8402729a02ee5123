import { type AllClientMetadata, type ClientMetadata, errors, type KoaContextWithOIDC } from "oidc-provider";
import { foreignText } from "../web/foreign-text.ts";
import { CLIENT_GRANT_TYPES } from "./client-request.ts";
import { REDIRECT_URI_PROBLEMS, redirectUriProblem } from "./redirect-uri.ts";

const MAX_NAME = 100;
const MAX_REDIRECT_URIS = 20;
const MAX_TEXT = 2000;

/** How a client that no administrator made can get tokens. */
export const SELF_MADE_GRANT_TYPES: readonly string[] = [
  CLIENT_GRANT_TYPES.authorization_code,
  CLIENT_GRANT_TYPES.refresh_token,
  CLIENT_GRANT_TYPES.device_code,
];

/** Would make us fetch what a stranger names, or does nothing here. */
const REFUSED = ["sector_identifier_uri", "jwks_uri", "jwks"] as const;
const DROPPED = ["default_max_age", "default_acr_values", "require_auth_time", "initiate_login_uri"] as const;
const SHORT = ["client_uri", "logo_uri", "policy_uri", "tos_uri"] as const;

/**
 * Checks and tidies metadata before the library does (RFC 7591, section 2), of clients that register and of those that
 * are read from the store. Redirect URIs are https or on loopback. Throws `invalid_redirect_uri` and
 * `invalid_client_metadata`.
 */
export function checkClientMetadata(ctx: KoaContextWithOIDC | undefined, metadata: ClientMetadata): void {
  checkRedirectUris(metadata.redirect_uris);
  for (const name of REFUSED) if (metadata[name] !== undefined) refuse(`${name} is not supported`);
  for (const name of DROPPED) delete metadata[name];
  for (const name of SHORT) if (isLong(metadata[name])) refuse(`${name} is too long`);
  if (isLong(metadata.contacts)) refuse("contacts are too long");
  if (typeof metadata.client_name === "string") metadata.client_name = foreignText(metadata.client_name, MAX_NAME);
  // What it may ask for is in our own record: scopes of rules come and go, and the library would refuse them.
  delete metadata.scope;
  if (usesNoRedirect(metadata)) metadata.response_types = [];
  if (metadata.token_endpoint_auth_method === "none") {
    // The library makes one for whoever does not say how it authenticates, before it looks at our default.
    delete metadata.client_secret;
    delete metadata.client_secret_expires_at;
  }
  if (ctx?.oidc.route === "registration") checkSelfMade(metadata);
}

function checkSelfMade({ grant_types: types }: AllClientMetadata): void {
  if (!Array.isArray(types)) return;
  const odd: unknown = types.find((type: unknown) => typeof type !== "string" || !SELF_MADE_GRANT_TYPES.includes(type));
  if (odd !== undefined) refuse(`grant_types can only contain ${SELF_MADE_GRANT_TYPES.join(", ")}`);
}

function checkRedirectUris(uris: unknown): void {
  if (!Array.isArray(uris)) return;
  if (uris.length > MAX_REDIRECT_URIS) refuse(`redirect_uris must not hold more than ${MAX_REDIRECT_URIS}`);
  for (const uri of uris) {
    // The library words what is no text.
    const problem = typeof uri === "string" ? redirectUriProblem(uri) : null;
    // The library makes `invalid_redirect_uri` of words that begin with the name of the field.
    if (problem !== null) refuse(`redirect_uris: one ${REDIRECT_URI_PROBLEMS[problem]}`);
  }
}

/** A client of the device flow alone: the library would ask it for redirect URIs. */
function usesNoRedirect({ grant_types: types, redirect_uris: uris }: AllClientMetadata): boolean {
  const none = uris === undefined || (Array.isArray(uris) && uris.length === 0);
  return none && Array.isArray(types) && types.length > 0 && !types.includes("authorization_code");
}

function isLong(value: unknown): boolean {
  return value !== undefined && JSON.stringify(value).length > MAX_TEXT;
}

function refuse(description: string): never {
  throw new errors.InvalidClientMetadata(description);
}
