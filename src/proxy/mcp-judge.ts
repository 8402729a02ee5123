import { deny, type Allow, type Deny } from "../core/decision.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { decideBatch } from "../mcp/decide.ts";
import { checkHeaders, type HeaderProblem, type McpHeaders, readMcpHeaders, readVersion } from "../mcp/headers.ts";
import { mayList } from "../mcp/may-list.ts";
import { type McpMessage, readMessages, type RequestId } from "../mcp/message.ts";
import { LIST_METHODS } from "../mcp/methods.ts";
import { checkOrigin } from "../mcp/origin.ts";
import type { SessionSeal } from "../mcp/session.ts";
import { isStateless, type ProtocolVersion } from "../mcp/version.ts";
import type { McpRules } from "../policy/types.ts";
import { connectionNames } from "./connection-options.ts";
import type { Exchange } from "./exchange.ts";
import type { McpUse } from "./mcp-use.ts";
import { isPlainJson } from "./plain-json.ts";
import type { RpcError } from "./refusal.ts";
import { requestFieldClass } from "../core/request-fields.ts";
import type { RouteRuntime } from "./route-runtime.ts";

/** An MCP request, decided. On a refusal `rpc` is what a JSON-RPC client is told; `null` where no message was read. */
export type McpVerdict =
  | { readonly allow: true; readonly decision: Allow; readonly use: McpUse }
  | { readonly allow: false; readonly deny: Deny; readonly rpc: RpcError | null; readonly use: McpUse | null };

export interface McpJudgeOptions {
  readonly seal: SessionSeal;
  /** Longest body that is read, bytes. */
  readonly inspectBytes: number;
}

/** A session as the request names it: none, the upstream's id, or one that is not this caller's. */
type Session = { readonly ok: true; readonly id: string | null } | { readonly ok: false; readonly deny: Deny };

const UPGRADE = deny("bad_request", "an upgrade on an MCP route");
const ENDS_HERE = deny("bad_request", "the Connection header names a header of MCP");
const BODY = deny("bad_request", "a body where MCP has none");
const TOO_LARGE = deny("body_too_large", "longer than limits.inspect_bytes");
const NOT_JSON = deny("unsupported_media_type", "an MCP message is plain JSON");
const TWO_SESSIONS = deny("bad_request", "two session ids");
const NO_SESSION = deny("session_not_found", "the session id is not of this credential and route");

/**
 * Decides requests on MCP routes. A POST is read whole before anything is forwarded, and the very bytes
 * that were read are what is sent. GET (a stream) and DELETE (of a session) carry no message.
 */
export class McpJudge {
  readonly #options: McpJudgeOptions;

  constructor(options: McpJudgeOptions) {
    this.#options = options;
  }

  /** `null` where the client left meanwhile. Never rejects but for faults of our own. */
  async judge(
    exchange: Exchange,
    route: RouteRuntime,
    rules: McpRules,
    principal: AuthenticatedPrincipal,
  ): Promise<McpVerdict | null> {
    const { head } = exchange;
    if (head.upgrade?.toLowerCase() === "websocket") return refuse(UPGRADE);
    // What it names would not reach the service, which would then read the message by other rules than we.
    if (connectionNames(head.connection).some((name) => name.startsWith("mcp-"))) return refuse(ENDS_HERE, NO_ID);
    const origin = checkOrigin(rules, head.rawHeaders);
    if (origin !== null) return refuse(origin);
    const headers = readMcpHeaders(head.rawHeaders);
    if (!headers.ok) return refuseHeaders(headers);
    const version = readVersion(headers.headers.protocolVersion);
    if (!version.ok) return refuseHeaders(version);
    const session = this.#session(head.rawHeaders, version.version, route, principal);
    if (!session.ok) return refuse(session.deny);
    const sealSession = (upstreamId: string): string => this.#options.seal.seal(upstreamId, ownerOf(route, principal));
    const common = { sessionId: session.id, sealSession };
    if (head.method !== "POST") {
      if (head.bodyKind !== "none" && head.contentLength !== 0) return refuse(BODY);
      // A resumed stream may bring the answer to a list that was asked for before.
      const filter = head.method === "GET" ? filterFor(rules, principal) : null;
      const use = {
        ...common,
        method: head.method,
        tool: null,
        scopesNeeded: "",
        mayList: filter,
        asksForLists: filter !== null,
      };
      return { allow: true, decision: { allow: true, portal: null }, use };
    }
    return this.#judgePost(exchange, route, { rules, principal, headers: headers.headers, ...version, common });
  }

