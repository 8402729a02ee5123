import { dirname } from "node:path";
import type { Env } from "../config/environment.ts";
import { formatProblem, type Problem } from "../core/problem.ts";
import type { ReservedPaths } from "../core/reserved-paths.ts";
import { loadRules } from "../config/rules.ts";
import { watchFile } from "../config/watch.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { ActivePolicy } from "../proxy/route-runtime.ts";
import type { Upstreams } from "../proxy/upstreams.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Rules that cannot be used, with every problem. */
export class InvalidRules extends Error {
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "InvalidRules";
  }
}

export interface RulesSourceOptions {
  readonly file: string;
  readonly env: Env;
  readonly upstreams: Pick<Upstreams, "activate">;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "configReload" | "rulesInfo">;
  readonly audit: Pick<AuditLog, "event">;
  /** Paths that no rule may be for; none where left out. */
  readonly reserved?: ReservedPaths | null;
}

/** The rules in force. */
export interface RulesInForce {
  current(): ActivePolicy;
  /** Reads the file again; the rules in force stay where the new ones are wrong. Never rejects. True where they are right. */
  reload(): Promise<boolean>;
  /** Resolves once no load is under way; later ones load nothing. */
  close(): Promise<void>;
}

/**
 * Loads the rules and keeps them fresh: on a change of the file, or when `reload` is called. A request
 * reads `current()` once, so each is served wholly by the old rules or wholly by the new. Rejects with
 * `InvalidRules` where the first load fails.
 */
export async function startRules(options: RulesSourceOptions): Promise<RulesInForce> {
  const { file, log, metrics, audit } = options;
  let active: ActivePolicy;
  let closed = false;
  // Watching starts first, or a change in between would be missed.
  const watcher = watchFile(file, () => void reload());
  const first = loadFirst();
  /** All loads, the first one too, one after the other, so that the last change wins. Never rejects. */
  let loads: Promise<unknown> = first.catch(() => (closed = true));

  async function loadFirst(): Promise<void> {
    active = await load(options);
    metrics.rulesInfo(active.policy.hash);
  }

  async function tryReload(): Promise<boolean> {
    if (closed) return false;
    try {
      const next = await load(options);
      active = next;
      metrics.configReload("ok");
      metrics.rulesInfo(next.policy.hash);
      log.info({ rules: next.policy.hash, routes: next.routes.length }, "rules reloaded");
      audit.event({ event: "config", action: "rules.reload", target: next.policy.hash });
      return true;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      metrics.configReload("error");
      log.error({ problems: detail.split("\n"), rules: active.policy.hash }, "new rules refused, the old ones stay");
      audit.event({
        event: "config",
        action: "rules.reload",
        target: active.policy.hash,
        decision: "deny",
        reason: "invalid_rules",
        detail,
      });
      return false;
    }
  }

  function reload(): Promise<boolean> {
    const result = loads.then(tryReload);
    loads = result;
    return result;
  }

  async function close(): Promise<void> {
    closed = true;
    watcher.close();
    await loads;
  }

  try {
    await first;
  } catch (error) {
    watcher.close();
    throw error;
  }
  return { current: () => active, reload, close };
}

async function load({ file, env, reserved, upstreams }: RulesSourceOptions): Promise<ActivePolicy> {
  const source = await loadRules(file, env);
  if (!source.ok) throw new InvalidRules(source.problems);
  const policy = compilePolicy(source.value, reserved ?? null);
  if (!policy.ok) throw new InvalidRules(policy.problems);
  return upstreams.activate(policy.value, dirname(file));
}
