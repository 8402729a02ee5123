import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { startRules } from "../../src/app/rules-source.ts";
import { systemClock } from "../../src/core/clock.ts";
import { reservedPaths } from "../../src/core/reserved-paths.ts";
import { createApiKeySource } from "../../src/credentials/api-key.ts";
import { createAuthenticator } from "../../src/credentials/authenticate.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createKeyService } from "../../src/credentials/key-service.ts";
import { createLastUsed } from "../../src/credentials/last-used.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import { createSessionSeal } from "../../src/mcp/session.ts";
import { Listener, type ListenerOptions } from "../../src/proxy/listener.ts";
import { McpJudge } from "../../src/proxy/mcp-judge.ts";
import type { OwnEndpoints } from "../../src/proxy/own-endpoints.ts";
import { OpenStreams } from "../../src/proxy/open-streams.ts";
import { Pipeline } from "../../src/proxy/pipeline.ts";
import { Recorder } from "../../src/proxy/recorder.ts";
import { TrustedProxies } from "../../src/proxy/trusted-proxies.ts";
import { UpgradeProxy } from "../../src/proxy/upgrade-exchange.ts";
import { Upstreams } from "../../src/proxy/upstreams.ts";
import { createCredentialCache } from "../../src/store/cache.ts";
import { openStore } from "../../src/store/open.ts";
import { createAuditLog } from "../../src/telemetry/audit.ts";
import { createRequestIds } from "../../src/telemetry/ids.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { TokenDesk } from "../credentials/tokens.ts";
import type { AuditLine } from "./sidecar.ts";
import { tempFolder } from "./temp.ts";

export interface LineOptions {
  readonly upstreamUrl: string;
  readonly routes: readonly object[];
  /** What is served at `/oauth`, `/signin` and under `/.well-known`. */
  readonly own: OwnEndpoints | null;
  /** Where access tokens are looked up, in place of the store. */
  readonly tokens?: CredentialSource;
  /** What stands before the look-up of access tokens in the store. */
  readonly beforeTokens?: (source: CredentialSource) => CredentialSource;
  /** An embedded store of its own where left out. */
  readonly storeUrl?: string;
  readonly leaseMs?: number;
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<ListenerOptions["limits"]>;
}

export type Line = Awaited<ReturnType<typeof startLine>>;

/** Reserved paths as they are by default. */
export const RESERVED = reservedPaths({ oauth: { enabled: true, path: "/oauth" }, signin: { path: "/signin" } });

const same = (source: CredentialSource): CredentialSource => source;

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/**
 * The real line on a free port of 127.0.0.1, with access tokens and with endpoints of the test's choice in place of
 * OAuth's: store, audit file, rules file, all of it. The end of the test file closes it.
 */
export async function startLine(options: LineOptions) {
  const folder = tempFolder();
  const clock = systemClock;
  const log = silentLog();
  const metrics = createMetrics({ version: "0", instance: "test" });
  const auditFile = join(folder, "audit.ndjson");
  const audit = createAuditLog({
    sinks: [{ file: auditFile }],
    whenFull: "refuse",
    queueBytes: 1_000_000,
    instance: "test",
    log,
    clock,
  });
  await audit.opened();
  const file = join(folder, "rules.yaml");
  writeFileSync(
    file,
    JSON.stringify({ version: 1, upstreams: { up: { url: options.upstreamUrl } }, routes: options.routes }),
  );
  const upstreams = new Upstreams({ metrics, clock, bodyBytes: 1_000_000 });
  const rules = await startRules({ file, env: {}, upstreams, log, metrics, audit, reserved: RESERVED });
  const storeUrl = options.storeUrl ?? `sqlite:${join(folder, "portcullis.db")}`;
  const { leaseMs = 10_000 } = options;
  const store = openStore(storeUrl, { clock, leaseMs });
  const digester = createDigester({ pepper: "pepper-of-the-tests" });
  const desk = new TokenDesk(store, digester, clock);
  const cache = createCredentialCache({ maxEntries: 1000, ttlMs: 60_000, negativeTtlMs: 5000, clock });
  let port = 0;
  const url = (): string => `http://127.0.0.1:${port}`;
  const keySource = createApiKeySource({ keys: store.keys, settings: desk.settings });
  const tokens = options.tokens ?? (options.beforeTokens ?? same)(desk.source(url));
  const trustedMs = (): number => store.changes.state().leaseLeftMs ?? Infinity;
  const open = new OpenStreams({ keys: keySource, tokens, clock, limitMs: leaseMs / 2, trustedMs, metrics });
  await store.changes.follow((tags) => {
    cache.apply(tags);
    return open.apply(tags);
  });
  const uses = createLastUsed({ keys: store.keys });
  const proxies = new TrustedProxies(options.trustedProxies ?? []);
  const limits = { headBytes: 16_384, targetBytes: 8192, hosts: new Set<string>(), idleMs: 5000, headTimeoutMs: 2000 };
  const listener = new Listener({
    tls: null,
    limits: { ...limits, connections: 100, inspectTotal: 10_000_000, bodyMs: 30_000, ...options.limits },
    pipeline: new Pipeline({
      authenticator: createAuthenticator({
        keys: keySource,
        tokens: options.own === null ? null : tokens,
        changes: store.changes,
        cache,
        digester,
        clock,
        uses,
        metrics,
      }),
      open,
      audit,
      log,
      mcp: new McpJudge({ seal: createSessionSeal("pepper-of-the-tests"), inspectBytes: 1_000_000 }),
      inspectBytes: 1_000_000,
      own: options.own,
    }),
    recorder: new Recorder({ audit, metrics, clock, proxies }),
    proxies,
    upgrades: new UpgradeProxy(log),
    policy: rules,
    requestId: createRequestIds(randomBytes, clock),
    clock,
    log,
  });
  port = await listener.listen("127.0.0.1", 0);
  closing.push(async () => {
    await listener.drain(100);
    await rules.close();
    upstreams.close();
    open.close();
    await uses.close();
    await store.close();
    await audit.close();
  });
  const scopes = rules.current().policy.scopes;
  const keys = createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes });
  return {
    port,
    url: url(),
    desk,
    digester,
    store,
    storeUrl,
    cache,
    open,
    listener,
    /** A key with these scopes, for all portals. */
    async key(...held: readonly string[]): Promise<string> {
      const wish = { name: "k", scopes: held, portal: null, expiresInMs: null, subject: "ada", createdBy: "test" };
      return (await keys.create(wish)).key;
    },
    metrics: () => metrics.text(),
    /** The audit line of a request, by the id that its answer carried, there already or still to come. */
    async auditOf(requestId: string | null | undefined): Promise<AuditLine> {
      const end = performance.now() + 5000;
      for (;;) {
        const lines = readFileSync(auditFile, "utf8").split("\n").slice(0, -1);
        const found = lines.map((line): AuditLine => JSON.parse(line)).find((line) => line["request_id"] === requestId);
        if (found !== undefined) return found;
        if (performance.now() > end) throw new Error(`no audit line of ${requestId}; there are:\n${lines.join("\n")}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    /** Everything that the audit holds so far, as it stands in the file. */
    auditText: () => readFileSync(auditFile, "utf8"),
  };
}
