import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CommandFailure } from "./command.ts";
import { hasCode } from "./login-file.ts";

/** Longer than `work` may take: whoever holds the lock for longer has died. */
const STALE_MS = 30_000;
const POLL_MS = 50;

/**
 * Runs `work` while no other command on this machine changes the file of credentials: two that refresh the same token
 * would look like a thief to the server, which then ends the login. `work` must not take longer than 30 seconds.
 */
export async function withLoginLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const lock = `${file}.lock`;
  const until = Date.now() + 2 * STALE_MS;
  while (!(await take(lock))) {
    if (Date.now() >= until) throw new CommandFailure(`other commands keep ${lock}; try again`);
    await wait(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx", 0o600)).close();
    return true;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  if (Date.now() - (await takenAt(lock)) > STALE_MS) await rm(lock, { force: true });
  return false;
}

/** Of a lock that is free by now, later than ever. */
async function takenAt(lock: string): Promise<number> {
  try {
    return (await stat(lock)).mtimeMs;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return Infinity;
    throw error;
  }
}
