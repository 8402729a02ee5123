import type { Clock } from "../core/clock.ts";
import { createSqliteActivity } from "./sqlite-activity.ts";
import { createSqliteChanges } from "./sqlite-changes.ts";
import { openSqliteConnection } from "./sqlite-connection.ts";
import { createSqliteCounters } from "./sqlite-counters.ts";
import { createSqliteDocuments } from "./sqlite-documents.ts";
import { createSqliteKeys } from "./sqlite-keys.ts";
import { createSqliteSweep } from "./sqlite-sweep.ts";
import type { Store } from "./types.ts";

export interface SqliteStoreOptions {
  /** The database file. It and its folder are made when missing, for the owner alone. */
  readonly file: string;
  readonly clock: Clock;
}

/**
 * Opens the embedded store. Several processes may have the file open. An acknowledged change is on disk
 * (WAL with synchronous=FULL). Throws `StoreUnavailable` where the file cannot be opened, or is of a newer version.
 */
export function openSqliteStore({ file, clock }: SqliteStoreOptions): Store {
  const connection = openSqliteConnection(file);
  const changes = createSqliteChanges(connection, clock);
  const keys = createSqliteKeys({ connection, changes, clock });
  const sweep = createSqliteSweep(connection, clock);
  const documents = createSqliteDocuments({ connection, changes, clock, sweep });
  const counters = createSqliteCounters({ connection, clock, sweep });
  const lax = openSqliteConnection(file, "lax");
  const ping = connection.database.prepare("SELECT 1");
  return {
    kind: "sqlite",
    keys,
    documents,
    counters,
    activity: createSqliteActivity(lax),
    changes,
    ping: () =>
      new Promise((resolve) => {
        connection.checkFile();
        connection.guard(() => ping.get());
        resolve();
      }),
    close() {
      changes.close();
      lax.close();
      connection.close();
      return Promise.resolve();
    },
  };
}
