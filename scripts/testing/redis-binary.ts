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

export type RedisResult =
  | { readonly ok: true }
  /** One line that says what to install. */
  | { readonly ok: false; readonly message: string };

const INSTALL =
  "The tests need `redis-server` on the PATH: install the package redis-server (Debian, Ubuntu) or redis.";

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

/**
 * Makes sure that `redis-server` can be started. Where it is missing it is installed with apt-get, but only as
 * root. The system's own Redis service isn't used by any test, so that it isn't started either where that can be
 * avoided.
 */
export function ensureRedisServer(machine: Machine): RedisResult {
  if (findProgram("redis-server", machine.env) !== null) return { ok: true };
  const aptGet = findProgram("apt-get", machine.env);
  if (!machine.isRoot || aptGet === null) return { ok: false, message: INSTALL };
  machine.log("redis-server is not on the PATH; installing it with apt-get");
  // Out-of-date lists may still hold the package: the answer to `install` is what counts.
  run(aptGet, ["-qq", "update"], machine.env);
  const output = run(aptGet, ["-qq", "install", "-y", "--no-install-recommends", "redis-server"], machine.env);
  if (findProgram("redis-server", machine.env) !== null) return { ok: true };
  machine.log(output.trimEnd());
  return { ok: false, message: `apt-get could not install redis-server. ${INSTALL}` };
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
