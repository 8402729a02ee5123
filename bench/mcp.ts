/**
 * `node bench/mcp.ts`: CPU of a `tools/call` of 1 KB through the MCP rules, by the CPU of the same POST on a plain route
 * with a scope. At most 1.5. Rounds are interleaved; each figure is the median of the rounds.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { LOAD_CORE, pinned, PROXY_CORE, run, startServer } from "./child.ts";
import { cpuMicros } from "./cpu.ts";
import { describeMachine } from "./machine.ts";
import { median, spread } from "./stats.ts";

const LIMIT = 1.5;
const BYTES = 1024;
const MAIN = resolve(import.meta.dirname, "../src/cli/bin.ts");
const PATHS = { plain: "/plain", mcp: "/mcp" } as const;
type Kind = keyof typeof PATHS;
const BOTH = ["plain", "mcp"] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    connections: { type: "string", default: "64" },
    /** Keeps a CPU profile of the sidecar. */
    prof: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});

const KINDS = BOTH.filter((kind) => values.only === "" || values.only === kind);

/** A call as agents write them: a few arguments, one of them long. */
function toolCall(text: string): string {
  const details = { tags: ["printer", "network", "second floor"], assignee: "sam@acme.example", body: text };
  const args = { portal_id: "acme", ticket_id: "4711", status: "open", priority: "high", ...details };
  const params = { _meta: { progressToken: 17 }, name: "update_ticket", arguments: args };
  return JSON.stringify({ jsonrpc: "2.0", id: 17, method: "tools/call", params });
}

/** The same, as long as it may be. */
function longCall(): string {
  const words = 'The printer on the second floor prints nothing but "empty" pages.\n'.repeat(20);
  let length = words.length;
  while (Buffer.byteLength(toolCall(words.slice(0, length))) > BYTES) length--;
  return toolCall(words.slice(0, length));
}

function tool(name: string): string {
  return `        ${name}: { scopes: [tickets:write], portal: argument:portal_id }`;
}

function rules(upstream: string): string {
  const tools = ["list_tickets", "get_ticket", "create_ticket", "update_ticket", "add_comment", "list_workflows"];
  return `version: 1
upstreams: { desk: { url: "${upstream}" } }
routes:
  - id: plain
    match: { methods: [POST], path: ${PATHS.plain} }
    upstream: desk
    scopes: [tickets:write]
    portal: upstream
  - id: mcp
    match: { path: ${PATHS.mcp} }
    upstream: desk
    mcp:
      tools:
${tools.map(tool).join("\n")}
`;
}

const issued = z.object({ key: z.string() });
const counted = z.object({ requests: z.number(), statusErrors: z.number(), socketErrors: z.number() });

const folder = await mkdtemp(join(tmpdir(), "portcullis-bench-"));
const config = join(folder, "portcullis.yaml");
const script = join(folder, "post.lua");
const upstream = await startServer(LOAD_CORE, [join(import.meta.dirname, "processes", "upstream-post.ts")]);
await writeFile(join(folder, "rules.yaml"), rules(upstream.url));
await writeFile(
  config,
  `version: 1
listen: { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } }
store: { url: "sqlite:./portcullis.db" }
audit: { sinks: [{ file: ./audit.ndjson }] }
limits: { drain: 1s }
log: { level: warn }
rules: ./rules.yaml
`,
);
const create = ["keys", "create", "--config", config, "--json", "--name", "bench", "--portal", "acme"];
const made = await run([process.execPath, [MAIN, ...create, "--scope", "tickets:write"]]);
const { key } = issued.parse(JSON.parse(made));
const headers = {
  authorization: `Bearer ${key}`,
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};
const body = longCall();
await writeFile(script, wrkScript());
const profiling = values.prof ? ["--cpu-prof", "--cpu-prof-dir", folder] : [];
const sidecar = await startServer(PROXY_CORE, [...profiling, MAIN, "serve", "--config", config]);

/** wrk takes a body from a script only; the report is that of the other benches. */
function wrkScript(): string {
  const fields = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  const report = `dofile(${JSON.stringify(join(import.meta.dirname, "wrk-report.lua"))})`;
  return ['wrk.method = "POST"', ...fields, `wrk.body = [==[${body}]==]`, report, ""].join("\n");
}

/** Microseconds of the sidecar's process for each request, over one round. */
async function round(kind: Kind, seconds: number): Promise<number> {
  const before = cpuMicros(sidecar.pid);
  const args = ["-t1", `-c${values.connections}`, `-d${seconds}s`, "-s", script, sidecar.url + PATHS[kind]];
  const text = await run(pinned(LOAD_CORE, "wrk", args));
  const json: unknown = JSON.parse(text.split("\n").find((line) => line.startsWith("{")) ?? "null");
  const { requests, statusErrors, socketErrors } = counted.parse(json);
  if (statusErrors + socketErrors > 0 || requests === 0) throw new Error(`${kind}: ${statusErrors} refused`);
  return (cpuMicros(sidecar.pid) - before) / requests;
}

try {
  const micros: Record<Kind, number[]> = { plain: [], mcp: [] };
  for (const kind of KINDS) {
    const response = await fetch(sidecar.url + PATHS[kind], { method: "POST", headers, body });
    if (response.status !== 200) throw new Error(`${kind}: ${response.status} ${await response.text()}`);
    await round(kind, 2);
  }
  for (let turn = 0; turn < Number(values.rounds); turn++) {
    // By turns the one and the other first.
    for (const kind of turn % 2 === 0 ? KINDS : KINDS.toReversed()) {
      micros[kind].push(await round(kind, Number(values.seconds)));
    }
  }
  const ratios = micros.mcp.map((value, turn) => value / (micros.plain[turn] ?? Number.NaN));
  const { cores, cpu, node } = describeMachine();
  console.log(`${cores} cores, ${cpu}, Node ${node}\n`);
  console.log(`| POST of ${Buffer.byteLength(body)} bytes | CPU a request, µs: median (least to most) |\n|---|---|`);
  for (const kind of KINDS) {
    const { median: middle, min, max } = spread(micros[kind]);
    console.log(`| ${kind} | ${middle.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)}) |`);
  }
  const ratio = median(ratios);
  console.log(`\nmcp ÷ plain: ${ratio.toFixed(3)} (at most ${LIMIT})`);
  if (!(ratio <= LIMIT)) process.exitCode = 1;
} finally {
  await sidecar.stop();
  await upstream.stop();
  if (values.prof) console.error(`profile in ${folder}`);
  else await rm(folder, { recursive: true, force: true });
}
