import { randomBytes } from "node:crypto";
import { userInfo } from "node:os";
import type { Actor } from "../administration/actor.ts";
import type { Administration } from "../administration/administration.ts";
import { AuditUnavailable } from "../administration/audit-trail.ts";
import { wireAdministration } from "../app/administration.ts";
import { createRecords, type Records } from "../app/records.ts";
import { pepperFor } from "../app/secrets.ts";
import type { Config } from "../config/config.ts";
import { loadRules } from "../config/rules.ts";
import { systemClock } from "../core/clock.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import { formatProblem } from "../core/problem.ts";
import { reservedPaths } from "../core/reserved-paths.ts";
import { createDigester, type Digester } from "../credentials/digest.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Policy } from "../policy/types.ts";
import type { Reported } from "../revocation/spread.ts";
import { spreadText } from "../revocation/spread-text.ts";
import { createPasswords } from "../signin/password.ts";
import { wirePeople } from "../signin/wire-people.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/types.ts";
import { CommandFailure, type Terminal } from "./command.ts";
import { createCommandAudit } from "./command-audit.ts";

/** What the commands of administrators work with. */
export interface Desk {
  readonly store: Store;
  readonly records: Records;
  readonly digester: Digester;
  /** All that an administrator can do. Of what is connected now a command knows nothing. */
  readonly administration: Omit<Administration, "status">;
  /**
   * Makes changes, by whoever works at the terminal, while the audit is open; written down before this resolves, for
   * the page of the activity, too. Changes that must be on record reject with `CommandFailure` where they cannot be.
   */
  change<T>(make: (actor: Actor) => Promise<T>): Promise<T>;
  /**
   * The same for what takes something away: waits until it counts on every instance (with `no-wait` a moment only), and
   * tells the terminal how that went.
   */
  take<T>(
    options: { readonly "no-wait"?: boolean | undefined },
    make: (actor: Actor) => Promise<T>,
  ): Promise<Reported<T>>;
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
export async function withDesk<T>(config: Config, terminal: Terminal, work: (desk: Desk) => Promise<T>): Promise<T> {
  const policy = await requirePolicy(config, terminal);
  const digester = createDigester({ pepper: pepperFor(config) });
  const store = openStore(config.store.url, { clock: systemClock, tls: config.store.tls });
  try {
    await store.ping();
    return await work(createDesk(config, terminal, { policy, digester, store }));
  } catch (error) {
    throw inWords(error);
  } finally {
    await store.close();
  }
}

function createDesk(
  config: Config,
  terminal: Terminal,
  { digester, policy, store }: { readonly policy: Policy; readonly digester: Digester; readonly store: Store },
): Desk {
  const records = createRecords(store.documents);
  const subject = `cli:${userInfo().username}`;
  const audit = createCommandAudit({ config: config.audit, activity: store.activity, instance: subject, terminal });
  const people = wirePeople({
    ...records,
    documents: store.documents,
    passwords: createPasswords({ randomBytes }),
    clock: systemClock,
    randomBytes,
    lifeMs: config.signin.session,
    scopes: () => policy.scopes,
    portals: () => policy.portals,
  });
  const administration = wireAdministration(config, {
    ...people,
    store,
    records,
    digester,
    clock: systemClock,
    audit,
    policy: () => policy,
    liveStatus: () => Promise.reject(new Error("nothing is served here")),
    open: null,
  });
  const change: Desk["change"] = (make) =>
    audit.during(() => make({ subject, kind: "cli", address: null, requestId: null }));
  return {
    store,
    records,
    digester,
    administration,
    change,
    async take(options, make) {
      const reported = await administration.report(options["no-wait"] === true ? 0 : Infinity, () => change(make));
      const text = spreadText(reported.spread);
      if (text !== null) terminal.error(`${text}\n`);
      return reported;
    },
  };
}

function inWords(error: unknown): unknown {
  if (error instanceof InvalidRequest) return new CommandFailure(error.fields.map(({ text }) => text).join("\n"));
  if (error instanceof AuditUnavailable) return new CommandFailure(`${error.message}; see audit.sinks`);
  return error;
}
