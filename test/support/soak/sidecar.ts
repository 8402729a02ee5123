import { join, resolve } from "node:path";
import { type Exit, outputOf, type RunningProcess, spawnProcess, stop, waitForLine } from "../processes.ts";
import { type MetricsBook, readMetrics } from "./metrics-book.ts";

const PROJECT = resolve(import.meta.dirname, "../../..");

/** Memory of the sidecar after a collection, bytes. */
export interface Memory {
  readonly resident: number;
  readonly heapUsed: number;
}

/** The sidecar as a process of its own. */
export interface SoakSidecar {
  readonly port: number;
  readonly auditFile: string;
  metrics(): Promise<MetricsBook>;
  /** Collects garbage, then reads. */
  memory(): Promise<Memory>;
  /** SIGTERM. Resolves with how it ended and how long that took, ms. */
  stop(): Promise<Exit & { readonly tookMs: number; readonly output: string }>;
}

export async function startSidecar(folder: string, config: string): Promise<SoakSidecar> {
  const preload = join(import.meta.dirname, "collect-on-signal.ts");
  const args = ["--expose-gc", "--import", preload, join(PROJECT, "src/cli/bin.ts"), "serve", "--config", config];
  const started: RunningProcess = spawnProcess(process.execPath, args);
  const line = await waitForLine(started, (text) => text.startsWith("portcullis serves "));
  const [publicUrl = "", adminUrl = ""] = line.match(/http:\/\/[0-9.:]+/g) ?? [];
  const metrics = async (): Promise<MetricsBook> => readMetrics(await (await fetch(`${adminUrl}/metrics`)).text());
  return {
    port: Number(new URL(publicUrl).port),
    auditFile: join(folder, "audit.ndjson"),
    metrics,
    async memory() {
      for (let turn = 0; turn < 3; turn++) {
        started.child.kill("SIGUSR2");
        // An answer tells that the signal before it was handled.
        await metrics();
      }
      const { gauges } = await metrics();
      return {
        resident: gauges.get("process_resident_memory_bytes") ?? Number.NaN,
        heapUsed: gauges.get("nodejs_heap_size_used_bytes") ?? Number.NaN,
      };
    },
    async stop() {
      const before = performance.now();
      const exit = await stop(started);
      return { ...exit, tookMs: performance.now() - before, output: outputOf(started) };
    },
  };
}
