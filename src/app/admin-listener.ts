import type { Readiness } from "../admin/health-routes.ts";
import { createAdminServer } from "../admin/server.ts";
import type { Config } from "../config/config.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ConsoleDeps } from "./admin-console.ts";
import type { FollowedCertificate } from "./certificates.ts";
import type { Closers } from "./closers.ts";
import { followCertificateOf, urlOf } from "./listener-config.ts";
import type { StoreHealth } from "./store-health.ts";

/** The admin listener, bound. */
export interface AdminListener {
  readonly url: string;
  readonly certificate: FollowedCertificate | null;
  /** From now on the instance is not ready. */
  setDraining(): void;
  /** Serves the pages and the API from now on. */
  openConsole(deps: ConsoleDeps): Promise<void>;
}

export interface AdminListenerDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: StoreHealth;
  readonly audit: AuditLog;
}

/** Binds the admin listener: metrics and health at once, the console later. Rejects where the address is taken. */
export async function openAdminListener(
  config: Config,
  { audit, health, log, metrics }: AdminListenerDeps,
  closers: Closers,
): Promise<AdminListener> {
  const { admin: listenerConfig } = config.listen;
  const certificate = await followCertificateOf(listenerConfig, closers, { log, metrics });
  let draining = false;
  const admin = createAdminServer({
    metrics,
    log,
    readiness: () => readiness(health, audit, draining),
    tls: certificate?.current() ?? null,
    hosts: listenerConfig.hosts,
  });
  closers.add(() => admin.close());
  certificate?.use((next) => admin.useCertificate(next));
  const { port } = await admin.listen(listenerConfig.address);
  const url = urlOf(listenerConfig, port);
  return {
    url,
    certificate,
    setDraining() {
      draining = true;
    },
    async openConsole(deps) {
      const { createAdminConsole } = await import("./admin-console.ts");
      const server = await createAdminConsole(config, deps, url);
      closers.add(() => server.close());
      admin.useConsole((request, response, about) => server.serve(request, response, about));
    },
  };
}

async function readiness(health: StoreHealth, audit: AuditLog, draining: boolean): Promise<Readiness> {
  const reasons: string[] = [];
  if (draining) reasons.push("draining");
  if (!audit.admits()) reasons.push("audit_unavailable");
  reasons.push(...(await health.problems()));
  return { ready: reasons.length === 0, reasons };
}
