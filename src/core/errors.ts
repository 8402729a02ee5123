/**
 * The error table: every answer that Portcullis gives by itself. One row a code, with the status,
 * who owns the failure, what the caller is told and what the operator should check. A test fails
 * when a code is missing from docs/errors.md.
 */

/** Who has to act: the caller, who wrote the rules, or who runs the store, the upstream or Portcullis. */
export type ErrorOwner = "client" | "config" | "store" | "upstream" | "portcullis";

export interface ErrorInfo {
  readonly status: number;
  readonly owner: ErrorOwner;
  /** What the caller reads. Says nothing that an attacker could use. */
  readonly publicText: string;
  /** What the operator checks. */
  readonly check: string;
}

const table = {
  bad_request: row(
    400,
    "client",
    "The request is malformed.",
    "The audit line's `detail` names the rule of HTTP, of the path or of JSON that was broken.",
  ),
  ambiguous_credential: row(
    400,
    "client",
    "Send exactly one credential, in a header.",
    "The client sends two credentials, one twice, or one in the query string.",
  ),
  ambiguous_portal: row(
    400,
    "client",
    "Name exactly one portal.",
    "The request names a portal twice, or under a look-alike of the name that the rule reads.",
  ),
  credential_missing: row(
    401,
    "client",
    "A credential is needed.",
    "The route is not public. Send `Authorization: Bearer` or `X-API-Key`.",
  ),
  credential_invalid: row(
    401,
    "client",
    "The credential is not valid.",
    "The audit line's `reason` says whether it is unknown, malformed, expired, revoked or for another path.",
  ),
  insufficient_scope: row(
    403,
    "client",
    "The credential lacks a scope that this operation needs.",
    "Compare `scopes_needed` and `scopes_held` in the audit line.",
  ),
  portal_forbidden: row(
    403,
    "client",
    "The credential may not act on this portal.",
    "Compare `portal_named` and `portal_allowed` in the audit line.",
  ),
  operation_forbidden: row(
    403,
    "client",
    "This operation is not open to callers.",
    "No rule names the tool, prompt, resource or method; see `mcp:` of the route and `portcullis check --against`.",
  ),
  mcp_disabled: row(403, "config", "MCP access is switched off.", "An administrator switched MCP access off."),
  origin_forbidden: row(
    403,
    "client",
    "Requests from this origin are not accepted.",
    "The `Origin` is not in the list of the configuration.",
  ),
  forbidden: row(
    403,
    "client",
    "Only administrators may do this.",
    "The person who is signed in is a member. An administrator can change the role.",
  ),
  signin_stale: row(
    403,
    "client",
    "You signed in too long ago for this. Sign in again.",
    "To make an administrator or an admin token, or to set a password, a sign-in of the last ten minutes is needed.",
  ),
  token_forbidden: row(
    403,
    "client",
    "An admin token may not do this. Sign in, or use the command line.",
    "No admin token makes another, makes an administrator, or sets a password: one that leaks must not outlive its end.",
  ),
  csrf_invalid: row(
    403,
    "client",
    "The request did not come from a page of ours. Load the page again.",
    "`X-CSRF-Token` is missing, or from another session. `GET /api/v1/session` gives one.",
  ),
  no_route: row(
    404,
    "client",
    "Nothing is served here.",
    "No rule matches the path. `portcullis explain` shows the nearest.",
  ),
  not_found: row(404, "client", "There is nothing of this id.", "The id is wrong, or the record is gone."),
  session_not_found: row(
    404,
    "client",
    "There is no such session. Open a new one.",
    "The MCP session id was not issued to this credential on this route.",
  ),
  method_not_allowed: row(
    405,
    "client",
    "The method is not served here.",
    "Rules match the path, but none of them names the method.",
  ),
  request_timeout: row(
    408,
    "client",
    "The request took too long to arrive.",
    "The client was slow; see `limits.head_timeout` and `limits.idle` in the configuration.",
  ),
  conflict: row(
    409,
    "client",
    "That does not go with how things are now.",
    "`detail` of the answer says what stands against it.",
  ),
  precondition_failed: row(
    412,
    "client",
    "It has changed since it was read. Read it again.",
    "Somebody else wrote it: its `ETag` is not the one in `If-Match`.",
  ),
  body_too_large: row(413, "client", "The body is too large.", "See `limits.body_bytes` and `limits.inspect_bytes`."),
  target_too_long: row(414, "client", "The request target is too long.", "See `limits.target_bytes`."),
  unsupported_media_type: row(
    415,
    "client",
    "The body must be plain JSON.",
    "The rule reads the portal from a JSON body; this body is of another type, or compressed.",
  ),
  misdirected_request: row(
    421,
    "client",
    "This host is not served here.",
    "The `Host` is not in `listen.public.hosts`; on the admin listener, `listen.admin.hosts`.",
  ),
  invalid_request: row(
    422,
    "client",
    "The request cannot be granted.",
    "`errors` of the answer names each field that is wrong.",
  ),
  idempotency_mismatch: row(
    422,
    "client",
    "The idempotency key was used for another request.",
    "Take a new key for each new request; repeat one only with the same body.",
  ),
  too_many_requests: row(429, "client", "Too many requests.", "A limit was reached; see the audit line."),
  head_too_large: row(431, "client", "The request head is too large.", "See `limits.head_bytes`."),
  internal_error: row(
    500,
    "portcullis",
    "Something went wrong.",
    "The operator log has the cause under the same request_id.",
  ),
  upstream_unreachable: row(
    502,
    "upstream",
    "The service behind is out of reach.",
    "The connection was refused, reset or its certificate did not verify; see `detail` of the audit line.",
  ),
  upstream_invalid: row(
    502,
    "upstream",
    "The service behind gave an answer that is not valid.",
    "The upstream broke HTTP framing; see `detail` of the audit line.",
  ),
  store_unavailable: row(
    503,
    "store",
    "The credential cannot be checked now. Try again soon.",
    "Redis or the database file is out of reach; cached credentials go on.",
  ),
  audit_unavailable: row(
    503,
    "portcullis",
    "The request cannot be recorded now. Try again soon.",
    "The audit sink is full or failing, and `audit.when_full` is `refuse`.",
  ),
  draining: row(503, "portcullis", "This instance is shutting down. Try again.", "The instance got SIGTERM."),
  upstream_overloaded: row(
    503,
    "upstream",
    "The service behind is busy. Try again soon.",
    "All `max_connections` are in use and the queue is full.",
  ),
  upstream_timeout: row(
    504,
    "upstream",
    "The service behind did not answer in time.",
    "See `connect_timeout`, `response_timeout` and `idle_timeout` of the upstream.",
  ),
} satisfies Record<string, ErrorInfo>;

function row(status: number, owner: ErrorOwner, publicText: string, check: string): ErrorInfo {
  return { status, owner, publicText, check };
}

export type ErrorCode = keyof typeof table;

/** The table, typed by its codes. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = table;

/** Narrows a text to a code of the table. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(table, text);
}

export const ERROR_CODES: readonly ErrorCode[] = Object.keys(table).filter(isErrorCode);
