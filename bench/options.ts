import { parseArgs } from "node:util";
import { SYSTEM_NAMES } from "./systems.ts";

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  /** Systems and scenarios to run; empty is all. */
  readonly only: ReadonlySet<string>;
  /** The results are written under this name. */
  readonly out: string;
}

export const USAGE = `npm run bench -- [--rounds 5] [--seconds 3] [--connections 64] [--only a,b] [--out latest]
--only takes systems (${SYSTEM_NAMES.join(", ")}) and scenarios (small, token, large, public, refused-401, refused-403)
--out names the files in bench/results`;

/** Reads the options of the command line. Throws with the usage where they are wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      connections: { type: "string", default: "64" },
      only: { type: "string", default: "" },
      out: { type: "string", default: "latest" },
    },
  });
  if (!/^[a-z0-9-]+$/.test(values.out)) throw new Error(`--out takes a-z, 0-9 and -\n${USAGE}`);
  return {
    out: values.out,
    rounds: count(values.rounds, "--rounds"),
    seconds: count(values.seconds, "--seconds"),
    connections: count(values.connections, "--connections"),
    only: new Set(values.only.split(",").filter((name) => name !== "")),
  };
}

function count(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a whole number\n${USAGE}`);
  return value;
}
