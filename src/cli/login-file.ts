import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CommandFailure } from "./command.ts";

const loginSchema = z.object({
  version: z.literal(1),
  /** Where Portcullis is: its issuer. */
  url: z.string(),
  /** Kept after a login has failed, so that a client that waits for approval is asked for again. */
  client_id: z.string(),
  tokens: z
    .object({
      access_token: z.string(),
      refresh_token: z.string().nullable(),
      /** Wall clock ms. */
      expires_at: z.number(),
    })
    .nullable(),
  /** A client whose login is not done yet, while the tokens of an earlier login stay. */
  pending: z.object({ url: z.string(), client_id: z.string() }).optional(),
});

/** What `portcullis login` keeps. */
export type Login = z.output<typeof loginSchema>;

/** As it is between login and logout. */
export type LoggedIn = Login & { readonly tokens: NonNullable<Login["tokens"]> };

/** `credentials.json` in the folder for configuration of this person (XDG Base Directory). */
export function loginFile(env: NodeJS.ProcessEnv): string {
  const base = env["XDG_CONFIG_HOME"];
  const folder = base === undefined || base === "" ? join(env["HOME"] ?? homedir(), ".config") : base;
  return join(folder, "portcullis", "credentials.json");
}

/** `null` where there is none. `CommandFailure` where others may read it, or where it cannot be understood. */
export async function readLogin(file: string): Promise<Login | null> {
  const mode = await modeOf(file);
  if (mode === null) return null;
  if ((mode & 0o077) !== 0) {
    throw new CommandFailure(`others may read or change ${file}, so it is not used; run: chmod 600 ${file}`);
  }
  const read = loginSchema.safeParse(parse(await readFile(file, "utf8")));
  if (!read.success)
    throw new CommandFailure(`${file} cannot be understood; remove it and log in again: portcullis login --device`);
  return read.data;
}

/** As `readLogin`, with tokens: `CommandFailure` where nobody is logged in. */
export async function requireLogin(file: string): Promise<LoggedIn> {
  const login = await readLogin(file);
  if (login === null || login.tokens === null) {
    throw new CommandFailure("not logged in; run: portcullis login --device --url URL");
  }
  return { ...login, tokens: login.tokens };
}

/** Writes it whole or not at all, for its owner alone. */
export async function writeLogin(file: string, login: Login): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `.credentials-${randomBytes(6).toString("hex")}`);
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(login, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

export async function removeLogin(file: string): Promise<void> {
  await rm(file, { force: true });
}

async function modeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mode;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** True for an error of the file system with that code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
