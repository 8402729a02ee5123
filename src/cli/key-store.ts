import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { pepperFor } from "../app/pepper.ts";
import type { Config } from "../config/config.ts";
import { formatProblem } from "../config/problem.ts";
import { loadRules } from "../config/rules.ts";
import { systemClock } from "../core/clock.ts";
import { createDigester, type Digester } from "../credentials/digest.ts";
import { createKeyService, type KeyService } from "../credentials/key-service.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Policy } from "../policy/types.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/types.ts";
import { createAuditLog } from "../telemetry/audit.ts";
import { createLog } from "../telemetry/log.ts";
import { CommandFailure, type Terminal } from "./command.ts";

/** What the key commands work with. */
export interface KeyDesk {
  readonly store: Store;
  readonly keys: KeyService;
  readonly digester: Digester;
  readonly policy: Policy;
  /** Who works at the terminal, for `created_by` and the audit. */
  readonly operator: string;
  /** Notes in the audit what was done. */
  noted(action: string, target: string, detail: string): Promise<void>;
}

/** Loads the rules, or fails with all of their problems. */
export async function requirePolicy(config: Config, terminal: Terminal): Promise<Policy> {
  const source = await loadRules(config.rules, terminal.env);
  if (!source.ok) throw new CommandFailure(source.problems.map(formatProblem).join("\n"));
  const policy = compilePolicy(source.value);
  if (!policy.ok) throw new CommandFailure(policy.problems.map(formatProblem).join("\n"));
  return policy.value;
}

/** Opens the store of the configuration for the time of `work`. */
export async function withKeyDesk<T>(
  config: Config,
  terminal: Terminal,
  work: (desk: KeyDesk) => Promise<T>,
): Promise<T> {
  const policy = await requirePolicy(config, terminal);
  const digester = createDigester({ pepper: pepperFor(config) });
  const store = openStore(config.store.url, { clock: systemClock });
  const operator = `cli:${userInfo().username}`;
  try {
    await store.ping();
    const keys = createKeyService({
      keys: store.keys,
      digester,
      clock: systemClock,
      randomBytes,
      scopes: policy.scopes,
    });
    return await work({
      store,
      keys,
      digester,
      policy,
      operator,
      noted: (action, target, detail) => note(config, { action, target, subject: operator, detail }),
    });
  } finally {
    await store.close();
  }
}

/** Adds a line to the audit files. Standard output belongs to the command, so a sink there gets nothing. */
async function note(
  config: Config,
  record: { action: string; target: string; subject: string; detail: string },
): Promise<void> {
  const sinks = config.audit.sinks.filter((sink) => "file" in sink);
  if (sinks.length === 0) return;
  const audit = createAuditLog({
    sinks,
    whenFull: "refuse",
    queueBytes: config.audit.queue_bytes,
    instance: record.subject,
    log: createLog({ level: "error" }),
    clock: systemClock,
  });
  await audit.opened();
  audit.event({ event: "admin", ...record });
  await audit.close();
}
