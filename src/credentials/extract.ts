import { deny, type Deny } from "../core/decision.ts";
import { KEY_PREFIX } from "../core/key-prefix.ts";
import { requestFieldClass } from "../core/request-fields.ts";

/** The fields of a request that may carry a credential. A field sent twice has its count above 1. */
export interface CredentialFields {
  readonly query: string;
  readonly authorization: string | null;
  readonly authorizationCount: number;
  readonly apiKey: string | null;
  readonly apiKeyCount: number;
}

export type ExtractedCredential =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly deny: Deny }
  | { readonly kind: "presented"; readonly secret: string; readonly via: PresentedVia };

/** The field that a credential came in: `Authorization`, or `X-API-Key`, which is for keys alone. */
export type PresentedVia = "bearer" | "api_key";

/** RFC 6750 §2.1: the scheme without regard to case, then a token68. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const API_KEY = /^[\x21-\x7e]{1,512}$/;
const QUERY_PARAMETER = /(?:^|[&;])(?:access_token|api_key|x-api-key)=[^&;]/i;

const NONE: ExtractedCredential = { kind: "none" };
const TWO = refused(deny("ambiguous_credential", "two credentials"));
const IN_QUERY = refused(deny("ambiguous_credential", "a credential in the query string"));
const MALFORMED = refused(deny("credential_malformed"));

function refused(denial: Deny): ExtractedCredential {
  return { kind: "refused", deny: denial };
}

/**
 * Takes the one credential out of a request. Both fields, or one twice, or one in the query string
 * (RFC 6750 §5.3: it would end up in logs) are refused on every route, public ones too.
 */
export function extractCredential(fields: CredentialFields): ExtractedCredential {
  if (fields.query !== "" && queryHoldsCredential(fields.query)) return IN_QUERY;
  if (fields.authorizationCount + fields.apiKeyCount > 1) return TWO;
  if (fields.authorization !== null) {
    const match = BEARER.exec(fields.authorization);
    const secret = match?.[1];
    return secret === undefined ? MALFORMED : { kind: "presented", secret, via: "bearer" };
  }
  if (fields.apiKey !== null) {
    if (!API_KEY.test(fields.apiKey)) return MALFORMED;
    return { kind: "presented", secret: fields.apiKey, via: "api_key" };
  }
  return NONE;
}

/** Reads the fields out of a request as node:http has it: names and values by turns, and the target. */
export function credentialFieldsOf(rawHeaders: readonly string[], target: string): CredentialFields {
  const question = target.indexOf("?");
  const fields: Record<"authorization" | "api-key", string[]> = { authorization: [], "api-key": [] };
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const fieldClass = requestFieldClass(rawHeaders[at] ?? "");
    if (fieldClass === "authorization" || fieldClass === "api-key") fields[fieldClass].push(rawHeaders[at + 1] ?? "");
  }
  return {
    query: question < 0 ? "" : target.slice(question + 1),
    authorization: fields.authorization.at(-1) ?? null,
    authorizationCount: fields.authorization.length,
    apiKey: fields["api-key"].at(-1) ?? null,
    apiKeyCount: fields["api-key"].length,
  };
}

function queryHoldsCredential(query: string): boolean {
  if (query.includes(KEY_PREFIX) || QUERY_PARAMETER.test(query)) return true;
  if (!query.includes("%")) return false;
  // Another spelling of the same: `%6eoice…`, `access%5Ftoken`. Broken encodings were refused with the target.
  const decoded = decodeLeniently(query);
  return decoded.includes(KEY_PREFIX) || QUERY_PARAMETER.test(decoded);
}

function decodeLeniently(query: string): string {
  return query.replace(/%[0-9A-Fa-f]{2}/g, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
}
