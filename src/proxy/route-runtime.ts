import type { Policy, Route, UpstreamSettings } from "../policy/types.ts";
import type { UpstreamPool } from "../http1/upstream-pool.ts";
import type { RouteMetrics, UpstreamMetrics } from "../telemetry/metrics.ts";

/** An upstream as the line uses it. */
export interface UpstreamRuntime {
  readonly settings: UpstreamSettings;
  readonly url: URL;
  /** Of the URL, without brackets. */
  readonly host: string;
  readonly port: number;
  /** The name that the certificate is verified against; `""` verifies it against the address. */
  readonly serverName: string;
  readonly pool: UpstreamPool;
  readonly metrics: UpstreamMetrics;
  /** Files of `tls:`, read; for WebSocket upgrades, which have connections of their own. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | null;
}

/** All that a rule needs while requests are served, made once when the rules are loaded. */
export interface RouteRuntime {
  readonly route: Route;
  readonly upstream: UpstreamRuntime;
  readonly metrics: RouteMetrics;
  /** Bytes; `Infinity` is none. */
  readonly bodyLimit: number;
}

/** The rules in force with what belongs to them. Read once a request, so that a reload never splits one. */
export interface ActivePolicy {
  readonly policy: Policy;
  /** By `Route.index`. */
  readonly routes: readonly RouteRuntime[];
}
