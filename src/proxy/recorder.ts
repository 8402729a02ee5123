import type { Clock } from "../core/clock.ts";
import type { RequestRecord } from "../telemetry/audit-record.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import { traceIdOf } from "../telemetry/ids.ts";
import { type Metrics, NO_ROUTE, OWN_ROUTE, type RouteMetrics } from "../telemetry/metrics.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import type { Exchange } from "./exchange.ts";
import { leaveOpen } from "./open-streams.ts";
import { principalRuntime } from "./principal-runtime.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** The last stage of the line: one audit line and one count for each request, whatever became of it. */
export class Recorder {
  readonly #audit: AuditLog;
  readonly #metrics: Metrics;
  readonly #traffic: Traffic | null;
  readonly #noRoute: RouteMetrics;
  readonly #ownRoute: RouteMetrics;
  readonly #clock: Clock;
  readonly #proxies: TrustedProxies;

  constructor(deps: { audit: AuditLog; metrics: Metrics; traffic?: Traffic; clock: Clock; proxies: TrustedProxies }) {
    this.#audit = deps.audit;
    this.#metrics = deps.metrics;
    this.#traffic = deps.traffic ?? null;
    this.#noRoute = deps.metrics.forRoute(NO_ROUTE);
    this.#ownRoute = deps.metrics.forRoute(OWN_ROUTE);
    this.#clock = deps.clock;
    this.#proxies = deps.proxies;
  }

  /** A stream (SSE, WebSocket) was opened; its end is recorded by `finished`. */
  streamOpened(exchange: Exchange): void {
    exchange.isStream = true;
    this.#metrics.openStreams.inc();
    this.#traffic?.streamOpened();
    this.#audit.request(this.#line(exchange, "stream_open", this.#clock.monotonic()));
  }

  /** Records the end of a request, once. */
  finished(exchange: Exchange): void {
    if (exchange.recorded) return;
    exchange.recorded = true;
    leaveOpen(exchange);
    const now = this.#clock.monotonic();
    if (exchange.isStream) {
      this.#metrics.openStreams.dec();
      this.#traffic?.streamClosed();
    }
    // Our own pages and endpoints are no traffic of the service's.
    if (!exchange.isOwn) this.#traffic?.request(verdict(exchange), exchange.outcome, now);
    this.#audit.request(this.#line(exchange, exchange.isStream ? "stream_close" : "request", now));
    const duration = now - exchange.startedAt;
    const upstream = upstreamWait(exchange);
    // Ours alone: until the request went out, or, where it never did, all of it.
    const added = exchange.dispatchedAt === 0 ? duration : exchange.dispatchedAt - exchange.startedAt;
    this.#metricsOf(exchange).request(verdict(exchange), exchange.outcome, exchange.status, duration, added);
    if (exchange.mcp !== null && exchange.route !== null) {
      const { method, tool } = exchange.mcp;
      this.#metrics.mcpMessage(exchange.route.route.id, method, tool ?? "", verdict(exchange));
    }
    if (upstream !== null) exchange.route?.upstream.metrics.duration(upstream);
  }

  #metricsOf({ isOwn, route }: Exchange): RouteMetrics {
    if (route !== null) return route.metrics;
    return isOwn ? this.#ownRoute : this.#noRoute;
  }

  #line(exchange: Exchange, event: RequestRecord["event"], now: number): RequestRecord {
    const { head, presented, principal, route } = exchange;
    const who = principal.kind === "anonymous" ? presented : principal;
    return {
      event,
      requestId: exchange.requestId,
      traceId: head.traceparent === null ? null : traceIdOf(head.traceparent),
      clientIp: this.clientIp(exchange),
      method: head.method,
      host: head.host,
      path: head.path === "" ? (head.target.split("?", 1)[0] ?? "") : head.path,
      routeId: route === null ? (exchange.isOwn ? OWN_ROUTE : null) : route.route.id,
      rulesHash: exchange.active.policy.hash,
      principal: who === null ? null : principalRuntime(who).audit,
      portalNamed: exchange.decision === null ? null : exchange.decision.portal,
      scopesNeeded: exchange.scopesNeeded,
      decision: verdict(exchange),
      reason: exchange.outcome,
      detail: exchange.detail,
      status: exchange.status,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
      durationMs: now - exchange.startedAt,
      upstreamMs: upstreamWait(exchange),
      mcp: exchange.mcp,
    };
  }

  /** The client's address: the peer's, or what a trusted proxy says it is. */
  clientIp({ connection, head }: Exchange): string {
    if (!connection.trusted || head.forwardedFor === null) return connection.address;
    return this.#proxies.clientOf(head.forwardedFor, connection.address);
  }
}

function verdict(exchange: Exchange): "allow" | "deny" {
  return exchange.decision?.allow === true ? "allow" : "deny";
}

function upstreamWait(exchange: Exchange): number | null {
  return exchange.answeredAt === 0 ? null : exchange.answeredAt - exchange.dispatchedAt;
}
