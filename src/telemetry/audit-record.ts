import type { PlainFields } from "../core/activity.ts";
import type { Outcome } from "../core/decision.ts";

/** What the audit is told. `docs/audit.md` says what each field means; interface.md promises the names. */

/** The caller, in the form that the audit writes. Make one per cached credential: its JSON is kept with the object. */
export interface AuditPrincipal {
  readonly credentialId: string;
  readonly kind: string;
  readonly subject: string;
  readonly clientId: string | null;
  /** The scopes held, separated by single spaces. */
  readonly scopesText: string;
  /** The portal that the credential is restricted to; `null` is all. */
  readonly portal: string | null;
}

/** One request, or the start or end of a stream. Texts may hold anything that a caller can send. */
export interface RequestRecord {
  readonly event: "request" | "stream_open" | "stream_close";
  readonly requestId: string;
  readonly traceId: string | null;
  readonly clientIp: string;
  readonly method: string;
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  readonly routeId: string | null;
  readonly rulesHash: string;
  readonly principal: AuditPrincipal | null;
  readonly portalNamed: string | null;
  /** The scopes that the rule needs, separated by single spaces; `""` for none. */
  readonly scopesNeeded: string;
  readonly decision: "allow" | "deny";
  readonly reason: Outcome;
  /** For operators: which rule was broken. */
  readonly detail: string | null;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** Time spent waiting for the upstream; `null` where none was asked. */
  readonly upstreamMs: number | null;
  /** On MCP routes: the JSON-RPC method, and the tool where one is called. */
  readonly mcp?: { readonly method: string; readonly tool: string | null } | null;
}

/** Anything but a request: what was done, by whom, to what. */
export interface EventRecord {
  readonly event: "admin" | "oauth" | "signin" | "config";
  /** What was done, such as `key.create` or `rules.reload`. */
  readonly action: string;
  /** The id of what it was done to; never a secret. */
  readonly target?: string | null;
  readonly requestId?: string | null;
  readonly clientIp?: string | null;
  /** Who did it. */
  readonly subject?: string | null;
  /** The public id of the credential that it was done with; `null` for people and commands. */
  readonly credential?: string | null;
  /** `allow` where not given. */
  readonly decision?: "allow" | "deny";
  /** `ok` where not given. */
  readonly reason?: string;
  readonly detail?: string | null;
  readonly status?: number | null;
  /**
   * Of a change: the fields of its target that a page may show, before and after it; `null` where there was none. No
   * secret, nor a digest of one: that is the caller's duty. Written with sorted names, and cut at 2 KiB each.
   */
  readonly before?: PlainFields | null;
  readonly after?: PlainFields | null;
}
