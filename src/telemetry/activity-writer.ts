import { StoreUnavailable } from "../core/store-unavailable.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Activity } from "../core/activity.ts";
import { within } from "../core/within.ts";
import type { Log } from "./log.ts";

/** Entries written at once, and that are not waited with. */
const BATCH = 200;
/** Entries that wait for the store, besides the batch that is being written. */
const MAX_WAITING = 2000;
/** How long `close` tries. */
const CLOSE_MS = 2000;

interface ActivityWriterOptions {
  readonly activity: { append(entries: readonly Activity[]): Promise<void> };
  readonly log: Pick<Log, "info" | "warn">;
  readonly flushMs: number;
  /** Adds what there is to add before a write, `final` for the last. True where there will be more without an `add`. */
  readonly beforeWrite: (final: boolean) => boolean;
}

/** A bounded queue in front of the store. `add` costs a push; all else is done on a timer. */
export class ActivityWriter {
  readonly #options: ActivityWriterOptions;
  #waiting: Activity[] = [];
  #lost = 0;
  #timer: NodeJS.Timeout | null = null;
  #isHurried = false;
  #writing: Promise<void> | null = null;
  #isFailing = false;
  #isClosed = false;
  #closing: Promise<void> | null = null;

  constructor(options: ActivityWriterOptions) {
    this.#options = options;
  }

  get lost(): number {
    return this.#lost;
  }

  add(entry: Activity): void {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(entry);
    this.wake();
  }

  /** Sees to it that there is a write within `flushMs`. */
  wake(): void {
    if (this.#isClosed || this.#writing !== null) return;
    const isFull = this.#waiting.length >= BATCH;
    if (this.#timer !== null && (!isFull || this.#isHurried)) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#isHurried = isFull;
    this.#timer = setTimeout(() => void this.#write(false), isFull ? 0 : this.#options.flushMs);
    this.#timer.unref();
  }

  /** Writes what waits, for 2 s at most. What comes later is lost. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await within(CLOSE_MS, this.#writeLast(), () => undefined);
    this.#isClosed = true;
    this.#lost += this.#waiting.length;
    this.#waiting = [];
  }

  async #writeLast(): Promise<void> {
    await this.#writing;
    const last = this.#write(true);
    this.#isClosed = true;
    await last;
  }

  #write(final: boolean): Promise<void> {
    const goesOn = this.#options.beforeWrite(final);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null;
      if (goesOn || this.#waiting.length > 0) this.wake();
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#writeBatch(this.#waiting.splice(0, BATCH));
      // The embedded store writes while all else stands still: requests come in between.
      await nextTurn();
    }
  }

  async #writeBatch(batch: readonly Activity[]): Promise<void> {
    const { activity, log } = this.#options;
    try {
      await activity.append(batch);
      if (this.#isFailing) log.info({ lost: this.#lost }, "the store takes activity again");
      this.#isFailing = false;
    } catch (error) {
      this.#lost += batch.length;
      // An outage is expected and needs no stack.
      const why = error instanceof StoreUnavailable ? { cause: error.message } : { err: error };
      if (!this.#isFailing) log.warn(why, "the store does not take activity; pages will lack it");
      this.#isFailing = true;
    }
  }
}