  async #judgePost(
    exchange: Exchange,
    route: RouteRuntime,
    request: {
      readonly rules: McpRules;
      readonly principal: AuthenticatedPrincipal;
      readonly headers: McpHeaders;
      readonly version: ProtocolVersion;
      readonly common: Pick<McpUse, "sessionId" | "sealSession">;
    },
  ): Promise<McpVerdict | null> {
    const limit = Math.min(this.#options.inspectBytes, route.bodyLimit);
    if (exchange.head.contentLength > limit) return refuse(TOO_LARGE);
    if (!isPlainJson(exchange.head, "application/json")) return refuse(NOT_JSON);
    const body = await exchange.readBody(limit);
    if (body.kind === "client_gone" || exchange.over) return null;
    if (body.kind === "refused") return refuse(body.deny);
    const { rules, principal, headers, version, common } = request;
    const reading = readMessages(body.bytes, version);
    if (!reading.ok) {
      return refuse(deny("bad_request", reading.detail), { id: reading.id, code: reading.rpcCode });
    }
    const problem = checkHeaders(version, headers, reading.messages);
    if (problem !== null) return refuseHeaders(problem);
    const { decision, method, needs, refused, tool } = decideBatch(rules, principal, reading.messages);
    const asksForLists = reading.messages.some((message) => {
      return message.kind !== "response" && LIST_METHODS.has(message.method);
    });
    // Event streams of other messages are filtered too: a server that sorts answers by their ids may send one here.
    const use = { ...common, method, tool, scopesNeeded: needs, mayList: filterFor(rules, principal), asksForLists };
    if (decision.allow) return { allow: true, decision, use };
    return refuse(decision, { id: idOf(reading.messages[refused ?? 0]), code: null }, use);
  }

  #session(
    rawHeaders: readonly string[],
    version: ProtocolVersion,
    route: RouteRuntime,
    principal: AuthenticatedPrincipal,
  ): Session {
    // Revision 2026-07-28 has no sessions; an id there means nothing and goes no further.
    if (isStateless(version)) return { ok: true, id: null };
    let sealed: string | null = null;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      if (requestFieldClass(rawHeaders[at] ?? "") !== "mcp-session-id") continue;
      if (sealed !== null) return { ok: false, deny: TWO_SESSIONS };
      sealed = rawHeaders[at + 1] ?? "";
    }
    if (sealed === null) return { ok: true, id: null };
    const id = this.#options.seal.open(sealed, ownerOf(route, principal));
    return id === null ? { ok: false, deny: NO_SESSION } : { ok: true, id };
  }
}

/** For refusals before a message is read. */
const NO_ID: RpcError = { id: null, code: null };

function filterFor(rules: McpRules, principal: AuthenticatedPrincipal): McpUse["mayList"] {
  return rules.filterLists ? (kind, name) => mayList(rules, principal, kind, name) : null;
}

/** Whose a session is: of one key, or of one person by one client, whichever token they hold now. */
function ownerOf({ route }: RouteRuntime, principal: AuthenticatedPrincipal): string {
  const who =
    principal.kind === "oauth" ? [principal.personId, principal.clientId, principal.portal] : [principal.credentialId];
  return JSON.stringify([route.id, principal.kind, ...who]);
}

function idOf(message: McpMessage | undefined): RequestId | null {
  return message?.kind === "request" ? message.id : null;
}

function refuseHeaders({ detail, id, rpcCode, rpcMessage, data }: HeaderProblem): McpVerdict {
  return refuse(deny("bad_request", detail), { id, code: rpcCode, message: rpcMessage, data });
}

function refuse(denied: Deny, rpc: RpcError | null = null, use: McpUse | null = null): McpVerdict {
  return { allow: false, deny: denied, rpc, use };
}
