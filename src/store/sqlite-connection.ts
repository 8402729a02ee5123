import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "./sqlite-schema.ts";
import { RecordExists, StoreUnavailable } from "./types.ts";

/** How long SQLite waits for another process's write before it gives up. */
export const BUSY_MS = 3000;
/** The same for what may be lost: all requests stand still meanwhile. */
const LAX_BUSY_MS = 5;
/** Switching to WAL and recovering after a crash may meet a lock that SQLite does not wait for. */
const OPEN_ATTEMPTS = 100;

/** One open database file, and the one place that turns SQLite's errors into ours. */
export interface SqliteConnection {
  readonly database: DatabaseSync;
  /** Throws `StoreUnavailable` where `checkFile` found the file gone. */
  check(): void;
  /** Runs `work`; whatever it throws that is not ours becomes `StoreUnavailable`. */
  guard<T>(work: () => T): T;
  /** Runs `work` in a write transaction: it is on disk when this returns. */
  write<T>(work: () => T): T;
  /** Throws `StoreUnavailable` where the file was deleted or replaced since it was opened. */
  checkFile(): void;
  close(): void;
}

/**
 * Opens the file, made with mode 0600 (and its folder with 0700) when missing, and brings its schema up to date.
 * A `lax` connection neither waits for the disk nor, longer than a moment, for other writers: for what may be lost.
 */
export function openSqliteConnection(file: string, durability: "strict" | "lax" = "strict"): SqliteConnection {
  try {
    const inode = createPrivately(file);
    const database = openPatiently(file);
    if (durability === "lax") database.exec(`PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = ${LAX_BUSY_MS}`);
    return new FileConnection(file, inode, database);
  } catch (error) {
    throw sqliteFailure(error);
  }
}

class FileConnection implements SqliteConnection {
  readonly database: DatabaseSync;
  readonly #file: string;
  readonly #inode: bigint;
  #replaced = false;

  constructor(file: string, inode: bigint, database: DatabaseSync) {
    this.#file = file;
    this.#inode = inode;
    this.database = database;
  }

  check(): void {
    if (!this.#replaced) return;
    throw new StoreUnavailable("the database file was replaced or deleted; restart to use the new one");
  }

  guard<T>(work: () => T): T {
    this.check();
    try {
      return work();
    } catch (error) {
      throw error instanceof RecordExists ? error : sqliteFailure(error);
    }
  }

  write<T>(work: () => T): T {
    return this.guard(() => {
      this.database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.database.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.database.isTransaction) this.database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  checkFile(): void {
    this.#replaced = statSync(this.#file, { bigint: true, throwIfNoEntry: false })?.ino !== this.#inode;
    this.check();
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
  }
}

/** Creates file and folder for the owner alone, before SQLite would with the umask. Returns the inode. */
function createPrivately(file: string): bigint {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(file, "a", 0o600);
  try {
    const { ino, mode } = fstatSync(handle, { bigint: true });
    // The journal files take their mode from this one.
    if ((mode & 0o077n) !== 0n) chmodSync(file, 0o600);
    return ino;
  } finally {
    closeSync(handle);
  }
}

function openPatiently(file: string): DatabaseSync {
  for (let attempt = 1; ; attempt += 1) {
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    try {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
      migrate(database);
      return database;
    } catch (error) {
      database.close();
      if (!isBusy(error) || attempt >= OPEN_ATTEMPTS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED, whatever their extended code. */
function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === 5 || code === 6;
}

/** True for a broken UNIQUE or PRIMARY KEY constraint. */
export function isDuplicate(error: unknown): boolean {
  return resultCode(error) === 19;
}

/** SQLite's primary result code, or -1. */
function resultCode(error: unknown): number {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return -1;
  return error.errcode & 0xff;
}

/** What SQLite threw, as `StoreUnavailable`. */
export function sqliteFailure(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  const detail = error instanceof Error ? error.message : "unknown failure";
  return new StoreUnavailable(`the database file did not answer: ${detail}`, { cause: error });
}
