import type { Clock } from "../core/clock.ts";
import { BUSY_MS, type SqliteConnection } from "./sqlite-connection.ts";

/** Removed at once, so that no write takes long. */
const BATCH = 200;
const EVERY_MS = 30_000;

/** Removes what has expired, a bounded part at a time. Reads never see it, swept or not. */
export interface SqliteSweep {
  /** Sweeps where it is time to. Call it inside a write transaction. */
  now(): void;
}

/** Sweeps once at the start, where there is something to sweep. */
export function createSqliteSweep(connection: SqliteConnection, clock: Clock): SqliteSweep {
  const { database } = connection;
  const anything = database.prepare(`
    SELECT 1 FROM (SELECT 1 FROM documents WHERE expires_at <= ?1 LIMIT 1)
    UNION ALL SELECT 1 FROM (SELECT 1 FROM counters WHERE resets_at <= ?1 LIMIT 1)`);
  const documents = database.prepare(`
    DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents WHERE expires_at <= ? LIMIT ?)`);
  const counters = database.prepare(`
    DELETE FROM counters WHERE name IN (SELECT name FROM counters WHERE resets_at <= ? LIMIT ?)`);
  let due = 0;

  function sweep(): void {
    const now = clock.now();
    const passed = clock.monotonic();
    if (passed < due) return;
    const removed = [documents, counters].map((statement) => Number(statement.run(now, BATCH).changes));
    // A full batch leaves more behind: the next write goes on.
    if (Math.max(...removed) < BATCH) due = passed + EVERY_MS;
  }

  // Opening waits for nobody: where another process writes now, the next write sweeps.
  database.exec("PRAGMA busy_timeout = 0");
  try {
    if (anything.get(clock.now()) !== undefined) connection.write(sweep);
  } catch {
    // See above.
  } finally {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  }
  return { now: sweep };
}
