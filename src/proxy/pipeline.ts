import { type Allow, deny, type Deny, type Reason } from "../core/decision.ts";
import { parseStrictJson } from "../core/json.ts";
import type { AuthenticatedPrincipal, Principal } from "../core/principal.ts";
import type { Authentication, Authenticator } from "../credentials/authenticate.ts";
import { extractCredential } from "../credentials/extract.ts";
import { decideAudience } from "../policy/audience.ts";
import { decidePortal, decideScopes } from "../policy/decide.ts";
import type { McpRules } from "../policy/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Exchange } from "./exchange.ts";
import type { McpJudge } from "./mcp-judge.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import { isPlainJson } from "./plain-json.ts";
import { challengeScopes, isChallenged, refusal, type RpcError } from "./refusal.ts";
import { ResourceMetadata } from "./resource-metadata.ts";
import type { RouteRuntime } from "./route-runtime.ts";

export interface PipelineOptions {
  readonly authenticator: Authenticator;
  readonly audit: Pick<AuditLog, "admits">;
  readonly log: Log;
  readonly mcp: McpJudge;
  readonly open: OpenStreams;
  /** Longest body that is read to find a portal in it, bytes. */
  readonly inspectBytes: number;
  /** What Portcullis serves itself; `null` where OAuth is off. */
  readonly own: OwnEndpoints | null;
}

