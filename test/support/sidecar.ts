import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { startApp } from "../../src/app/app.ts";
import { pepperFor } from "../../src/app/secrets.ts";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { formatProblem } from "../../src/core/problem.ts";
import { loadRules } from "../../src/config/rules.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { isCredentialId } from "../../src/core/ids.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createKeyService, type KeyService } from "../../src/credentials/key-service.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/types.ts";
import { type Log, silentLog } from "../../src/telemetry/log.ts";
import { type AdministratorDesk, createAdministratorDesk } from "./desk.ts";
import { tempFolder } from "./temp.ts";

/** What a sidecar for tests may be given. */
export interface SidecarOptions {
  /** Origin of the service behind: `http(s)://HOST:PORT`. Rules may also write it as `${UPSTREAM}`. */
  readonly upstreamUrl: string;
  /** Settings of the upstream `up` beside its URL: time-outs, limits, `tls`. Not with `rules`. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  /** Rules in place of `DEFAULT_ROUTES`; all lead to the upstream `up`. Not with `rules`. */
  readonly routes?: readonly object[];
  /** The whole rules file, in place of `upstream` and `routes`. */
  readonly rules?: string;
  /** Sections of `portcullis.yaml`; each takes the place of ours. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Says nothing where not given. */
  readonly log?: Log;
  readonly clock?: Clock;
  /** Holds the files; a new one where not given. */
  readonly folder?: string;
}

export interface TestKey {
  readonly id: string;
  readonly key: string;
}

/** Keys that every sidecar for tests knows. */
export type TestKeyName = "reader" | "writer" | "acme" | "acmeWriter" | "manager" | "revoked" | "expired";

/** A line of the audit, as it was read from its file. */
export type AuditLine = Readonly<Record<string, unknown>>;

/** A running sidecar with what a test looks at. */
export interface Sidecar {
  /** `http://127.0.0.1:PORT` of the public listener. */
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string;
  readonly folder: string;
  readonly keys: Readonly<Record<TestKeyName, TestKey>>;
  /** People, clients, grants and settings, by a store connection of its own, as the command line has them. */
  readonly desk: AdministratorDesk;
  /** Makes one more key. */
  issue(scopes: readonly string[], portal?: string | null): Promise<TestKey>;
  /** Revokes a key through a store connection of its own, as the command line does. */
  revoke(id: string): Promise<void>;
  /** All audit lines so far. */
  audit(): readonly AuditLine[];
  /** The first audit line that has all of these fields, there already or still to come; rejects after 10 s. */
  auditLine(fields: Readonly<Record<string, unknown>>): Promise<AuditLine>;
  /** `/metrics`. */
  metrics(): Promise<string>;
  /** Sum of the samples of a metric whose labels include these; 0 where there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Writes the rules file anew, where rules are given, and reloads as SIGHUP does. Resolves with whether they were right. */
  reload(rules?: string): Promise<boolean>;
  /** The URL that makes the first administrator; `null` where there is somebody already. */
  setupUrl(): Promise<string | null>;
  /** Drains and closes. Repeatable; the end of the test file does it too. */
  close(): Promise<void>;
}

