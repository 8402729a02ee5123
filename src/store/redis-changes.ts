import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { splitTags } from "./record.ts";
import { leaveFollowers, reportApplied } from "./redis-applied.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { REDIS_KEYS } from "./redis-layout.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { ChangeLog, StoreLog } from "./types.ts";

/** How long one read waits for an entry. Each read also renews the registration, and looks for a lost log. */
const BLOCK_MS = 1000;
const RETRY_MS = 100;
const BATCH = 500;

/** A place in the change log: the id in the stream, and the count that shows gaps. */
interface Position {
  readonly id: string;
  readonly n: number;
}

interface Entry extends Position {
  readonly tags: readonly ChangeTag[];
}

const START: Position = { id: "0-0", n: 0 };

const entrySchema = z.tuple([z.string().regex(/^\d+-\d+$/), z.array(z.string())]).transform(([id, fields]): Entry => {
  const n = Number(fieldOf(fields, "n"));
  // An entry that is not understood counts as a gap.
  return { id, n: Number.isInteger(n) ? n : -1, tags: splitTags(fieldOf(fields, "tags")) };
});
const entriesSchema = z.array(entrySchema);
const readSchema = z
  .array(z.tuple([z.string(), entriesSchema]))
  .nullable()
  .transform((streams) => streams?.[0]?.[1] ?? []);

type OnChange = (tags: readonly ChangeTag[]) => void;

interface RedisChangesOptions {
  /** The store's own. */
  readonly connection: RedisConnection;
  /** Opens a connection for one follower, because its reads block. */
  readonly connect: () => RedisConnection;
  readonly log: StoreLog;
}

/** The change log in a stream. See `Tail`. */
export function createRedisChanges({
  connection,
  connect,
  log,
}: RedisChangesOptions): ChangeLog & { close(): Promise<void> } {
  const tails = new Set<Tail>();

  async function stop(tail: Tail): Promise<void> {
    if (!tails.delete(tail)) return;
    await tail.stop();
    // Not on the follower's connection, where a read blocks. Where it fails, the registration runs out.
    await leaveFollowers(connection, tail.name).catch(() => undefined);
  }

  return {
    async follow(onChange) {
      const tail = new Tail(connect(), log, onChange);
      tails.add(tail);
      await tail.start();
      return () => stop(tail);
    },
    poll() {},
    async close() {
      await Promise.all([...tails].map(stop));
    },
  };
}

/**
 * Reads the log from the last entry applied, so that a lost connection loses none. Where entries are missing
 * (trimmed, flushed, lost in a failover, restored from a backup) it says `all`.
 */
class Tail {
  readonly name = randomUUID();
  readonly #connection: RedisConnection;
  readonly #log: StoreLog;
  readonly #onChange: OnChange;
  readonly #stopping = new AbortController();
  /** `null` while it is unknown what was missed. */
  #position: Position | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(connection: RedisConnection, log: StoreLog, onChange: OnChange) {
    this.#connection = connection;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** Resolves when changes from now on will be seen; where Redis is down, at once, and `all` comes later. */
  async start(): Promise<void> {
    try {
      const position = await this.#newest();
      await reportApplied(this.#connection, this.name, position.n);
      this.#position = position;
    } catch {
      this.#position = null;
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#connection.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch {
        // Down, or a follower that failed: the position is as it was, so nothing is lost.
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #step(): Promise<void> {
    const position = this.#position;
    if (position === null) return this.#restart(await this.#newest());
    // Both are sent at once; the first is answered while the second waits for entries.
    const [newest, read] = [this.#newest(), this.#read(position)];
    read.catch(() => undefined);
    const last = await newest;
    if (isBefore(last, position)) return this.#restart(last);
    for (const entry of await read) {
      if (this.#stopping.signal.aborted) return;
      if (entry.n !== (this.#position?.n ?? -1) + 1) this.#tellAll("entries are missing");
      this.#onChange(entry.tags);
      this.#position = entry;
    }
    await this.#report();
  }

  /** What lies between is unknown. */
  async #restart(position: Position): Promise<void> {
    this.#tellAll("the log began anew, or Redis was out of reach at the start");
    this.#position = position;
    await this.#report();
  }

  #tellAll(reason: string): void {
    this.#log.warn({ reason }, "the change log has a gap; all cached credentials are dropped");
    this.#onChange(["all"]);
  }

  async #report(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await reportApplied(this.#connection, this.name, this.#position?.n ?? 0);
  }

  async #newest(): Promise<Position> {
    const reply = await this.#connection.send("xrevrange", [REDIS_KEYS.changes, "+", "-", "COUNT", 1]);
    return entriesSchema.parse(reply)[0] ?? START;
  }

  async #read(after: Position): Promise<readonly Entry[]> {
    const args = ["COUNT", BATCH, "BLOCK", BLOCK_MS, "STREAMS", REDIS_KEYS.changes, after.id];
    return readSchema.parse(await this.#connection.send("xread", args, BLOCK_MS));
  }
}

/** Stream ids are two numbers: milliseconds, and a count within them. */
function isBefore(left: Position, right: Position): boolean {
  const [leftMs = 0, leftCount = 0] = left.id.split("-").map(Number);
  const [rightMs = 0, rightCount = 0] = right.id.split("-").map(Number);
  return leftMs < rightMs || (leftMs === rightMs && leftCount < rightCount);
}

function fieldOf(fields: readonly string[], name: string): string {
  const at = fields.indexOf(name);
  return at < 0 ? "" : (fields[at + 1] ?? "");
}
