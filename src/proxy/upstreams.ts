import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { Clock } from "../core/clock.ts";
import type { Policy, UpstreamSettings } from "../policy/types.ts";
import { UpstreamPool } from "../http1/upstream-pool.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ActivePolicy, UpstreamRuntime } from "./route-runtime.ts";

interface UpstreamsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Limit of bodies on routes that have none of their own, bytes. */
  readonly bodyBytes: number;
}

interface Held {
  readonly fingerprint: string;
  readonly runtime: UpstreamRuntime;
}

/**
 * The upstreams of the rules in force with their connections. On a reload an upstream whose settings
 * (and certificate files) are the same keeps its connections; the others are closed when idle.
 */
export class Upstreams {
  readonly #options: UpstreamsOptions;
  #held = new Map<string, Held>();

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  /** Makes what the line needs of a policy. Throws where a certificate file cannot be read; then nothing changed. */
  activate(policy: Policy, folder: string): ActivePolicy {
    const next = new Map<string, Held>();
    try {
      for (const [name, settings] of policy.upstreams) next.set(name, this.#hold(name, settings, folder));
      const active = this.#bind(policy, next);
      this.#closeExcept(next);
      return active;
    } catch (error) {
      for (const [name, held] of next) if (this.#held.get(name) !== held) held.runtime.pool.close();
      throw error;
    }
  }

  /** Ends all connections once they are idle. */
  close(): void {
    this.#closeExcept(new Map());
  }

  #closeExcept(next: Map<string, Held>): void {
    for (const [name, held] of this.#held) if (next.get(name) !== held) held.runtime.pool.close();
    this.#held = next;
  }

  #bind(policy: Policy, upstreams: ReadonlyMap<string, Held>): ActivePolicy {
    const routes = policy.routes.map((route) => {
      const upstream = upstreams.get(route.upstream)?.runtime;
      if (upstream === undefined) throw new Error(`rule ${route.id} names no upstream`);
      return {
        route,
        upstream,
        metrics: this.#options.metrics.forRoute(route.id),
        bodyLimit: route.bodyBytes ?? this.#options.bodyBytes,
      };
    });
    return { policy, routes };
  }

  #hold(name: string, settings: UpstreamSettings, folder: string): Held {
    const tls = readTls(settings, folder);
    const fingerprint = JSON.stringify([settings, tls]);
    const held = this.#held.get(name);
    if (held?.fingerprint === fingerprint) return held;
    const url = new URL(settings.url);
    const secure = url.protocol === "https:";
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    // RFC 6066 §3: an address is no server name.
    const serverName = settings.tls?.server_name ?? (isIP(host) === 0 ? host : "");
    const pool = new UpstreamPool({
      host,
      port,
      tls: secure ? { serverName, context: createSecureContext({ ...tls, minVersion: "TLSv1.2" }) } : null,
      connectTimeout: settings.connect_timeout,
      responseTimeout: settings.response_timeout,
      idleTimeout: settings.idle_timeout,
      maxConnections: settings.max_connections,
      maxQueue: settings.max_queue,
      clock: this.#options.clock,
    });
    const metrics = this.#options.metrics.forUpstream(name);
    return { fingerprint, runtime: { settings, url, host, port, serverName, pool, tls, metrics } };
  }
}

function readTls({ tls }: UpstreamSettings, folder: string): UpstreamRuntime["tls"] {
  if (tls === undefined) return null;
  return {
    ...(tls.ca === undefined ? {} : { ca: readFileSync(resolve(folder, tls.ca)) }),
    ...(tls.cert === undefined ? {} : { cert: readFileSync(resolve(folder, tls.cert)) }),
    ...(tls.key === undefined ? {} : { key: readFileSync(resolve(folder, tls.key)) }),
  };
}
