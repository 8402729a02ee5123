import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Names the folder that holds one file for each process that a test has started and not yet seen end. */
export const REGISTRY_VARIABLE = "PORTCULLIS_TEST_PROCESSES";

/** Writes a process down; what it returns strikes it off again. Does nothing outside a test run. */
export function register(pid: number): () => void {
  const registry = process.env[REGISTRY_VARIABLE];
  if (registry === undefined) return () => {};
  const file = join(registry, String(pid));
  mkdirSync(registry, { recursive: true });
  writeFileSync(file, "");
  return () => rmSync(file, { force: true });
}

/** Kills the processes that are still written down. Only pids of our own children ever are. */
export async function killRegistered(registry: string): Promise<void> {
  for (const name of await readdir(registry)) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid <= 1 || !(await stillOurs(pid))) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended in between.
    }
  }
}

/** A pid may have been given to another process since; where /proc tells, only one that has our mark is ours. */
async function stillOurs(pid: number): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => null);
  if (environment === null) return process.platform !== "linux";
  return environment.includes(`${REGISTRY_VARIABLE}=`);
}
