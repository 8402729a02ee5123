import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { createLiveStatus } from "../admin/live-status.ts";
import type { Config } from "../config/config.ts";
import type { Env } from "../config/environment.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { reservedPaths } from "../core/reserved-paths.ts";
import { createSessionSeal } from "../mcp/session.ts";
import type { Policy } from "../policy/types.ts";
import { Listener } from "../proxy/listener.ts";
import { McpJudge } from "../proxy/mcp-judge.ts";
import { Pipeline } from "../proxy/pipeline.ts";
import { Recorder } from "../proxy/recorder.ts";
import { BODY_MS } from "../proxy/request-body.ts";
import { TrustedProxies } from "../proxy/trusted-proxies.ts";
import { UpgradeProxy } from "../proxy/upgrade-exchange.ts";
import { Upstreams } from "../proxy/upstreams.ts";
import { openAdminListener } from "./admin-listener.ts";
import type { Certificate } from "./certificates.ts";
import { followCertificateOf, urlOf } from "./listener-config.ts";
import { openAudit } from "./open-audit.ts";
import { Closers } from "./closers.ts";
import { loadOwnEndpoints } from "./load-own-endpoints.ts";
import type { OwnEndpointsDeps, OwnEndpointsHost } from "./own-endpoints.ts";
import { type RulesInForce, startRules } from "./rules-source.ts";
import { openStore, type StoreDeps } from "../store/open.ts";
import type { Store } from "../store/types.ts";
import { pepperFor } from "./secrets.ts";
import { type StoreHealth, watchStore } from "./store-health.ts";
import { type WiredCredentials, wireCredentials } from "./wire-credentials.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import { createRequestIds } from "../telemetry/ids.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createTraffic, type Traffic } from "../telemetry/traffic.ts";
import { VERSION } from "./version.ts";

/** A running sidecar. */
export interface App {
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** Reads the rules and certificates again and opens the audit files anew (SIGHUP). Resolves with whether all were right. */
  reload(): Promise<boolean>;
  /** Requests under way, open streams among them. */
  openRequests(): number;
  readonly store: Pick<StoreHealth, "problems" | "served">;
  /** The URL that makes the first administrator, for the terminal only; `null` where there is somebody already, or no OAuth. Rejects without a store. */
  setupUrl(): Promise<string | null>;
  /** Drains, flushes and closes all. Resolves when nothing is left open. */
  close(): Promise<void>;
}

export interface AppDeps {
  readonly env: Env;
  readonly clock?: Clock;
  readonly log?: Log;
}

