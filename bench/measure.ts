import { canPin, LOAD_CORE } from "./child.ts";
import { busyShare, coreTicks, cpuMicros, residentBytes } from "./cpu.ts";
import { load } from "./load.ts";
import type { Scenario, System } from "./systems.ts";

/** One round of one scenario on one system. */
export interface Sample {
  /** User and system time of the proxy's process for each request, microseconds. */
  readonly cpuMicros: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly residentBytes: number;
  /** Share of the time in which the proxy's process had its core, 0 to 1. */
  readonly proxyBusy: number;
  /** The same of the core of load generator and upstream; `null` where nothing is pinned. */
  readonly loadBusy: number | null;
}

/** Loads a system for a time. Rejects where a single answer was of the wrong kind. */
export async function measure(
  { server }: System,
  scenario: Scenario,
  timing: { readonly connections: number; readonly seconds: number },
): Promise<Sample> {
  const core = canPin ? coreTicks(LOAD_CORE) : null;
  const before = cpuMicros(server.pid);
  const result = await load({ url: server.url + scenario.path, headers: scenario.headers, ...timing });
  const used = cpuMicros(server.pid) - before;
  const wrong = scenario.status < 400 ? result.statusErrors : result.requests - result.statusErrors;
  if (wrong + result.socketErrors > 0) {
    throw new Error(`${scenario.name}: ${wrong} wrong answers, ${result.socketErrors} failed connections`);
  }
  return {
    cpuMicros: used / result.requests,
    requestsPerSecond: (result.requests * 1e6) / result.durationUs,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    p999Us: result.p999Us,
    residentBytes: residentBytes(server.pid),
    proxyBusy: used / result.durationUs,
    loadBusy: core === null ? null : busyShare(core, coreTicks(LOAD_CORE)),
  };
}