/**
 * The line that every request walks, top to bottom:
 * match → extract → authenticate → decide → forward. (The listener made the exchange; the recorder writes it down when
 * it is over. What Portcullis serves itself leaves the line at `match`.) A refusal is a value. An exception is a fault,
 * and a fault is a refusal too: nothing is forwarded by accident. With the credential in the cache it runs without
 * yielding, from the head read to the head written to the upstream; a chunked body waits one turn there, and a body
 * that decides (MCP, `portal: json:`) is awaited.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #metadata: ResourceMetadata;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#metadata = new ResourceMetadata(options.own);
    options.open.endBy((exchange, reason) => this.#withdraw(exchange, reason));
  }

  /** Takes a request through the line. Never throws. */
  run(exchange: Exchange): void {
    try {
      this.#match(exchange);
    } catch (error) {
      this.#fault(exchange, error);
    }
  }

  #match(exchange: Exchange): void {
    const { head, active } = exchange;
    if (head.problem !== null) return this.#refuse(exchange, head.problem);
    const { own } = this.#options;
    if (own !== null && own.owns(head.path)) return this.#serveOwn(exchange, own);
    const match = active.policy.match(head);
    if (!match.found) return this.#refuse(exchange, match.deny, { allowedMethods: match.allowedMethods });
    const route = active.routes[match.route.index];
    if (route === undefined) throw new Error(`rule ${match.route.id} has no runtime`);
    exchange.route = route;
    this.#authenticate(exchange, route);
  }

  /** No rule says who may come here: these endpoints tell their callers apart themselves. */
  #serveOwn(exchange: Exchange, own: OwnEndpoints): void {
    exchange.isOwn = true;
    if (!this.#options.audit.admits()) return this.#refuse(exchange, NO_AUDIT);
    exchange.decision = OWN;
    exchange.outcome = "own_endpoint";
    if (!exchange.serveOwn(own)) this.#refuse(exchange, NOT_PLAIN);
  }

  #authenticate(exchange: Exchange, route: RouteRuntime): void {
    const credential = extractCredential(exchange.head);
    if (credential.kind === "refused") return this.#refuse(exchange, credential.deny);
    // A public route asks for no credential, so it needs no store.
    if (route.route.public) return this.#decide(exchange, route, exchange.principal);
    if (credential.kind === "none") return this.#refuse(exchange, NO_CREDENTIAL);
    const authentication = this.#options.authenticator.authenticate(credential.secret, credential.via);
    if (!(authentication instanceof Promise)) return this.#authenticated(exchange, route, authentication);
    const { changes } = this.#options.open;
    authentication
      .then((result) => this.#lookedUp(exchange, route, result, changes))
      .catch((error: unknown) => this.#fault(exchange, error));
  }

  /** `changes` is how many had come in when the look-up began. */
  #lookedUp(exchange: Exchange, route: RouteRuntime, result: Authentication, changes: number): void {
    // Meanwhile the client may have left or broken HTTP.
    if (exchange.over) return;
    // Of a change meanwhile nobody can say whether it was first, and what it closes must not miss this exchange.
    if (result.ok && this.#options.open.changes !== changes) return this.#authenticate(exchange, route);
    this.#authenticated(exchange, route, result);
  }

  #authenticated(exchange: Exchange, route: RouteRuntime, authentication: Authentication): void {
    if (!authentication.ok) {
      exchange.presented = authentication.presented;
      return this.#refuse(exchange, authentication.deny);
    }
    const { mcpAccess, principal } = authentication;
    const otherAudience = decideAudience(principal, exchange.head.path);
    if (otherAudience !== null) {
      exchange.presented = principal;
      return this.#refuse(exchange, otherAudience);
    }
    exchange.principal = principal;
    this.#options.open.register(exchange, authentication);
    if (route.route.mcp === null) return this.#decide(exchange, route, principal);
    if (!mcpAccess) return this.#refuse(exchange, MCP_DISABLED);
    this.#decideMcp(exchange, route, route.route.mcp, principal).catch((error: unknown) => {
      this.#fault(exchange, error);
    });
  }

  /** On an MCP route the message in the body decides. */
  async #decideMcp(
    exchange: Exchange,
    route: RouteRuntime,
    rules: McpRules,
    principal: AuthenticatedPrincipal,
  ): Promise<void> {
    const verdict = await this.#options.mcp.judge(exchange, route, rules, principal);
    if (verdict === null || exchange.over) return;
    exchange.mcp = verdict.use;
    if (!verdict.allow) return this.#refuse(exchange, verdict.deny, { rpc: verdict.rpc });
    exchange.decision = verdict.decision;
    this.#forward(exchange, route);
  }

  #decide(exchange: Exchange, route: RouteRuntime, principal: Principal): void {
    const denied = decideScopes(route.route, principal);
    if (denied !== null) return this.#refuse(exchange, denied);
    const { contentLength } = exchange.head;
    if (contentLength > route.bodyLimit) return this.#refuse(exchange, TOO_LARGE);
    if (route.route.readsBody) {
      this.#decideByBody(exchange, route, principal).catch((error: unknown) => this.#fault(exchange, error));
      return;
    }
    const decision = decidePortal(route.route, principal, exchange.head, null);
    if (!decision.allow) return this.#refuse(exchange, decision);
    exchange.decision = decision;
    this.#forward(exchange, route);
  }

  /** The portal stands in the body: read it whole, decide, and send the very bytes that were read. */
  async #decideByBody(exchange: Exchange, route: RouteRuntime, principal: Principal): Promise<void> {
    const limit = Math.min(this.#options.inspectBytes, route.bodyLimit);
    if (exchange.head.contentLength > limit) return this.#refuse(exchange, TOO_LARGE);
    if (!isPlainJson(exchange.head)) return this.#refuse(exchange, NOT_JSON);
    const body = await exchange.readBody(limit);
    if (body.kind === "client_gone" || exchange.over) return;
    if (body.kind === "refused") return this.#refuse(exchange, body.deny);
    const json = parseStrictJson(body.bytes);
    if (!json.ok) return this.#refuse(exchange, deny("bad_request", `JSON at byte ${json.offset}: ${json.detail}`));
    const decision = decidePortal(route.route, principal, exchange.head, json.value);
    if (!decision.allow) return this.#refuse(exchange, decision);
    exchange.decision = decision;
    this.#forward(exchange, route);
  }

  #forward(exchange: Exchange, route: RouteRuntime): void {
    if (!this.#options.audit.admits()) return this.#refuse(exchange, NO_AUDIT);
    exchange.outcome = route.route.public ? "public" : "allowed";
    exchange.forward(route);
  }

  #refuse(
    exchange: Exchange,
    denied: Deny,
    told: { allowedMethods?: readonly string[]; rpc?: RpcError | null } = {},
  ): void {
    exchange.decision = denied;
    exchange.outcome = denied.reason;
    exchange.detail = denied.detail;
    exchange.answer(
      refusal(denied.reason, {
        requestId: exchange.requestId,
        scopeText: challengeScopes(exchange.scopesNeeded, exchange.principal),
        resourceMetadata: isChallenged(denied.reason)
          ? this.#metadata.urlFor(exchange.active.policy, exchange.head.path)
          : null,
        allowedMethods: told.allowedMethods ?? [],
        rpc: told.rpc ?? null,
      }),
    );
  }

  /** Its credential allows it no more: it is refused where no answer was begun, else cut. False where it was over. */
  #withdraw(exchange: Exchange, reason: Reason): boolean {
    try {
      const state = exchange.takeBack();
      if (state === "taken") this.#refuseLate(exchange, deny(reason, WITHDRAWN));
      if (state !== "answering") return state === "taken";
      exchange.outcome = reason;
    } catch (error) {
      this.#options.log.error({ err: error, request_id: exchange.requestId }, "a request failed while it was ended");
    }
    exchange.cut(reason);
    return true;
  }

  #refuseLate(exchange: Exchange, denied: Deny): void {
    const { decision } = exchange;
    this.#refuse(exchange, denied);
    // It was allowed, and the upstream may have done what it asked for.
    if (decision?.allow === true) exchange.decision = decision;
  }

  #fault(exchange: Exchange, error: unknown): void {
    this.#options.log.error({ err: error, request_id: exchange.requestId }, "a request failed while it was decided");
    this.#refuse(exchange, deny("internal_error"));
  }
}

const OWN: Allow = { allow: true, portal: null };
const NOT_PLAIN = deny("bad_request", "an upgrade on a path that Portcullis serves itself");
const WITHDRAWN = "the credential was changed or came to its end before the answer";
const NO_CREDENTIAL = deny("credential_missing");
const MCP_DISABLED = deny("mcp_disabled");
const TOO_LARGE = deny("body_too_large");
const NOT_JSON = deny("unsupported_media_type", "the rule reads a portal from a JSON body");
const NO_AUDIT = deny("audit_unavailable");
