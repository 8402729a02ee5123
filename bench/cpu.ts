import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Clock ticks a second, in which the kernel accounts for CPU time; 100 on nearly every machine. */
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU time that a process has used in user and system mode, microseconds. Linux only. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS;
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? Number.NaN) * 1024;
}

/** Ticks that a core was busy, and all ticks, since the start of the machine. */
export interface CoreTicks {
  readonly busy: number;
  readonly all: number;
}

/** Reads the ticks of one core. Time stolen by the hypervisor counts as busy: it was not there to be used. */
export function coreTicks(core: number): CoreTicks {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const fields = line.split(" ").map(Number);
  const all = fields.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { all, busy: all - (fields[3] ?? 0) - (fields[4] ?? 0) };
}

/** Share of the time between two readings in which the core was busy, 0 to 1. */
export function busyShare(before: CoreTicks, after: CoreTicks): number {
  const all = after.all - before.all;
  return all === 0 ? 0 : (after.busy - before.busy) / all;
}
