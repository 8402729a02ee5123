import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

/** Secrets of an installation on the embedded store. */
export interface EmbeddedSecrets {
  /** For digests of credentials. Losing it makes every stored credential unknown. */
  readonly pepper: string;
  /** For cookies, newest first. */
  readonly cookies: string[];
}

/** 256 random bits as base64url. */
const secret = z.string().regex(/^[A-Za-z0-9_-]{43,}$/);
const secretsSchema = z.strictObject({ pepper: secret, cookies: z.array(secret).min(1) });

/** Where the secrets of a database are kept. */
export function embeddedSecretsFile(databaseFile: string): string {
  return `${databaseFile}.secrets.json`;
}

/**
 * The secrets kept beside the database, made on the first call. Processes that start at once agree: the file
 * appears whole or not at all, and only one of them makes it. Throws where others than the owner may read it.
 */
export function embeddedSecrets(databaseFile: string): EmbeddedSecrets {
  const file = embeddedSecretsFile(databaseFile);
  return readSecrets(file) ?? makeSecrets(file);
}

function readSecrets(file: string): EmbeddedSecrets | null {
  let handle: number;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  try {
    if ((fstatSync(handle).mode & 0o077) !== 0) {
      throw new Error(`${file} may be read by others than its owner; run: chmod 600 ${file}`);
    }
    return parseSecrets(file, readFileSync(handle, "utf8"));
  } finally {
    closeSync(handle);
  }
}

/** Never quotes the content in an error. */
function parseSecrets(file: string, text: string): EmbeddedSecrets {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const parsed = secretsSchema.safeParse(value);
  if (!parsed.success) throw new Error(`${file} does not hold the secrets of a database`);
  return parsed.data;
}

function makeSecrets(file: string): EmbeddedSecrets {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(6).toString("hex")}`;
  const fresh = { pepper: randomBytes(32).toString("base64url"), cookies: [randomBytes(32).toString("base64url")] };
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(handle, `${JSON.stringify(fresh)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    // Fails where the file exists: then another process was first, and its secrets are taken.
    linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
  const made = readSecrets(file);
  if (made === null) throw new Error(`${file} vanished while it was made`);
  return made;
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}
