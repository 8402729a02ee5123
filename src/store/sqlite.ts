import { randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { createSqliteActivity } from "./sqlite-activity.ts";
import { createSqliteChanges } from "./sqlite-changes.ts";
import { openSqliteConnection } from "./sqlite-connection.ts";
import { createSqliteCounters } from "./sqlite-counters.ts";
import { createSqliteDocuments } from "./sqlite-documents.ts";
import { createSqliteFollowers } from "./sqlite-followers.ts";
import { followerName } from "../revocation/barrier.ts";
import { registrationMs } from "../revocation/follower.ts";
import { createSqliteKeys } from "./sqlite-keys.ts";
import { createSqliteSweep } from "./sqlite-sweep.ts";
import type { Store } from "./types.ts";

export interface SqliteStoreOptions {
  /** The database file. It and its folder are made when missing, for the owner alone. */
  readonly file: string;
  readonly clock: Clock;
  /** What this process is called in reports on changes; a name of its own. */
  readonly instance?: string;
  /** How long a change waits for a process that has the file open and does not answer, ms. */
  readonly leaseMs?: number;
}

/** A file answers at once or fails: there is nothing to wait for. */
const NOTHING_AMISS = { isOut: false, errors: { timeout: 0, unreachable: 0, refused: 0 }, unreplicated: 0 } as const;

/**
 * Opens the embedded store. Several processes may have the file open. An acknowledged change is on disk
 * (WAL with synchronous=FULL). Throws `StoreUnavailable` where the file cannot be opened, or is of a newer version.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { file, clock, instance = `process-${process.pid}`, leaseMs = 10_000 } = options;
  const connection = openSqliteConnection(file);
  const lax = openSqliteConnection(file, "lax");
  const name = followerName(instance, randomBytes(4).toString("hex"));
  const followers = createSqliteFollowers({ connection: lax, clock, name, waitMs: registrationMs(leaseMs) });
  const changes = createSqliteChanges(connection, clock, followers);
  const keys = createSqliteKeys({ connection, changes, clock });
  const sweep = createSqliteSweep(connection, clock);
  const documents = createSqliteDocuments({ connection, changes, clock, sweep });
  const counters = createSqliteCounters({ connection, clock, sweep });
  const ping = connection.database.prepare("SELECT 1");
  return {
    kind: "sqlite",
    keys,
    documents,
    counters,
    activity: createSqliteActivity(lax),
    changes,
    state: () => NOTHING_AMISS,
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
