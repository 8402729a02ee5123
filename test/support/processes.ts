import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { afterAll } from "vitest";
import { register } from "./process-registry.ts";

const project = resolve(import.meta.dirname, "../..");
const STOP_MS = 10_000;
const LINE_MS = 15_000;

export interface SpawnOptions {
  /** Added to our own environment; `undefined` takes a variable away. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process with everything that it has printed so far. Its standard input is closed. */
export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Complete lines of both outputs, in the order of arrival. */
  readonly lines: readonly OutputLine[];
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once, when the process has ended and both outputs are read to their end. */
  readonly exited: Promise<Exit>;
}

export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

const running = new Map<RunningProcess, () => void>();

function killAll(): void {
  for (const { child } of running.keys()) child.kill("SIGKILL");
}

// Three nets: the end of the test file, the end of its worker, and global-setup.ts for a worker that was killed.
process.once("exit", killAll);
afterAll(async () => {
  const left = [...running.keys()];
  killAll();
  await Promise.all(left.map(({ exited }) => exited));
});

/** Starts `portcullis ARGS` from source, with the Node that runs the tests. */
export function spawnPortcullis(args: readonly string[], options: SpawnOptions = {}): RunningProcess {
  return spawnProcess(process.execPath, [resolve(project, "src/cli/bin.ts"), ...args], options);
}

/** Starts any program under the same care: its output is kept, and it never outlives the test run. */
export function spawnProcess(program: string, args: readonly string[], options: SpawnOptions = {}): RunningProcess {
  const child = spawn(program, args, {
    cwd: options.cwd ?? project,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: OutputLine[] = [];
  const stdout = collect(child, "stdout", lines);
  const stderr = collect(child, "stderr", lines);
  const exited = new Promise<Exit>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => done({ code, signal }));
  });
  // A failed start is for whoever waits on it; nobody may.
  exited.catch(() => {});
  const started = { child, pid: child.pid ?? 0, lines, stdout, stderr, exited };
  if (child.pid !== undefined) {
    running.set(started, register(child.pid));
    child.once("close", () => {
      running.get(started)?.();
      running.delete(started);
    });
  }
  return started;
}

function collect(child: ChildProcess, stream: "stdout" | "stderr", lines: OutputLine[]): () => string {
  let text = "";
  let rest = "";
  const source = child[stream];
  source?.setEncoding("utf8");
  source?.on("data", (chunk: string) => {
    text += chunk;
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push({ stream, text: part });
    if (parts.length > 0) child.emit("lines");
  });
  source?.on("end", () => {
    if (rest !== "") lines.push({ stream, text: rest });
    if (rest !== "") child.emit("lines");
    rest = "";
  });
  return () => text;
}

/**
 * The first line, printed already or still to come, that `predicate` takes. Rejects with all output where the process
 * ends first or `timeoutMs` passes.
 */
export async function waitForLine(
  started: RunningProcess,
  predicate: (line: string, stream: "stdout" | "stderr") => boolean,
  timeoutMs: number = LINE_MS,
): Promise<string> {
  let next = 0;
  const find = (): string | undefined => {
    for (; next < started.lines.length; next += 1) {
      const line = started.lines[next];
      if (line !== undefined && predicate(line.text, line.stream)) return line.text;
    }
    return undefined;
  };
  const deadline = AbortSignal.timeout(timeoutMs);
  const ended = started.exited.then(
    () => "the process ended",
    (error: unknown) => `the process did not start: ${String(error)}`,
  );
  const late = once(deadline, "abort").then(() => `${timeoutMs} ms passed`);
  for (;;) {
    const more = once(started.child, "lines", { signal: deadline }).then(
      () => null,
      () => null,
    );
    const found = find();
    if (found !== undefined) return found;
    const problem = await Promise.race([more, ended, late]);
    if (problem === null && !deadline.aborted) continue;
    const last = find();
    if (last !== undefined) return last;
    throw new Error(`No line as expected: ${problem ?? "time is up"}.\n${outputOf(started)}`);
  }
}

/** Both outputs, for the message of a failed test. */
export function outputOf(started: RunningProcess): string {
  return `${started.child.spawnargs.join(" ")}\n--- stdout\n${started.stdout()}\n--- stderr\n${started.stderr()}`;
}

/** Sends SIGTERM and waits for the end; sends SIGKILL after `timeoutMs`. The exit tells which of them it was. */
export async function stop(started: RunningProcess, timeoutMs: number = STOP_MS): Promise<Exit> {
  started.child.kill("SIGTERM");
  const timer = setTimeout(() => void started.child.kill("SIGKILL"), timeoutMs);
  try {
    return await started.exited;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A TCP port of 127.0.0.1 that was free a moment ago. For what must be known before the start, such as the ports of
 * a cluster; prefer to listen on port 0.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}
