import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The machine, as far as the search for a program needs it. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
  /** Told what is being done, a line at a time. */
  readonly log: (line: string) => void;
}

/** A program that tests start. */
export interface Program {
  /** Names that it goes by; one of them is enough. The first is the one that is asked for. */
  readonly names: readonly [string, ...(readonly string[])];
  /** Package of Debian that brings it. */
  readonly aptPackage: string;
  /** One line that says what to install. */
  readonly install: string;
}

export type ProgramResult =
  /** `path` is absolute. */
  | { readonly ok: true; readonly path: string }
  /** One line that says what to install. */
  | { readonly ok: false; readonly message: string };

/** Absolute path of a program that the PATH of `env` leads to, or `null`. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, name);
    try {
      if (folder !== "") accessSync(file, constants.X_OK);
      else continue;
      return file;
    } catch {
      // Not here; the next folder may hold it.
    }
  }
  return null;
}

/** Absolute path of the first of several programs that the PATH leads to, or `null`. */
export function findFirstProgram(names: readonly string[], env: NodeJS.ProcessEnv): string | null {
  for (const name of names) {
    const path = findProgram(name, env);
    if (path !== null) return path;
  }
  return null;
}

/** Makes sure that a program can be started. Where it is missing it is installed with apt-get, but only as root. */
export function ensureProgram(program: Program, machine: Machine): ProgramResult {
  const { names, aptPackage, install } = program;
  const found = findFirstProgram(names, machine.env);
  if (found !== null) return { ok: true, path: found };
  const aptGet = findProgram("apt-get", machine.env);
  if (!machine.isRoot || aptGet === null) return { ok: false, message: install };
  machine.log(`${names[0]} is not on the PATH; installing it with apt-get`);
  // Out-of-date lists may still hold the package: the answer to `install` is what counts.
  run(aptGet, ["-qq", "update"], machine.env);
  const output = run(aptGet, ["-qq", "install", "-y", "--no-install-recommends", aptPackage], machine.env);
  const installed = findFirstProgram(names, machine.env);
  if (installed !== null) return { ok: true, path: installed };
  machine.log(output.trimEnd());
  return { ok: false, message: `apt-get could not install ${names[0]}. ${install}` };
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const result = spawnSync(program, ["-o", "DPkg::Lock::Timeout=120", ...args], {
    // Runlevel 1 keeps maintainer scripts from starting the service.
    env: { ...env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
  });
  return result.error === undefined ? `${result.stdout}${result.stderr}` : result.error.message;
}
