import { codeOf, type Reason } from "../core/decision.ts";
import { ERRORS } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import { PROBLEM_TYPE, type ProblemDetails, problemDetails } from "../core/problem-details.ts";

/** An answer of our own, ready to be written by whichever door the request came in by. */
export interface Answer {
  readonly status: number;
  /** Name and value by turns. */
  readonly fields: string[];
  readonly body: string;
}

/** What a refusal may need of the rule that refused. */
export interface RefusalContext {
  readonly requestId: string;
  /** Scopes of the rule, for the challenge; `""` for none. */
  readonly scopeText: string;
  /** URL of the metadata of the protected resource, for the challenge; `null` where OAuth is off. */
  readonly resourceMetadata: string | null;
  readonly allowedMethods: readonly string[];
  /** Set where a JSON-RPC message was refused: its client reads a JSON-RPC error. */
  readonly rpc: RpcError | null;
}

/** What a JSON-RPC client is told beside the status. */
export interface RpcError {
  /** Of the request; `null` where it has none or it could not be read. */
  readonly id: string | number | null;
  /** `null` takes the code that goes with the reason. */
  readonly code: number | null;
  /** The public text of the error table where left out. */
  readonly message?: string;
  readonly data?: object | null;
}

/**
 * Makes the answer to a refused or failed request: problem details (RFC 9457) with the code and the
 * public text of the error table, and the challenge of RFC 6750 §3 and RFC 9728 §5.1 on 401 and 403.
 */
export function refusal(reason: Reason, context: RefusalContext): Answer {
  const code = codeOf(reason);
  const { requestId, rpc } = context;
  const problem = problemDetails(code, requestId);
  const { status } = problem;
  const body = `${JSON.stringify(rpc === null ? problem : rpcBody(rpc, problem))}\n`;
  const fields = [
    "Content-Type",
    rpc === null ? PROBLEM_TYPE : "application/json",
    "Content-Length",
    String(Buffer.byteLength(body)),
    "Cache-Control",
    "no-store",
    "X-Request-Id",
    requestId,
  ];
  if (isChallenged(reason)) fields.push("WWW-Authenticate", challenge(code, context));
  if (status === 405) fields.push("Allow", context.allowedMethods.join(", "));
  if (status === 503 || status === 429) fields.push("Retry-After", "1");
  return { status, fields, body };
}

/** True where the answer carries a challenge. */
export function isChallenged(reason: Reason): boolean {
  const { status } = ERRORS[codeOf(reason)];
  return status === 401 || status === 403;
}

/** In the range that JSON-RPC leaves to implementations, but for malformed messages (its section 5.1). */
const RPC_CODES: Readonly<Record<number, number>> = { 400: -32600, 403: -32003 };
const RPC_REFUSED = -32000;

function rpcBody(rpc: RpcError, { code, request_id, status, title }: ProblemDetails): object {
  return {
    jsonrpc: "2.0",
    id: rpc.id,
    error: {
      code: rpc.code ?? RPC_CODES[status] ?? RPC_REFUSED,
      message: rpc.message ?? title,
      data: { ...rpc.data, code, request_id },
    },
  };
}

/**
 * The scopes of a challenge: what the operation needs, and after it what a token holds already. Clients take them for
 * all that they should ask for, and would lose what they had (MCP leaves the choice to the server). `needed` is the
 * text of the rule; `""` stays so.
 */
export function challengeScopes(needed: string, principal: Principal): string {
  if (needed === "" || principal.kind !== "oauth") return needed;
  return [...new Set([...needed.split(" "), ...principal.scopes])].join(" ");
}

const SCOPE_HELPS: ReadonlySet<string> = new Set(["credential_missing", "credential_invalid", "insufficient_scope"]);

function challenge(code: string, { resourceMetadata, scopeText }: RefusalContext): string {
  const parts = ['Bearer realm="portcullis"'];
  // RFC 6750 §3.1: no error code where the request brought no credential.
  if (code === "credential_invalid") parts.push('error="invalid_token"');
  if (code === "insufficient_scope") parts.push('error="insufficient_scope"');
  // A wider scope helps with these alone: no scope opens another portal, or a tool that no rule names.
  if (SCOPE_HELPS.has(code) && scopeText !== "") parts.push(`scope="${scopeText}"`);
  if (resourceMetadata !== null) parts.push(`resource_metadata="${resourceMetadata}"`);
  return parts.join(", ");
}
