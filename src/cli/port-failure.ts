import type { Config } from "../config/config.ts";
import { CommandFailure } from "./command.ts";

/** Which listener found its port taken, in words, with what to do about it; `null` for any other failure. */
export function portFailure(error: unknown, { listen }: Config, advice: string): CommandFailure | null {
  if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE" && "port" in error)) return null;
  const listener = error.port === listen.public.address.port ? "public" : "admin";
  return new CommandFailure(`port ${String(error.port)} is in use (listen.${listener}.address); ${advice}`);
}
