import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Readiness } from "../admin/health-routes.ts";
import { createAdminServer, type AdminServer } from "../admin/server.ts";
import type { Config } from "../config/config.ts";
import { formatAddress } from "../config/fields.ts";
import type { Env } from "../config/environment.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { createAuthenticator } from "../credentials/authenticate.ts";
import { createDigester } from "../credentials/digest.ts";
import { createLastUsed, type LastUsed } from "../credentials/last-used.ts";
import { createSessionSeal } from "../mcp/session.ts";
import { Listener } from "../proxy/listener.ts";
import { McpJudge } from "../proxy/mcp-judge.ts";
import { Pipeline } from "../proxy/pipeline.ts";
import { Recorder } from "../proxy/recorder.ts";
import { TrustedProxies } from "../proxy/trusted-proxies.ts";
import { UpgradeProxy } from "../proxy/upgrade-exchange.ts";
import { Upstreams } from "../proxy/upstreams.ts";
import { type Certificate, type FollowedCertificate, followCertificate } from "./certificates.ts";
import { Closers } from "./closers.ts";
import { type RulesInForce, startRules } from "./rules-source.ts";
import { createCredentialCache } from "../store/cache.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/types.ts";
import { pepperFor } from "./pepper.ts";
import { type StoreHealth, watchStore } from "./store-health.ts";
import { type AuditLog, createAuditLog } from "../telemetry/audit.ts";
import { createRequestIds } from "../telemetry/ids.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { VERSION } from "./version.ts";

/** A running sidecar. */
export interface App {
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** Reads the rules and certificates again and opens the audit files anew (SIGHUP). Resolves with whether all were right. */
  reload(): Promise<boolean>;
  /** Requests under way, open streams among them. */
  openRequests(): number;
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
  const audit = createAuditLog({
    sinks: config.audit.sinks,
    whenFull: config.audit.when_full,
    queueBytes: config.audit.queue_bytes,
    instance,
    log,
    clock,
  });
  closers.add(() => audit.close());
  metrics.bindAudit(audit);
  await audit.opened();

  const store = openStore(config.store.url, { clock, log });
  closers.add(() => store.close());
  const credentials = await wireCredentials(config, store, { clock, metrics });
  closers.add(() => credentials.close());

  const upstreams = new Upstreams({ metrics, clock, bodyBytes: config.limits.body_bytes });
  closers.add(() => upstreams.close());
  const rules = await startRules({ file: config.rules, env, upstreams, log, metrics, audit });
  closers.add(() => rules.close());

  const publicTls = await followed(config.listen.public, closers, { log, metrics });
  const adminTls = await followed(config.listen.admin, closers, { log, metrics });
  const tls = publicTls?.current() ?? null;
  const listener = wireListener(config, { ...deps, metrics, audit, rules, tls }, credentials.authenticator);
  let draining = false;
  const health = watchStore(store, metrics, log);
  closers.add(() => health.close());
  const admin = createAdminServer({
    metrics,
    log,
    readiness: () => readiness(health, audit, draining),
    tls: adminTls?.current() ?? null,
    hosts: config.listen.admin.hosts,
  });
  // The admin listener outlives the public one, so that draining can be watched.
  closers.add(() => admin.close());
  publicTls?.use((certificate) => listener.useCertificate(certificate));
  adminTls?.use((certificate) => admin.useCertificate(certificate));
  const ports = await listen(config, listener, admin);
  closers.add(() => {
    draining = true;
    return drain(listener, config.limits.drain, log);
  });
  log.info({ ...ports, store: store.kind, rules: rules.current().policy.hash, version: VERSION }, "serving");
  return {
    ...ports,
    reload: () => reloadAll(audit, [rules, publicTls, adminTls]),
    openRequests: () => listener.openRequests(),
    close: () => closers.closeAll(),
  };
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

async function wireCredentials(config: Config, store: Store, { clock, metrics }: { clock: Clock; metrics: Metrics }) {
  const cache = createCredentialCache({
    maxEntries: config.cache.max_entries,
    ttlMs: config.cache.ttl,
    negativeTtlMs: config.cache.negative_ttl,
    clock,
  });
  const unfollow = await store.changes.follow((tags) => cache.apply(tags));
  const uses: LastUsed = createLastUsed({ keys: store.keys });
  const digester = createDigester({ pepper: pepperFor(config) });
  return {
    authenticator: createAuthenticator({
      keys: store.keys,
      changes: store.changes,
      cache,
      digester,
      clock,
      uses,
      metrics,
    }),
    async close() {
      await uses.close();
      await unfollow();
    },
  };
}

function wireListener(
  config: Config,
  deps: Required<AppDeps> & { metrics: Metrics; audit: AuditLog; rules: RulesInForce; tls: Certificate | null },
  authenticator: ReturnType<typeof createAuthenticator>,
): Listener {
  const { audit, clock, log, metrics, rules, tls } = deps;
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
    },
    pipeline: new Pipeline({
      authenticator,
      audit,
      log,
      mcp: new McpJudge({ seal: createSessionSeal(pepperFor(config)), inspectBytes: limits.inspect_bytes }),
      inspectBytes: limits.inspect_bytes,
    }),
    recorder: new Recorder({ audit, metrics, clock, proxies }),
    proxies,
    upgrades: new UpgradeProxy(log),
    policy: rules,
    requestId: createRequestIds(randomBytes, clock),
    clock,
    log,
  });
}

async function listen(config: Config, listener: Listener, admin: AdminServer) {
  const publicAddress = config.listen.public.address;
  const adminAddress = config.listen.admin.address;
  const adminPort = (await admin.listen(adminAddress)).port;
  const publicPort = await listener.listen(publicAddress.host, publicAddress.port);
  return {
    publicUrl: `${schemeOf(config.listen.public)}://${formatAddress({ ...publicAddress, port: publicPort })}`,
    adminUrl: `${schemeOf(config.listen.admin)}://${formatAddress({ ...adminAddress, port: adminPort })}`,
  };
}

type ListenerConfig = Config["listen"]["admin"];

function schemeOf({ tls }: ListenerConfig): "http" | "https" {
  return tls === undefined ? "http" : "https";
}

async function followed(
  { tls }: ListenerConfig,
  closers: Closers,
  told: { log: Log; metrics: Metrics },
): Promise<FollowedCertificate | null> {
  if (tls === undefined) return null;
  const certificate = await followCertificate(tls, told);
  closers.add(() => certificate.close());
  return certificate;
}

async function readiness(health: StoreHealth, audit: AuditLog, draining: boolean): Promise<Readiness> {
  const reasons: string[] = [];
  if (draining) reasons.push("draining");
  if (!audit.admits()) reasons.push("audit_unavailable");
  if (!(await health.check())) reasons.push("store_unavailable");
  return { ready: reasons.length === 0, reasons };
}