/** One rule for each way to name a portal, and public ones. */
export const DEFAULT_ROUTES: readonly object[] = [
  { id: "open", match: { path: "/open/*" }, upstream: "up", public: true },
  {
    id: "tickets.read",
    match: { methods: ["GET", "HEAD", "OPTIONS"], path: "/api/portals/:portal/tickets/*" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "path:portal",
  },
  {
    id: "tickets.write",
    match: { methods: ["POST", "PUT", "PATCH", "DELETE"], path: "/api/portals/:portal/tickets/*" },
    upstream: "up",
    scopes: ["tickets:write"],
    portal: "path:portal",
    body_bytes: "unlimited",
  },
  {
    id: "live",
    match: { methods: ["GET"], path: "/api/portals/:portal/live" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "path:portal",
  },
  {
    id: "query",
    match: { methods: ["GET"], path: "/query" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "query:portal_id",
  },
  {
    id: "header",
    match: { methods: ["GET"], path: "/header" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "header:x-portal-id",
  },
  {
    id: "json",
    match: { methods: ["POST"], path: "/json" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "json:/portal_id",
  },
  {
    id: "list",
    match: { methods: ["GET"], path: "/list" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "upstream",
  },
];

const SCOPES: Readonly<Record<TestKeyName, readonly string[]>> = {
  reader: ["tickets:read"],
  writer: ["tickets:read", "tickets:write"],
  acme: ["tickets:read"],
  acmeWriter: ["tickets:read", "tickets:write"],
  manager: [
    "tickets:read",
    "tickets:write",
    "workflows:*",
    "portals:read",
    "portals:write",
    "users:read",
    "users:write",
  ],
  revoked: ["tickets:read"],
  expired: ["tickets:read"],
};

const running = new Set<Sidecar>();

afterAll(async () => {
  await Promise.all([...running].map((sidecar) => sidecar.close()));
});

/**
 * Starts the real sidecar in this process, by `startApp`, on free ports of 127.0.0.1: an embedded store
 * in a folder of its own, an audit file, and one key of each kind. Rejects with every problem where the
 * configuration or the rules are wrong.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const folder = options.folder ?? tempFolder();
  const env = { UPSTREAM: options.upstreamUrl };
  const rulesFile = join(folder, "rules.yaml");
  const auditFile = join(folder, "audit.ndjson");
  writeFileSync(rulesFile, options.rules ?? rulesText(options));
  const config = await readConfig(folder, options.config ?? {}, env);
  const desk = await openDesk(config, env);
  const keys = await seed(desk);
  const app = await startApp(config, {
    env,
    log: options.log ?? silentLog(),
    clock: options.clock ?? systemClock,
  }).catch(async (error: unknown) => {
    await desk.store.close();
    throw error;
  });
  const audit = (): readonly AuditLine[] => readAudit(auditFile);
  const metrics = async (): Promise<string> => (await fetch(`${app.adminUrl}/metrics`)).text();
  let closing: Promise<void> | null = null;
  const sidecar: Sidecar = {
    url: app.publicUrl,
    port: Number(new URL(app.publicUrl).port),
    adminUrl: app.adminUrl,
    folder,
    keys,
    desk: desk.administrator,
    issue: (scopes, portal = null) => issue(desk.service(systemClock), scopes, portal),
    revoke: (id) => revoke(desk.service(systemClock), id),
    audit,
    auditLine: (fields) => waitForLine(audit, fields),
    metrics,
    metric: async (name, labels = {}) => sumOf(await metrics(), name, labels),
    async reload(rules) {
      if (rules !== undefined) writeFileSync(rulesFile, rules);
      return app.reload();
    },
    setupUrl: () => app.setupUrl(),
    close() {
      closing ??= app.close().then(() => desk.store.close());
      running.delete(sidecar);
      return closing;
    },
  };
  running.add(sidecar);
  return sidecar;
}

function rulesText({ upstream, routes }: SidecarOptions): string {
  return JSON.stringify({
    version: 1,
    portals: [{ id: "acme" }, { id: "globex" }],
    upstreams: { up: { url: "${UPSTREAM}", ...upstream } },
    routes: routes ?? DEFAULT_ROUTES,
  });
}

async function readConfig(folder: string, sections: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv) {
  const file = join(folder, "portcullis.yaml");
  const free = { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } };
  const ours = {
    version: 1,
    listen: free,
    store: { url: "sqlite:./portcullis.db" },
    audit: { sinks: [{ file: "./audit.ndjson" }] },
    rules: "./rules.yaml",
    secrets: { pepper: randomBytes(32).toString("base64url") },
    limits: { drain: "2s" },
  };
  writeFileSync(file, JSON.stringify({ ...ours, ...sections }));
  const loaded = await loadConfig(file, env);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.value;
}

interface Desk {
  readonly store: Store;
  readonly administrator: AdministratorDesk;
  service(clock: Clock): KeyService;
}

async function openDesk(config: Config, env: NodeJS.ProcessEnv): Promise<Desk> {
  const source = await loadRules(config.rules, env);
  if (!source.ok) throw new Error(source.problems.map(formatProblem).join("\n"));
  const policy = compilePolicy(source.value);
  if (!policy.ok) throw new Error(policy.problems.map(formatProblem).join("\n"));
  const scopes = policy.value.scopes;
  const store = openStore(config.store.url, { clock: systemClock });
  const digester = createDigester({ pepper: pepperFor(config) });
  return {
    store,
    administrator: createAdministratorDesk(store, { digester, policy: policy.value }),
    service: (clock) => createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes }),
  };
}

async function seed(desk: Desk): Promise<Record<TestKeyName, TestKey>> {
  const now = desk.service(systemClock);
  const yesterday = desk.service({ ...systemClock, now: () => systemClock.now() - 86_400_000 });
  const keys = {
    reader: await issue(now, SCOPES.reader),
    writer: await issue(now, SCOPES.writer),
    acme: await issue(now, SCOPES.acme, "acme"),
    acmeWriter: await issue(now, SCOPES.acmeWriter, "acme"),
    manager: await issue(now, SCOPES.manager),
    revoked: await issue(now, SCOPES.revoked),
    expired: await issue(yesterday, SCOPES.expired, null, 1000),
  };
  await revoke(now, keys.revoked.id);
  return keys;
}

async function issue(
  keys: KeyService,
  scopes: readonly string[],
  portal: string | null = null,
  expiresInMs: number | null = null,
): Promise<TestKey> {
  const request = { name: "test", scopes, portal, expiresInMs, subject: "test-subject", createdBy: "test" };
  const issued = await keys.create(request);
  return { id: issued.record.id, key: issued.key };
}

async function revoke(keys: KeyService, id: string): Promise<void> {
  if (!isCredentialId(id) || (await keys.revoke(id)) === null) throw new Error(`there is no key ${id}`);
}

function readAudit(file: string): readonly AuditLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line): AuditLine => JSON.parse(line));
}

/** The audit writes behind the request, and a file tells nobody: it is looked at often. */
async function waitForLine(
  audit: () => readonly AuditLine[],
  fields: Readonly<Record<string, unknown>>,
): Promise<AuditLine> {
  const end = performance.now() + 10_000;
  for (;;) {
    const lines = audit();
    const found = lines.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
    if (found !== undefined) return found;
    if (performance.now() > end) {
      const last = lines.slice(-5).map((line) => JSON.stringify(line));
      throw new Error(`no audit line with ${JSON.stringify(fields)}; the last are:\n${last.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((pair) => line.includes(pair)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
