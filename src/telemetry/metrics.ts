import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Outcome } from "../core/decision.ts";
import type { LookupResult } from "../core/lookup-result.ts";
import { BoundHistogram, type Buckets } from "./histogram.ts";
import { counterOf, gaugeOf } from "./read-at-scrape.ts";
import { createRequestCounters, type RequestCounter } from "./request-counter.ts";
import { type StoreFigures, storeMetrics } from "./store-metrics.ts";

/** The metrics of one rule. Bound once per rule and kept over reloads. */
export interface RouteMetrics {
  /**
   * Counts one answered request. `addedMs` is the part of `durationMs` until the request went to the upstream.
   */
  request(decision: "allow" | "deny", reason: Outcome, status: number, durationMs: number, addedMs: number): void;
}

export interface UpstreamMetrics {
  /** From the request sent to the head of the answer, milliseconds. */
  duration(ms: number): void;
}

/** Everything counted. Methods that requests call cost some array writes; the text is made at a scrape. */
export interface Metrics {
  /** `none` stands for requests that no rule matches, `portcullis` for those that Portcullis serves itself. */
  forRoute(routeId: string): RouteMetrics;
  forUpstream(upstreamId: string): UpstreamMetrics;
  /** Counts one message of MCP. `method` and `tool` come from the rules, never from a caller; `tool` is "" for none. */
  mcpMessage(route: string, method: string, tool: string, decision: "allow" | "deny"): void;
  readonly lookup: (result: LookupResult) => void;
  readonly storeDuration: (operation: string, result: "ok" | "error", ms: number) => void;
  readonly openStreams: { inc(): void; dec(): void };
  /** Counts a stream, transfer or waiting request that was ended because its credential allowed it no more. */
  streamClosed(reason: Outcome): void;
  storeUp(up: boolean): void;
  /** From a change that was read in the log to its effect here, milliseconds. */
  revocationApplied(ms: number): void;
  /** Shows how the store does from now on; the function is asked at each scrape. */
  bindStore(state: () => StoreFigures): void;
  /** Shows the audit's queue from now on; it is read at each scrape. */
  bindAudit(audit: { readonly queueBytes: number; readonly lost: number }): void;
  /** Shows what pages of the activity lack from now on; it is read at each scrape. */
  bindActivity(activity: { readonly lost: number }): void;
  configReload(result: "ok" | "error"): void;
  /** Names the rules in force; the series of the rules before goes away. */
  rulesInfo(hash: string): void;
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>;
  names(): readonly string[];
}

/** Route label of requests that no rule matches. */
export const NO_ROUTE = "none";
/** Route of requests that Portcullis serves itself, in metrics and audit. No rule may have this id. */
export const OWN_ROUTE = "portcullis";

const REQUEST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ADDED_SECONDS = [
  0.000025, 0.00005, 0.0001, 0.00015, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
];
const LOOKUP_RESULTS: readonly LookupResult[] = ["hit", "miss", "negative", "bad_checksum", "malformed", "stale"];

