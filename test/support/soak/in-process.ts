import { isDeepStrictEqual } from "node:util";
import { loadConfig } from "../../../src/config/config.ts";
import { formatProblem } from "../../../src/core/problem.ts";
import { type App, startApp } from "../../../src/app/app.ts";
import { createLog } from "../../../src/telemetry/log.ts";

/** Starts the sidecar in this process, so that what it leaves open can be seen. */
export async function startInProcess(file: string): Promise<App> {
  const config = await loadConfig(file, {});
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join("\n"));
  return startApp(config.value, { env: {}, log: createLog({ level: "silent" }) });
}

/** What the sidecar could leave behind. Pipes and processes belong to the test run. */
const KINDS = new Set(["TCPSocketWrap", "TCPServerWrap", "TLSWrap", "TCPConnectWrap", "FSReqPromise", "FSReqCallback"]);
const GIVE_UP_MS = 10_000;

/** Open sockets, servers, file requests and timers that keep this process up, by kind. */
export function openResources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (KINDS.has(kind) || kind === "Timeout") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Waits until as much is open as before, or gives up. Looks each turn, because a timer of its own would count. */
export async function settledResources(before: Readonly<Record<string, number>>): Promise<typeof before> {
  const deadline = performance.now() + GIVE_UP_MS;
  let now = openResources();
  while (!isDeepStrictEqual(now, before) && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
    now = openResources();
  }
  return now;
}
