import { cpus, release, totalmem } from "node:os";

/** The machine in general terms: enough to judge figures by, nothing that names one machine. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly node: string;
  /** Major and minor version only. */
  readonly kernel: string;
  readonly platform: string;
}

export function describeMachine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: /^\d+\.\d+/.exec(release())?.[0] ?? "unknown",
    platform: `${process.platform} ${process.arch}`,
  };
}
