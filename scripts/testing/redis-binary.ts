import { ensureProgram, type Machine, type ProgramResult } from "./ensure-program.ts";

const INSTALL =
  "The tests need `redis-server` on the PATH: install the package redis-server (Debian, Ubuntu) or redis.";

/**
 * Makes sure that `redis-server` can be started; see `ensureProgram`. The system's own Redis service isn't used by any
 * test, so that it isn't started either where that can be avoided.
 */
export function ensureRedisServer(machine: Machine): ProgramResult {
  return ensureProgram({ names: ["redis-server"], aptPackage: "redis-server", install: INSTALL }, machine);
}
