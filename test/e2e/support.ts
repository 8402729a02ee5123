import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll } from "vitest";
import { z } from "zod";
import { main } from "../../src/cli/main.ts";
import { outputOf, type RunningProcess, spawnPortcullis, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";

export const KEY_PATTERN = /noice_sk_live_[0-9A-Za-z]/;

/** What the sidecar is given; the rest of its configuration is the same for all tests. */
export interface InstallOptions {
  readonly rules: string;
  /** Default: an embedded store in the folder. */
  readonly store?: string;
  /** More lines of `portcullis.yaml`. */
  readonly more?: string;
  readonly pepper?: string;
}

/** Files of one sidecar, in a folder of its own, and what can be done with them from outside. */
export interface Installation {
  readonly folder: string;
  readonly config: string;
  readonly auditFile: string;
  /** Replaces the rules file at once, as editors and Kubernetes do. */
  writeRules(text: string): void;
  /** Makes a key, with another connection to the store than the sidecar's. */
  createKey(...args: readonly string[]): Promise<TestKey>;
  /** Runs `portcullis ARGS --config …` as a process of its own; rejects where it does not exit 0. */
  command(...args: readonly string[]): Promise<string>;
  /** Starts `portcullis serve` and waits until it serves. */
  serve(): Promise<Sidecar>;
  audit(file?: string): readonly AuditLine[];
}

export interface TestKey {
  readonly id: string;
  readonly key: string;
}

export interface Sidecar {
  readonly process: RunningProcess;
  readonly url: string;
  readonly adminUrl: string;
  /** `GET`, with the key; the body is read. */
  get(path: string, key?: string): Promise<Answer>;
  /** `/readyz`. */
  readiness(): Promise<Readiness>;
  /** Asks `/readyz` until it says so. */
  untilReadiness(wanted: (readiness: Readiness) => boolean): Promise<Readiness>;
  /** The hash of the rules in force, as `/metrics` tells it: exactly one. */
  rulesHash(): Promise<string>;
  /** Value of the one sample of `/metrics` that starts with `sample`; `null` where there is none. */
  metric(sample: string): Promise<number | null>;
}

export interface Answer {
  readonly status: number;
  /** Of a refusal; `null` of an answer of the service. */
  readonly code: string | null;
  readonly text: string;
  readonly ms: number;
}

const auditLine = z.looseObject({
  mcp: z.object({ method: z.string(), tool: z.string().nullable() }).nullish(),
  event: z.string(),
  method: z.string().optional(),
  path: z.string().optional(),
  route: z.string().nullish(),
  rules: z.string().optional(),
  request_id: z.string().nullable(),
  credential: z.string().nullish(),
  decision: z.string(),
  reason: z.string(),
  status: z.number().nullable(),
  action: z.string().optional(),
});
export type AuditLine = z.infer<typeof auditLine>;

const issued = z.object({ id: z.string(), key: z.string() });
const problem = z.object({ code: z.string() });
const readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });
export type Readiness = z.infer<typeof readiness>;

export function install(options: InstallOptions): Installation {
  const folder = tempFolder();
  const config = join(folder, "portcullis.yaml");
  const auditFile = join(folder, "audit.ndjson");
  const writeRules = (text: string): void => {
    writeFileSync(join(folder, "rules.yaml.new"), text);
    renameSync(join(folder, "rules.yaml.new"), join(folder, "rules.yaml"));
  };
  writeRules(options.rules);
  const pepper = options.pepper ?? randomBytes(32).toString("base64url");
  writeFileSync(
    config,
    `version: 1
listen: { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } }
store: { url: "${options.store ?? "sqlite:./portcullis.db"}" }
audit: { sinks: [{ file: ./audit.ndjson }] }
secrets: { pepper: "${pepper}" }
${options.more ?? ""}
`,
  );
  return {
    folder,
    config,
    auditFile,
    writeRules,
    createKey: (...args) => createKey(config, args),
    async command(...args) {
      const started = spawnPortcullis([...args, "--config", config]);
      const { code } = await started.exited;
      if (code !== 0) throw new Error(`exit ${code}: ${outputOf(started)}`);
      return started.stdout();
    },
    serve: () => startServing(config),
    audit: (file = auditFile) => readAudit(file),
  };
}

/** All lines of an audit file; each must be whole. */
export function readAudit(file: string): readonly AuditLine[] {
  const text = readFileSync(file, "utf8");
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last audit line is torn");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => auditLine.parse(JSON.parse(line)));
}

/** In this process, which is another than the sidecar's: it spares a start for each key. */
async function createKey(config: string, args: readonly string[]): Promise<TestKey> {
  let out = "";
  let error = "";
  const line = ["keys", "create", "--name", "test", "--json", "--config", config, ...args];
  const code = await main(line, {
    env: {},
    out: (text) => void (out += text),
    error: (text) => void (error += text),
    readInput: () => Promise.resolve(""),
  });
  if (code !== 0) throw new Error(`keys create: exit ${code}: ${error}`);
  return issued.parse(JSON.parse(out));
}

async function startServing(config: string): Promise<Sidecar> {
  const started = spawnPortcullis(["serve", "--config", config]);
  const line = await waitForLine(started, (text) => text.startsWith("portcullis serves"));
  const [, url = "", adminUrl = ""] = /serves (\S+) \(admin (\S+)\)/.exec(line) ?? [];
  const askReadiness = async (): Promise<Readiness> =>
    readiness.parse(await (await fetch(`${adminUrl}/readyz`)).json());
  return {
    process: started,
    url,
    adminUrl,
    get: (path, key) => get(url + path, key),
    readiness: askReadiness,
    async untilReadiness(wanted) {
      const deadline = performance.now() + 15_000;
      for (;;) {
        const now = await askReadiness();
        if (wanted(now)) return now;
        if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(now)}\n${outputOf(started)}`);
      }
    },
    async rulesHash() {
      const text = await (await fetch(`${adminUrl}/metrics`)).text();
      const [hash, ...more] = Array.from(
        text.matchAll(/^portcullis_rules_info\{hash="(\w+)"\} 1$/gm),
        ([, each]) => each,
      );
      if (hash === undefined || more.length > 0) throw new Error(`not one hash of rules: ${text}`);
      return hash;
    },
    async metric(sample) {
      const text = await (await fetch(`${adminUrl}/metrics`)).text();
      const found = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
      return found === undefined ? null : Number(found.slice(sample.length + 1));
    },
  };
}

/** `GET` with a key. A request without an answer within 10 s rejects. */
export async function get(url: string, key?: string): Promise<Answer> {
  const before = performance.now();
  const response = await fetch(url, {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const isProblem = response.headers.get("content-type") === "application/problem+json";
  return {
    status: response.status,
    code: isProblem ? problem.parse(JSON.parse(text)).code : null,
    text,
    ms: performance.now() - before,
  };
}

/** A service behind the sidecar, on a free port, as the test writes it. It ends with the test file. */
export async function startUpstream(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  server.keepAliveTimeout = 75_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  return `http://127.0.0.1:${address.port}`;
}

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Rules for one upstream: `/status` is public, `/tickets/:portal` needs tickets:read. */
export function ticketRules(upstream: string): string {
  return `version: 1
upstreams: { desk: { url: "${upstream}" } }
routes:
  - id: status
    match: { methods: [GET], path: /status }
    upstream: desk
    public: true
  - id: tickets.read
    match: { methods: [GET], path: "/tickets/:portal" }
    upstream: desk
    scopes: [tickets:read]
    portal: path:portal
`;
}