/**
 * The composition root: the one place that wires the parts together. Resolves once both listeners
 * accept. Rejects, with nothing left open, where the rules are wrong or an address is taken.
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const clock = deps.clock ?? systemClock;
  const log = deps.log ?? createLog({ level: config.log.level });
  const closers = new Closers();
  try {
    return await start(config, { env: deps.env, clock, log }, closers);
  } catch (error) {
    await closers.closeAll().catch((failure: unknown) => log.error({ err: failure }, "closing failed"));
    throw error;
  }
}

async function start(config: Config, deps: Required<AppDeps>, closers: Closers): Promise<App> {
  const { clock, env, log } = deps;
  const instance = `${hostname()}-${process.pid}`;
  const metrics = createMetrics({ version: VERSION, instance });
  const traffic = createTraffic(clock);
  const store = openStoreOf(config, { clock, log, instance });
  closers.add(() => store.close());
  const audit = await openAudit(config.audit, { instance, log, clock, metrics, activity: store.activity }, closers);
  let publicUrl = config.public_url;
  const issuer = (): string => publicUrl;
  const credentials = await wireCredentials(config, { store, clock, metrics, issuer }, closers);

  const upstreams = new Upstreams({ metrics, clock, bodyBytes: config.limits.body_bytes });
  closers.add(() => upstreams.close());
  const reserved = reservedPaths(config);
  const rules = await startRules({ file: config.rules, env, upstreams, log, metrics, audit, reserved });
  closers.add(() => rules.close());
  const health = watchStore(store, metrics, log);
  closers.add(() => health.close());
  const policy = (): Policy => rules.current().policy;
  const liveStatus = createLiveStatus({
    instance,
    traffic,
    version: VERSION,
    storeKind: store.kind,
    rules: () => policy().hash,
    storeUp: async () => !(await health.problems()).includes("store_unavailable"),
  });
  const served = { ...credentials, store, clock, log, audit, policy, issuer, liveStatus };
  const own = await ownEndpoints(config, served);
  closers.add(async () => own?.close());

  const publicTls = await followCertificateOf(config.listen.public, closers, { log, metrics });
  const tls = publicTls?.current() ?? null;
  const line = { ...deps, metrics, audit, rules, tls, own, traffic };
  const listener = wireListener(config, line, credentials);
  publicTls?.use((certificate) => listener.useCertificate(certificate));
  // The admin listener outlives the public one, so that draining can be watched.
  const admin = await openAdminListener(config, { log, metrics, health, audit }, closers);
  const bound = await listen(config, listener);
  // Port 0 is a free one, which the URL is to name.
  if (new URL(publicUrl).port === "0") publicUrl = bound;
  closers.add(() => {
    admin.setDraining();
    return drain(listener, config.limits.drain, log);
  });
  await own?.open();
  await admin.openConsole(served);
  const ports = { publicUrl: bound, adminUrl: admin.url };
  log.info({ ...ports, store: store.kind, rules: policy().hash, version: VERSION }, "serving");
  return {
    ...ports,
    reload: () => reloadAll(audit, [rules, publicTls, admin.certificate]),
    openRequests: () => listener.openRequests(),
    store: health,
    setupUrl: async () => own?.setupUrl() ?? null,
    close: () => closers.closeAll(),
  };
}

function openStoreOf({ revocation, store }: Config, deps: StoreDeps): Store {
  return openStore(store.url, { ...deps, leaseMs: revocation.lease, tls: store.tls });
}

/** `null` where OAuth is off. */
async function ownEndpoints(config: Config, deps: OwnEndpointsDeps): Promise<OwnEndpointsHost | null> {
  if (!config.oauth.enabled) return null;
  const { createOwnEndpoints } = await loadOwnEndpoints(deps.log);
  return createOwnEndpoints(config, deps);
}

async function drain(listener: Listener, drainMs: number, log: Log): Promise<void> {
  log.info({ open_requests: listener.openRequests(), drain_ms: drainMs }, "stopping");
  await listener.drain(drainMs);
  log.info("drained");
}

async function reloadAll(
  audit: AuditLog,
  sources: readonly ({ reload(): Promise<boolean> } | null)[],
): Promise<boolean> {
  await audit.reopen();
  const results = await Promise.all(sources.map(async (source) => source?.reload() ?? true));
  return results.every(Boolean);
}

function wireListener(
  config: Config,
  deps: Required<AppDeps> & {
    metrics: Metrics;
    audit: AuditLog;
    rules: RulesInForce;
    tls: Certificate | null;
    own: OwnEndpointsHost | null;
    traffic: Traffic;
  },
  { authenticator, open }: Pick<WiredCredentials, "authenticator" | "open">,
): Listener {
  const { audit, clock, log, metrics, own, rules, tls, traffic } = deps;
  const { limits } = config;
  const proxies = new TrustedProxies(config.trusted_proxies);
  const { hosts } = config.listen.public;
  return new Listener({
    tls,
    limits: {
      headBytes: limits.head_bytes,
      targetBytes: limits.target_bytes,
      hosts: new Set(hosts),
      idleMs: limits.idle,
      headTimeoutMs: limits.head_timeout,
      connections: limits.connections,
      inspectTotal: limits.inspect_total,
      bodyMs: BODY_MS,
    },
    pipeline: new Pipeline({
      authenticator,
      open,
      audit,
      log,
      mcp: new McpJudge({ seal: createSessionSeal(pepperFor(config)), inspectBytes: limits.inspect_bytes }),
      inspectBytes: limits.inspect_bytes,
      own,
    }),
    recorder: new Recorder({ audit, metrics, traffic, clock, proxies }),
    proxies,
    upgrades: new UpgradeProxy(log),
    policy: rules,
    requestId: createRequestIds(randomBytes, clock),
    clock,
    log,
  });
}

/** Resolves with the URL under which it was bound. */
async function listen(config: Config, listener: Listener): Promise<string> {
  const { address } = config.listen.public;
  const port = await listener.listen(address.host, address.port);
  return urlOf(config.listen.public, port);
}
