import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { joinTags, splitTags } from "./record.ts";
import { sqliteFailure, type SqliteConnection } from "./sqlite-connection.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { SqliteFollowers } from "./sqlite-followers.ts";
import type { OnChange } from "../revocation/follower.ts";
import { type Reported, type Spread, SpreadScopes } from "../revocation/spread.ts";
import { type ChangeLog, type FollowState, StoreUnavailable } from "./types.ts";

/** Entries kept. A process that is further behind than this is told `all`. */
const KEPT = 10_000;
/** Entries read at once. */
const BATCH = 500;
/** Without requests, changes by other processes are looked for this often, so that open streams are closed. */
const IDLE_POLL_MS = 20;

const entryRow = z.object({ seq: z.number().int(), tags: z.string() });
const seqRow = z.object({ seq: z.number().int() });

export interface SqliteChanges extends ChangeLog {
  /** Adds an entry. Call it inside the transaction of the change. */
  append(tags: readonly ChangeTag[]): void;
  /** Hands all new entries to the followers, own ones too. Call it after the transaction. */
  drain(): void;
  close(): void;
}

interface Follower {
  readonly onChange: OnChange;
}

/**
 * The change log in the table `changes`. `PRAGMA data_version` moves when another connection has committed;
 * it costs about 2 µs, so that each request can ask.
 */
export function createSqliteChanges(
  connection: SqliteConnection,
  clock: Clock,
  register: SqliteFollowers,
): SqliteChanges {
  return new TableChanges(connection, clock, register);
}

function prepare(database: DatabaseSync) {
  return {
    insert: database.prepare("INSERT INTO changes (at, tags) VALUES (?, ?)"),
    prune: database.prepare("DELETE FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ?"),
    newer: database.prepare("SELECT seq, tags FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"),
    newest: database.prepare("SELECT coalesce(max(seq), 0) AS seq FROM changes"),
    version: database.prepare("PRAGMA data_version"),
  };
}

class TableChanges implements SqliteChanges {
  readonly #connection: SqliteConnection;
  readonly #clock: Clock;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #register: SqliteFollowers;
  readonly #scopes = new SpreadScopes();
  readonly #followers = new Set<Follower>();
  /** Streams that are looked at because of the entry that is handed out. */
  #looking: Promise<number>[] = [];
  readonly #idle: NodeJS.Timeout;
  /** The last entry handed to the followers. */
  #applied: number;
  #seenVersion: number;

  constructor(connection: SqliteConnection, clock: Clock, register: SqliteFollowers) {
    this.#connection = connection;
    this.#clock = clock;
    this.#register = register;
    this.#statements = prepare(connection.database);
    // In this order: an entry that comes in between is seen as new.
    this.#seenVersion = this.#dataVersion();
    this.#applied = this.#newestSeq();
    this.#idle = setInterval(() => this.#pollIdle(), IDLE_POLL_MS);
    this.#idle.unref();
  }

  append(tags: readonly ChangeTag[]): void {
    this.#statements.insert.run(this.#clock.now(), joinTags(tags));
    this.#statements.prune.run(KEPT);
  }

  /** Each request calls this: no closure, no schema library. */
  poll(): void {
    this.#connection.check();
    let version: number;
    try {
      version = this.#dataVersion();
    } catch (error) {
      throw sqliteFailure(error);
    }
    if (version === this.#seenVersion) return;
    this.drain();
    // Only now: where `drain` failed, the next call tries again.
    this.#seenVersion = version;
  }

  drain(): void {
    this.#connection.guard(() => {
      while (this.#drainBatch()) {
        // Until nothing is left.
      }
    });
  }

  follow(onChange: Follower["onChange"]): Promise<() => Promise<void>> {
    return new Promise((resolve) => {
      // What came before this call is not for this follower.
      this.drain();
      // An object of its own: the same function may follow twice.
      const follower: Follower = { onChange };
      this.#followers.add(follower);
      this.#register.join(this.#applied);
      resolve(() => {
        this.#followers.delete(follower);
        if (this.#followers.size === 0) this.#register.leave();
        return Promise.resolve();
      });
    });
  }

  async settled(): Promise<void> {
    const newest = this.#connection.guard(() => this.#newestSeq());
    this.#scopes.add(await this.#register.wait(newest, this.#scopes.waitMs()));
  }

  report<T>(waitMs: number, work: (soFar: () => Spread) => Promise<T>): Promise<Reported<T>> {
    return this.#scopes.report(waitMs, work);
  }

  state(): FollowState {
    return { appliedEntry: this.#applied, leaseLeftMs: null };
  }

  close(): void {
    clearInterval(this.#idle);
    this.#followers.clear();
    this.#register.leave();
  }

  /** False when nothing is left. */
  #drainBatch(): boolean {
    const rows = this.#statements.newer.all(this.#applied, BATCH).map((row) => entryRow.parse(row));
    const first = rows[0];
    if (first === undefined) {
      // A log that went backwards was restored from a backup.
      const newest = this.#newestSeq();
      if (newest < this.#applied) this.#tell(["all"]);
      this.#reached(newest);
      return false;
    }
    if (first.seq !== this.#applied + 1) this.#tell(["all"]);
    for (const row of rows) {
      this.#tell(splitTags(row.tags));
      this.#reached(row.seq);
    }
    return true;
  }

  #tell(tags: readonly ChangeTag[]): void {
    for (const follower of this.#followers) {
      const streams = follower.onChange(tags);
      if (streams !== undefined) this.#looking.push(streams);
    }
  }

  #reached(seq: number): void {
    if (seq === this.#applied) return;
    this.#applied = seq;
    this.#register.applied(seq, this.#looking);
    this.#looking = [];
  }

  #pollIdle(): void {
    try {
      this.#connection.checkFile();
      if (this.#followers.size > 0) this.poll();
    } catch {
      // The next request meets the same failure, and answers it.
    }
  }

  #newestSeq(): number {
    return seqRow.parse(this.#statements.newest.get()).seq;
  }

  #dataVersion(): number {
    const value = this.#statements.version.get()?.["data_version"];
    if (typeof value !== "number") throw new StoreUnavailable("SQLite did not tell its data version");
    return value;
  }
}
