import { codeOf, type Reason } from "../core/decision.ts";
import { ERRORS } from "../core/errors.ts";

/** An answer of our own, ready to be written by whichever door the request came in by. */
export interface Answer {
  readonly status: number;
  readonly reason: Reason;
  /** For operators: goes to the audit, never to the caller. */
  readonly detail: string | null;
  /** Name and value by turns. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** What a refusal may need of the rule that refused. */
export interface RefusalContext {
  readonly requestId: string;
  /** Scopes of the rule, for the challenge; `""` for none. */
  readonly scopeText: string;
  readonly allowedMethods: readonly string[];
}

/**
 * Makes the answer to a refused or failed request: problem details (RFC 9457) with the code and the
 * public text of the error table, and the challenge of RFC 6750 §3 on 401 and 403.
 */
export function refusal(reason: Reason, detail: string | null, context: RefusalContext): Answer {
  const code = codeOf(reason);
  const { status, publicText } = ERRORS[code];
  const body = `${JSON.stringify({
    type: "about:blank",
    title: publicText,
    status,
    code,
    request_id: context.requestId,
  })}\n`;
  const fields = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(Buffer.byteLength(body)),
    "Cache-Control",
    "no-store",
    "X-Request-Id",
    context.requestId,
  ];
  if (status === 401 || status === 403) fields.push("WWW-Authenticate", challenge(code, context.scopeText));
  if (status === 405) fields.push("Allow", context.allowedMethods.join(", "));
  if (status === 503 || status === 429) fields.push("Retry-After", "1");
  return { status, reason, detail, fields, body };
}

function challenge(code: string, scopeText: string): string {
  const parts = ['Bearer realm="portcullis"'];
  // RFC 6750 §3.1: no error code where the request brought no credential.
  if (code === "credential_invalid") parts.push('error="invalid_token"');
  if (code === "insufficient_scope") parts.push('error="insufficient_scope"');
  if (scopeText !== "") parts.push(`scope="${scopeText}"`);
  return parts.join(", ");
}
