import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Cores that processes are pinned to: the system under test has one to itself. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** True where `taskset` is there and the machine has two cores or more. */
export const canPin: boolean = spawnSync("taskset", ["-c", String(LOAD_CORE), "true"]).status === 0;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** A program with its arguments, pinned to a core where that is possible. */
export function pinned(core: number, program: string, args: readonly string[]): [string, string[]] {
  return canPin ? ["taskset", ["-c", String(core), program, ...args]] : [program, [...args]];
}

export interface Server {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a Node script that prints a line with its URL once it serves. `taskset` replaces itself, so the pid is the script's. */
export async function startServer(core: number, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = spawn(...pinned(core, process.execPath, args), {
    env: { ...process.env, NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const url = await firstUrl(child, args);
  return {
    pid: child.pid ?? 0,
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function firstUrl(child: ChildProcess, args: readonly string[]): Promise<string> {
  if (child.stdout === null) throw new Error("no standard output");
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error(`ended before it served: ${args.join(" ")}`);
}

/** Runs a program to its end and returns what it printed. Rejects where it fails. */
export async function run(command: readonly [string, readonly string[]]): Promise<string> {
  const child = spawn(command[0], command[1], { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const closed: unknown[] = await once(child, "close");
  running.delete(child);
  if (closed[0] !== 0) throw new Error(`${command[0]} failed: ${text}`);
  return text;
}
