import type { ChangeTag } from "../core/change-tag.ts";
import type { ChangeSource, Closed, Entry, Position } from "./change-source.ts";
import type { Lease } from "./lease.ts";

/**
 * Takes the tags of a change: cached entries are dropped before it returns. Where streams are looked at, the promise
 * resolves with how many were closed, and only then the change counts as applied. It must not reject.
 */
export type OnChange = (tags: readonly ChangeTag[]) => void | Promise<number>;

export interface FollowerLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface FollowerOptions {
  readonly name: string;
  readonly source: ChangeSource;
  readonly lease: Lease;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: FollowerLog;
  readonly onChange: OnChange;
}

/** After a failure, ms. */
const RETRY_MS = 100;
/** At most this long one read waits for an entry, so that a lost log and a lease that runs out are seen. */
const MAX_READ_MS = 1000;

/** How long others wait for an instance whose lease is `leaseMs` long: clocks may run apart by a twentieth. */
export function registrationMs(leaseMs: number): number {
  return Math.ceil(leaseMs * 1.05) + 50;
}

/**
 * Reads the change log from the last entry that was applied, so that a lost connection loses none, and renews the lease
 * after each read. Where entries are missing (trimmed, flushed, lost in a failover, restored from a backup) it says `all`.
 *
 * The lease holds what the promise of docs/revocation.md needs: it is counted from before the renewal was sent, and it
 * is renewed only when all that nobody waited for has been applied (`ChangeSource.register`).
 */
export class LogFollower {
  readonly #options: FollowerOptions;
  readonly #readMs: number;
  readonly #stopping = new AbortController();
  /** `null` while it is unknown what was missed. */
  #position: Position | null = null;
  /** Closed streams that the store has not been told of. */
  #closed: Closed[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#readMs = Math.min(MAX_READ_MS, Math.floor(options.lease.lengthMs / 4));
  }

  /** Number of the last entry applied; -1 while that is unknown. */
  get applied(): number {
    return this.#position?.n ?? -1;
  }

  /** Resolves when changes from now on will be seen; where the store is down, at once, and `all` comes later. */
  async start(): Promise<void> {
    try {
      // Nothing is cached yet, so what came before need not be told.
      this.#position = await this.#options.source.newest();
      await this.#register(this.#position);
    } catch {
      // The loop tries on, and says so to nobody: the store's own connection tells that it is down.
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#options.lease.end();
    this.#options.source.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch {
        // Down, or a reader that failed: the position is as it was, so nothing is lost.
        await this.#options.sleep(RETRY_MS, signal);
      }
    }
  }

  async #step(): Promise<void> {
    const { source } = this.#options;
    if (this.#position === null) {
      // In this order: what comes after `newest` is read later.
      const newest = await source.newest();
      await this.#apply([{ ...newest, after: newest.id, tags: ["all"] }]);
      this.#options.log.warn({}, "changes may have been missed; all cached credentials are dropped");
    } else {
      await this.#apply(await source.read(this.#position, this.#readMs));
    }
    if (this.#position !== null && !this.#stopping.signal.aborted) await this.#register(this.#position);
  }

  async #apply(entries: readonly Entry[]): Promise<void> {
    const looking: Promise<void>[] = [];
    for (const entry of entries) {
      if (this.#stopping.signal.aborted) return;
      const isNext = this.#position === null || isBehind(this.#position, entry);
      if (!isNext) this.#options.log.warn({}, "the change log has a gap; all cached credentials are dropped");
      const streams = this.#options.onChange(isNext ? entry.tags : ["all"]);
      this.#position = { id: entry.id, n: entry.n };
      if (streams !== undefined) looking.push(this.#noteClosed(entry.n, streams));
    }
    await Promise.all(looking);
  }

  async #noteClosed(n: number, streams: Promise<number>): Promise<void> {
    const count = await streams;
    if (count > 0) this.#closed.push({ n, streams: count });
  }

  async #register(applied: Position): Promise<void> {
    const { lease, name, source } = this.#options;
    const sent = lease.moment();
    const waitMs = registrationMs(lease.lengthMs);
    const answer = await source.register({ follower: name, applied, waitMs, closed: this.#closed });
    this.#closed = [];
    // Whoever leaves is waited for no more, whatever answer was still on its way.
    if (this.#stopping.signal.aborted) return;
    if (answer === "granted") lease.renewed(sent);
    else if (answer === "diverged") this.#position = null;
  }
}

function isBehind(position: Position, entry: Entry): boolean {
  return entry.n === position.n + 1 && entry.after === position.id;
}
