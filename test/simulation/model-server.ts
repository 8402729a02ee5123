import type { ChangeTag } from "../../src/core/change-tag.ts";
import type { Entry } from "../../src/revocation/change-source.ts";
import { ModelStore, type StoreMutations } from "./model-store.ts";
import type { ServerWork } from "./network.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a record is: each write gives it a version of its own, and nothing that was taken away comes back. */
export interface RecordState {
  readonly version: number;
  readonly live: boolean;
}

/** An entry of the log, and the version that the record got with it. */
export interface Written {
  readonly n: number;
  readonly version: number;
}

interface Reader {
  readonly wake: (entry: Entry) => void;
}

/** The store as a process: records, the log, and who waits for an entry. */
export class ModelServer {
  readonly log: ModelStore;
  up = true;
  /** How far the clock has been set back in all, ms. */
  setBackMs = 0;
  readonly #time: VirtualTime;
  readonly #rate: number;
  #clockOffset = 0;
  readonly #keep: number;
  #records = new Map<ChangeTag, RecordState>();
  #versions = 0;
  #written: (Written & { readonly tag: ChangeTag })[] = [];
  readonly #readers = new Set<Reader>();

  /** `keep`: entries of the log that are kept. `rate`: of its clock. */
  constructor(time: VirtualTime, options: { keep: number; rate: number; mutations: StoreMutations }) {
    this.#time = time;
    this.#rate = options.rate;
    this.#keep = options.keep;
    this.log = new ModelStore(options.mutations);
  }

  /** The store's own clock, whole ms. */
  now(): number {
    return Math.floor(this.micros() / 1000);
  }

  /** Microseconds of the same clock. */
  micros(): number {
    return Math.floor((1_700_000_000_000 + this.#time.now * this.#rate + this.#clockOffset) * 1000);
  }

  read(tag: ChangeTag): RecordState | null {
    return this.#records.get(tag) ?? null;
  }

  /** Writes a record and its entry in one step. `revoke` and `edit` of an unknown one do nothing. */
  write(tag: ChangeTag, change: "create" | "edit" | "revoke", tags: readonly ChangeTag[] = [tag]): Written | null {
    const before = this.#records.get(tag);
    if ((before === undefined) !== (change === "create")) return null;
    const live = change === "create" || (change === "edit" && before?.live === true);
    // A repeated revoke leaves the record as it is, and is told to all again.
    const version = before !== undefined && !before.live ? before.version : (this.#versions += 1);
    this.#records.set(tag, { version, live });
    const entry = this.log.append(this.micros(), tags);
    this.log.trim(this.#keep);
    for (const reader of this.#readers) reader.wake(entry);
    this.#written.push({ n: entry.n, version, tag });
    return { n: entry.n, version };
  }

  /** Takes what was written up to entry `n`. */
  writtenUpTo(n: number): readonly (Written & { readonly tag: ChangeTag })[] {
    const taken = this.#written.filter((each) => each.n <= n);
    this.#written = this.#written.filter((each) => each.n > n);
    return taken;
  }

  forgetWritten(): void {
    this.#written = [];
  }

  /** XREAD with BLOCK. */
  blockingRead(after: string, waitMs: number): ServerWork<readonly Entry[]> {
    return (done) => {
      const found = this.log.after(after);
      if (found.length > 0) {
        done(found);
        return undefined;
      }
      return this.#wait(waitMs, () => this.log.after(after), done);
    };
  }

  /** As a subscription gives them: only what comes while one listens. */
  subscribed(waitMs: number): ServerWork<readonly Entry[]> {
    return (done) => this.#wait(waitMs, (entry) => [entry], done);
  }

  /** What a replica that is as far as this has, to go on with later; its clock is `clockMs` ahead, 0 at most. */
  save(clockMs: number): () => void {
    const restoreLog = this.log.save();
    const records = new Map(this.#records);
    return () => {
      restoreLog();
      this.#records = new Map(records);
      this.#clockOffset += clockMs;
      this.setBackMs -= clockMs;
    };
  }

  #wait(
    waitMs: number,
    find: (entry: Entry) => readonly Entry[],
    done: (entries: readonly Entry[]) => void,
  ): () => void {
    const timeout = this.#time.after(waitMs / this.#rate, () => {
      this.#readers.delete(reader);
      done([]);
    });
    const end = (): void => {
      timeout.cancelled = true;
      this.#readers.delete(reader);
    };
    const reader: Reader = {
      wake: (entry) => {
        const found = find(entry);
        if (found.length === 0) return;
        end();
        done(found);
      },
    };
    this.#readers.add(reader);
    return end;
  }
}