/** Makes the metrics of one process, Node's own included. */
export function createMetrics(build: { readonly version: string; readonly instance: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  buildInfo(registry, build);
  return {
    ...requestMetrics(registry),
    ...mcpMetrics(registry),
    ...credentialMetrics(registry),
    ...storeMetrics(registry),
    ...streamMetrics(registry),
    ...auditMetrics(registry),
    ...configMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    names: () => registry.getMetricsAsArray().map((metric) => metric.name),
  };
}

function histogram(registry: Registry, name: string, help: string, bounds: readonly number[]): BoundHistogram {
  const metric = new BoundHistogram(name, help, bounds);
  registry.registerMetric(metric);
  return metric;
}

function buildInfo(registry: Registry, build: { readonly version: string; readonly instance: string }): void {
  new Gauge({
    name: "portcullis_build_info",
    help: "Always 1; the labels name the build and the instance.",
    labelNames: ["version", "instance", "node"],
    registers: [registry],
  }).set({ version: build.version, instance: build.instance, node: process.version }, 1);
}

type RequestMetrics = Pick<Metrics, "forRoute" | "forUpstream">;

function requestMetrics(registry: Registry): RequestMetrics {
  const counters = createRequestCounters(registry);
  const durations = histogram(
    registry,
    "portcullis_request_duration_seconds",
    "From the whole head of a request to the end of its answer.",
    REQUEST_SECONDS,
  );
  const added = histogram(
    registry,
    "portcullis_added_duration_seconds",
    "What Portcullis adds before the upstream: until the request goes out, or is answered where none does.",
    ADDED_SECONDS,
  ).bind({});
  const upstreamDurations = histogram(
    registry,
    "portcullis_upstream_duration_seconds",
    "From a request sent to the upstream to the head of its answer.",
    REQUEST_SECONDS,
  );
  const forRoute = memoized((route) => bindRoute(counters(route), durations.bind({ route }), added));
  const forUpstream = memoized((upstream): UpstreamMetrics => {
    const buckets = upstreamDurations.bind({ upstream });
    return { duration: (ms) => buckets.observe(ms) };
  });
  return { forRoute, forUpstream };
}

function bindRoute(counter: RequestCounter, durations: Buckets, added: Buckets): RouteMetrics {
  return {
    request(decision, reason, status, durationMs, addedMs) {
      counter.count(decision, reason, status);
      durations.observe(durationMs);
      added.observe(addedMs);
    },
  };
}

function mcpMetrics(registry: Registry): Pick<Metrics, "mcpMessage"> {
  const messages = new Counter({
    name: "portcullis_mcp_messages_total",
    help: "Messages on MCP routes, by rule, method, tool and decision.",
    labelNames: ["route", "method", "tool", "decision"],
    registers: [registry],
  });
  return {
    mcpMessage(route, method, tool, decision) {
      messages.inc({ route, method, tool, decision });
    },
  };
}

type CredentialPart = Pick<Metrics, "lookup" | "storeDuration" | "storeUp" | "revocationApplied">;

function credentialMetrics(registry: Registry): CredentialPart {
  const lookup = lookupCounter(registry);
  const durations = histogram(
    registry,
    "portcullis_store_duration_seconds",
    "Calls of the credential store.",
    REQUEST_SECONDS,
  );
  const store = memoized((operation) => ({
    ok: durations.bind({ operation, result: "ok" }),
    error: durations.bind({ operation, result: "error" }),
  }));
  const up = new Gauge({
    name: "portcullis_store_up",
    help: "1 where the store answered the last time it was asked, else 0.",
    registers: [registry],
  });
  const applied = histogram(
    registry,
    "portcullis_revocation_apply_seconds",
    "From a change that was read in the log, such as a revocation, to its effect here.",
    REQUEST_SECONDS,
  ).bind({});
  return {
    lookup,
    storeDuration: (operation, result, ms) => store(operation)[result].observe(ms),
    storeUp: (isUp) => up.set(isUp ? 1 : 0),
    revocationApplied: (ms) => applied.observe(ms),
  };
}

function lookupCounter(registry: Registry): (result: LookupResult) => void {
  const counts: Record<LookupResult, number> = {
    hit: 0,
    miss: 0,
    negative: 0,
    bad_checksum: 0,
    malformed: 0,
    stale: 0,
  };
  const lookups = new Counter({
    name: "portcullis_credential_lookups_total",
    help: "Credentials looked up, by how the answer was found.",
    labelNames: ["result"],
    registers: [],
    collect() {
      this.reset();
      for (const result of LOOKUP_RESULTS) this.inc({ result }, counts[result]);
    },
  });
  registry.registerMetric(lookups);
  return (result) => {
    counts[result] += 1;
  };
}

function streamMetrics(registry: Registry): Pick<Metrics, "openStreams" | "streamClosed"> {
  let open = 0;
  const closed = new Counter({
    name: "portcullis_streams_closed_total",
    help: "Streams, transfers and waiting requests that were ended because their credential allowed them no more.",
    labelNames: ["reason"],
    registers: [registry],
  });
  gaugeOf(registry, "portcullis_open_streams", "WebSocket and event streams that are open now.", () => open);
  return {
    openStreams: {
      inc: () => {
        open += 1;
      },
      dec: () => {
        open -= 1;
      },
    },
    streamClosed: (reason) => closed.inc({ reason }),
  };
}

function auditMetrics(registry: Registry): Pick<Metrics, "bindAudit" | "bindActivity"> {
  let audit = { queueBytes: 0, lost: 0 };
  let activity = { lost: 0 };
  gaugeOf(registry, "portcullis_audit_queue_bytes", "Bytes of audit lines that are not yet written.", () => {
    return audit.queueBytes;
  });
  counterOf(registry, "portcullis_audit_lost_total", "Audit lines that were dropped.", () => audit.lost);
  counterOf(registry, "portcullis_activity_lost_total", "Activities that no page can show.", () => activity.lost);
  return {
    bindAudit(source) {
      audit = source;
    },
    bindActivity(source) {
      activity = source;
    },
  };
}

function configMetrics(registry: Registry): Pick<Metrics, "configReload" | "rulesInfo"> {
  const reloads = new Counter({
    name: "portcullis_config_reloads_total",
    help: "Reloads of rules and certificates. After an error the ones before stay in force.",
    labelNames: ["result"],
    registers: [registry],
  });
  reloads.inc({ result: "ok" }, 0);
  reloads.inc({ result: "error" }, 0);
  const rules = new Gauge({
    name: "portcullis_rules_info",
    help: "Always 1; the label is the hash of the rules in force.",
    labelNames: ["hash"],
    registers: [registry],
  });
  return {
    configReload: (result) => reloads.inc({ result }),
    rulesInfo(hash) {
      rules.reset();
      rules.set({ hash }, 1);
    },
  };
}

function memoized<T extends object>(make: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const made = make(name);
    known.set(name, made);
    return made;
  };
}
