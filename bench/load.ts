import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { LOAD_CORE, pinned, run } from "./child.ts";

/** What a load generator saw; latencies in microseconds. */
const loadSchema = z.object({
  requests: z.number(),
  durationUs: z.number(),
  bytes: z.number(),
  /** Answers with a status of 400 or more. */
  statusErrors: z.number(),
  socketErrors: z.number(),
  p50Us: z.number(),
  p99Us: z.number(),
  p999Us: z.number(),
});

export type LoadResult = z.infer<typeof loadSchema>;

export interface LoadOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

/** `wrk` where it is installed: it costs a tenth of the CPU, and its core is the upstream's too. */
export const loadGenerator: "wrk" | "autocannon" = spawnSync("wrk", ["-v"]).error === undefined ? "wrk" : "autocannon";

/** Sends requests over keep-alive connections for a time and returns what came of it. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const result = await (loadGenerator === "wrk" ? withWrk(options) : withAutocannon(options));
  if (result.requests === 0) throw new Error(`no request was answered: ${options.url}`);
  return result;
}

async function withWrk({ url, headers, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", join(import.meta.dirname, "wrk-report.lua")];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  const text = await run(pinned(LOAD_CORE, "wrk", [...args, url]));
  const json: unknown = JSON.parse(text.split("\n").find((line) => line.startsWith("{")) ?? "null");
  return loadSchema.parse(json);
}

/** The part of autocannon's report that is used; latencies in milliseconds. */
const autocannonSchema = z.object({
  duration: z.number(),
  errors: z.number(),
  non2xx: z.number(),
  requests: z.object({ total: z.number() }),
  throughput: z.object({ total: z.number() }),
  latency: z.object({ p50: z.number(), p99: z.number(), p99_9: z.number() }),
});

async function withAutocannon({ url, headers, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const program = join(import.meta.dirname, "..", "node_modules", "autocannon", "autocannon.js");
  const args = [program, "--json", "--no-progress", "-c", String(connections), "-d", String(seconds)];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}=${value}`);
  const text = await run(pinned(LOAD_CORE, process.execPath, [...args, url]));
  const report = autocannonSchema.parse(JSON.parse(text));
  return {
    requests: report.requests.total,
    durationUs: report.duration * 1e6,
    bytes: report.throughput.total,
    statusErrors: report.non2xx,
    socketErrors: report.errors,
    p50Us: report.latency.p50 * 1000,
    p99Us: report.latency.p99 * 1000,
    p999Us: report.latency.p99_9 * 1000,
  };
}
