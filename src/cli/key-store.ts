import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import { pepperFor } from "../app/secrets.ts";
import type { Config } from "../config/config.ts";
import { formatProblem } from "../core/problem.ts";
import { loadRules } from "../config/rules.ts";
import { systemClock } from "../core/clock.ts";
import { reservedPaths } from "../core/reserved-paths.ts";
import { createDigester, type Digester } from "../credentials/digest.ts";
import { createKeyService, type KeyService } from "../credentials/key-service.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Policy } from "../policy/types.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/types.ts";
import { createAuditLog } from "../telemetry/audit.ts";
import { silentLog } from "../telemetry/log.ts";
import { CommandFailure, type Terminal } from "./command.ts";

/** What the key commands work with. */
export interface KeyDesk {
  readonly store: Store;
  readonly keys: KeyService;
  readonly digester: Digester;
  readonly policy: Policy;
  /** Who works at the terminal, for `created_by` and the audit. */
  readonly operator: string;
  /**
   * Makes a change that the audit has to know of. Where it could not be recorded, and `audit.when_full` is `refuse`,
   * it is not made: `CommandFailure`. `always` makes it all the same: nothing may keep a key from being revoked.
   */
  change<T>(change: Change<T>): Promise<T>;
}

export interface Change<T> {
  /** Such as `key.create`. */
  readonly action: string;
  readonly always?: boolean;
  readonly make: () => Promise<T>;
  /** What the audit is told; `null` where nothing came of it. Never a key. */
  readonly about: (made: T) => { readonly target: string; readonly detail: string } | null;
}

/** Loads the rules, or fails with all of their problems. */
export async function requirePolicy(config: Config, terminal: Terminal): Promise<Policy> {
  const source = await loadRules(config.rules, terminal.env);
  if (!source.ok) throw new CommandFailure(source.problems.map(formatProblem).join("\n"));
  const policy = compilePolicy(source.value, reservedPaths(config));
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
      change: (change) => recorded(config, operator, change, terminal),
    });
  } finally {
    await store.close();
  }
}

/** Standard output belongs to the command, so a sink there gets nothing. */
async function recorded<T>(
  config: Config,
  operator: string,
  { action, always, make, about }: Change<T>,
  terminal: Terminal,
): Promise<T> {
  const sinks = config.audit.sinks.filter((sink) => "file" in sink);
  if (sinks.length === 0) return make();
  const audit = createAuditLog({
    sinks,
    whenFull: config.audit.when_full,
    queueBytes: config.audit.queue_bytes,
    instance: operator,
    // What it has to say is told below, in words for a person.
    log: silentLog(),
    clock: systemClock,
    closeMs: AUDIT_CLOSE_MS,
  });
  try {
    await audit.opened();
    const admits = audit.admits();
    if (always !== true && !admits) {
      throw new CommandFailure("the audit cannot be written, so nothing was changed; see audit.sinks");
    }
    const made = await make();
    const told = about(made);
    if (told !== null) audit.event({ event: "admin", action, subject: operator, ...told });
    if (told !== null && !admits) terminal.error("the audit cannot be written, so this is not recorded there\n");
    return made;
  } finally {
    await audit.close();
  }
}

/** Somebody waits at a terminal for a sink that fails. */
const AUDIT_CLOSE_MS = 2000;
