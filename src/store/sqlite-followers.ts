import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { waitUntilApplied } from "../revocation/barrier.ts";
import type { FollowerRegister } from "../revocation/change-source.ts";
import type { Spread } from "../revocation/spread.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

const followerRow = z.object({ name: z.string(), applied: z.number(), until: z.number() });
const closedRow = z.object({ streams: z.number().nullable() });

/** Closed streams are kept for this many entries of the log. */
const CLOSED_KEPT = 10_000;
/** After a registration that met another writer, ms: at first, and at most where the file takes no writes at all. */
const RETRY_MS = 10;
const LONGEST_RETRY_MS = 1000;

export interface SqliteFollowersOptions {
  /** The lax one: a registration that is lost with the machine is one of a process that is gone too. */
  readonly connection: SqliteConnection;
  readonly clock: Clock;
  /** Name of this process among the followers. */
  readonly name: string;
  /** How long others wait for this process without news of it, ms. */
  readonly waitMs: number;
}

/**
 * Who has the database open and streams to close. A request never asks this: it sees each change by itself. What waits
 * for it is a change that takes something away, so that streams are closed when it is reported as done.
 */
export interface SqliteFollowers {
  /** Entry `seq` has been applied once `looking` is over; each tells how many streams were closed. */
  applied(seq: number, looking: readonly Promise<number>[]): void;
  /** Registers and renews from now on. */
  join(seq: number): void;
  leave(): void;
  /** Resolves when all who are registered have applied entry `seq`, or their time or `limitMs` is over. */
  wait(seq: number, limitMs: number): Promise<Spread>;
}

export function createSqliteFollowers(options: SqliteFollowersOptions): SqliteFollowers {
  return new TableFollowers(options);
}

function prepare({ database }: SqliteConnection) {
  return {
    put: database.prepare("INSERT OR REPLACE INTO followers (name, applied, until) VALUES (?, ?, ?)"),
    remove: database.prepare("DELETE FROM followers WHERE name = ? OR until <= ?"),
    all: database.prepare("SELECT name, applied, until FROM followers WHERE until > ?"),
    close: database.prepare("INSERT OR REPLACE INTO closed_streams (seq, follower, streams) VALUES (?, ?, ?)"),
    pruneClosed: database.prepare("DELETE FROM closed_streams WHERE seq <= ?"),
    closed: database.prepare("SELECT sum(streams) AS streams FROM closed_streams WHERE seq = ?"),
  };
}

class TableFollowers implements SqliteFollowers {
  readonly #options: SqliteFollowersOptions;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #register: FollowerRegister;
  #renewal: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = RETRY_MS;
  #applied = 0;
  /** Entries whose streams are still looked at: later ones wait for them. `null` is none. */
  #looking: Promise<void> | null = null;
  /** By entry; told together with the registration. */
  readonly #closed = new Map<number, number>();

  constructor(options: SqliteFollowersOptions) {
    this.#options = options;
    const { clock, connection } = options;
    const statements = prepare(connection);
    this.#statements = statements;
    this.#register = {
      async followers() {
        const now = clock.now();
        const rows = connection.guard(() => statements.all.all(now)).map((row) => followerRow.parse(row));
        return rows.map(({ name, applied, until }) => ({ name, applied, leftMs: until - now }));
      },
      closed: async (n) => closedRow.parse(connection.guard(() => statements.closed.get(n))).streams ?? 0,
    };
  }

  applied(seq: number, looking: readonly Promise<number>[]): void {
    if (this.#renewal === null) return;
    if (looking.length === 0 && this.#looking === null) return this.#reached(seq, 0);
    const looked = this.#lookedAt(seq, looking, this.#looking).finally(() => {
      if (this.#looking === looked) this.#looking = null;
    });
    this.#looking = looked;
  }

  async #lookedAt(seq: number, looking: readonly Promise<number>[], before: Promise<void> | null): Promise<void> {
    await before;
    const counts = await Promise.all(looking);
    const streams = counts.reduce((sum, count) => sum + count, 0);
    this.#reached(seq, streams);
  }

  join(seq: number): void {
    this.#applied = seq;
    this.#renewal ??= setInterval(() => this.#write(), this.#options.waitMs / 4).unref();
    this.#write();
  }

  leave(): void {
    if (this.#renewal === null) return;
    clearInterval(this.#renewal);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#renewal = null;
    const { clock, connection, name } = this.#options;
    try {
      connection.write(() => this.#statements.remove.run(name, clock.now()));
    } catch {
      // It runs out by itself.
    }
  }

  wait(seq: number, limitMs: number): Promise<Spread> {
    return waitUntilApplied(seq, limitMs, { register: this.#register, clock: this.#options.clock, sleep: pause });
  }

  #reached(seq: number, streams: number): void {
    if (streams > 0) this.#closed.set(seq, streams);
    this.#applied = seq;
    this.#write();
  }

  /** Tells it, or tries again soon: another process is writing. */
  #write(): void {
    if (this.#renewal === null) return;
    const { clock, connection, name, waitMs } = this.#options;
    const { close, pruneClosed, put } = this.#statements;
    try {
      connection.write(() => {
        for (const [seq, streams] of this.#closed) close.run(seq, name, streams);
        if (this.#closed.size > 0) pruneClosed.run(this.#applied - CLOSED_KEPT);
        put.run(name, this.#applied, Math.ceil(clock.now() + waitMs));
      });
      this.#closed.clear();
      this.#retryMs = RETRY_MS;
    } catch {
      this.#retry ??= setTimeout(() => {
        this.#retry = null;
        this.#write();
      }, this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    }
  }
}
