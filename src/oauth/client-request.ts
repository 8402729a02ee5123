import type { FieldProblem } from "../core/field-problem.ts";
import type { PortalId, Scope } from "../core/ids.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import { checkName, checkPortal, checkScopes, type Rights } from "../core/request-checks.ts";
import { suggestion } from "../core/suggest.ts";
import { REDIRECT_URI_PROBLEMS, redirectUriProblem } from "./redirect-uri.ts";

/** How a client can get tokens, as a person chooses it. */
export const CLIENT_GRANT_TYPES = {
  authorization_code: "authorization_code",
  refresh_token: "refresh_token",
  device_code: "urn:ietf:params:oauth:grant-type:device_code",
  client_credentials: "client_credentials",
} as const;

export type ClientGrantType = keyof typeof CLIENT_GRANT_TYPES;

/** A client that an administrator wants to add, as it came in: nothing in it is trusted. */
export interface ClientRequest {
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** A confidential client has a secret. */
  readonly confidential: boolean;
  /** Names of `CLIENT_GRANT_TYPES`; empty takes those that fit. */
  readonly grantTypes: readonly string[];
  /** Empty takes all of the catalogue. */
  readonly scopes: readonly string[];
  readonly portal: string | null;
  readonly createdBy: string;
}

export interface CheckedClient {
  readonly name: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly scopes: readonly Scope[];
  readonly portal: PortalId | null;
}

const MAX_REDIRECT_URIS = 20;
/** Checks all of a request. Throws `InvalidRequest` that names every problem. */
export function checkClientRequest(request: ClientRequest, limits: Rights): CheckedClient {
  const problems: FieldProblem[] = [];
  const name = checkName(request.name, problems);
  const redirectUris = [...new Set(request.redirectUris)];
  if (redirectUris.length > MAX_REDIRECT_URIS)
    problems.push({ field: "redirect_uris", text: `at most ${MAX_REDIRECT_URIS} redirect URIs` });
  for (const uri of redirectUris) {
    const problem = redirectUriProblem(uri);
    if (problem !== null)
      problems.push({
        field: `redirect_uris.${request.redirectUris.indexOf(uri)}`,
        text: `redirect URI ${JSON.stringify(uri)} ${REDIRECT_URI_PROBLEMS[problem]}`,
      });
  }
  const types = grantTypesOf(request, problems);
  const scopes = scopesOf(request.scopes, limits, problems);
  const portal = request.portal === null ? null : checkPortal(request.portal, limits, problems);
  if (problems.length > 0) throw new InvalidRequest(problems);
  const metadata = {
    client_name: name,
    redirect_uris: redirectUris,
    grant_types: types.map((type) => CLIENT_GRANT_TYPES[type]),
    response_types: types.includes("authorization_code") ? ["code"] : [],
    token_endpoint_auth_method: request.confidential ? "client_secret_basic" : "none",
  };
  return { name, metadata, scopes, portal };
}

function isGrantType(text: string): text is ClientGrantType {
  return Object.hasOwn(CLIENT_GRANT_TYPES, text);
}

function grantTypesOf(request: ClientRequest, problems: FieldProblem[]): readonly ClientGrantType[] {
  const unknown = request.grantTypes.filter((type) => !isGrantType(type));
  for (const type of unknown) {
    problems.push({
      field: "grant_types",
      text: `unknown grant type ${JSON.stringify(type)}${suggestion(type, Object.keys(CLIENT_GRANT_TYPES))}`,
    });
  }
  const asked = [...new Set(request.grantTypes.filter(isGrantType))];
  const types = asked.length > 0 || unknown.length > 0 ? asked : fittingTypes(request);
  if (types.includes("client_credentials") && !request.confidential) {
    problems.push({ field: "grant_types", text: "client_credentials is for confidential clients only" });
  }
  if (types.includes("authorization_code") && request.redirectUris.length === 0) {
    problems.push({ field: "redirect_uris", text: "authorization_code needs a redirect URI" });
  }
  if (!types.includes("authorization_code") && request.redirectUris.length > 0) {
    problems.push({ field: "redirect_uris", text: "a redirect URI is for authorization_code only" });
  }
  if (types.length === 1 && types[0] === "refresh_token")
    problems.push({ field: "grant_types", text: "refresh_token alone gives no token" });
  return types;
}

/** With redirect URIs the code flow, without them the device flow; a secret alone is a service. */
function fittingTypes({ redirectUris, confidential }: ClientRequest): readonly ClientGrantType[] {
  if (redirectUris.length > 0) return ["authorization_code", "refresh_token"];
  return confidential ? ["client_credentials"] : ["device_code", "refresh_token"];
}

/** Those that are asked for, or all. */
function scopesOf(names: readonly string[], limits: Rights, problems: FieldProblem[]): readonly Scope[] {
  return names.length === 0 ? [...limits.scopes.keys()] : checkScopes(names, limits, problems);
}

/** Narrows what a client may be given, for an approval. Throws `InvalidRequest`. */
export function checkClientLimits(
  wanted: { readonly scopes: readonly string[] | null; readonly portal: string | null },
  limits: Rights,
): { readonly scopes: readonly Scope[] | null; readonly portal: PortalId | null } {
  const problems: FieldProblem[] = [];
  const scopes = wanted.scopes === null ? null : scopesOf(wanted.scopes, limits, problems);
  const portal = wanted.portal === null ? null : checkPortal(wanted.portal, limits, problems);
  if (problems.length > 0) throw new InvalidRequest(problems);
  return { scopes, portal };
}
