import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { tempFolder } from "../support/temp.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs one command line in this process; `input` is its standard input. */
export async function run(
  args: readonly string[],
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  let out = "";
  let error = "";
  const code = await main(args, {
    env: options.env ?? {},
    out: (text) => void (out += text),
    error: (text) => void (error += text),
    readInput: () => Promise.resolve(options.input ?? ""),
  });
  return { code, out, error };
}

/** The rules that the tests of the commands use. `explain` names their lines: keep them in mind when changing it. */
export const RULES = `version: 1
upstreams:
  desk: { url: http://127.0.0.1:9 }
routes:
  - id: status
    match: { methods: [GET], path: /status }
    upstream: desk
    public: true
  - id: tickets.read
    match: { methods: [GET], path: "/api/portals/:portal/tickets/*" }
    upstream: desk
    scopes: [tickets:read]
    portal: path:portal
  - id: tickets.import
    match: { methods: [POST], path: /api/import }
    upstream: desk
    scopes: [tickets:write]
    portal: json:/portal_id
  - id: search
    match: { methods: [GET], path: /api/search }
    upstream: desk
    scopes: [tickets:read]
    portal: header:X-Portal
`;

/** Line of `rules.yaml` on which each rule starts. */
export const RULE_LINES = { status: 5, "tickets.read": 9, "tickets.import": 14, search: 19 } as const;

/** An installation on the embedded store in a folder of its own. */
export interface Installation {
  readonly folder: string;
  readonly config: string;
  readonly rules: string;
  /** Audit lines so far. */
  audit(): readonly Record<string, unknown>[];
  auditText(): string;
  /** Runs a command with `--config` of this installation. */
  run(args: readonly string[], input?: string): Promise<Ran>;
}

export function install(rules: string = RULES): Installation {
  const folder = tempFolder();
  const config = join(folder, "portcullis.yaml");
  writeFileSync(join(folder, "rules.yaml"), rules);
  writeFileSync(config, "version: 1\nlog: { level: warn }\n");
  const auditText = (): string => readFileSync(join(folder, "data", "audit.ndjson"), "utf8");
  return {
    folder,
    config,
    rules: join(folder, "rules.yaml"),
    auditText,
    audit: () => auditText().trimEnd().split("\n").map(parseLine),
    run: (args, input = "") => run([...args, "--config", config], { input }),
  };
}

function parseLine(line: string): Record<string, unknown> {
  return { ...Object(JSON.parse(line)) };
}
