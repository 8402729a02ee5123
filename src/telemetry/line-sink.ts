/**
 * A queue of lines before one file or stream. Own code instead of pino's destination (sonic-boom), which does not
 * retry by itself after an error, drops beyond its bound without telling which line, carries the rest of a torn line
 * over into the next file on rotation, and blocks a thread on a FIFO without a reader.
 *
 * Promises: bytes queued are counted exactly; lines go out in order, whole and once; after a failure everything is
 * kept and tried again until it works; the process never waits and never crashes for it.
 */
import type { Log } from "./log.ts";
import { closeTarget, openTarget, type OpenTarget, type SinkTarget, writeSome } from "./sink-target.ts";

export interface LineSinkOptions {
  readonly target: SinkTarget;
  readonly queueBytes: number;
  readonly retryMs: number;
  readonly log: Log;
  /** Called when `accepting` changes. */
  readonly onChange: () => void;
}

const NEWLINE = 10;
const NEWLINE_BYTES = Buffer.from("\n");
/** Size from which queued lines form a chunk of their own; one chunk is one write. */
const CHUNK_BYTES = 64 * 1024;
/** Pause where a pipe is full. That is no failure: its reader is slow. */
const BUSY_MS = 20;

export class LineSink {
  /** Bytes accepted and not yet written. */
  queued = 0;
  /** Lines dropped. */
  lost = 0;
  /** False while the sink fails, is full or is closed. */
  accepting = true;

  readonly #options: LineSinkOptions;
  /** Full chunks, then the one that lines are added to. Lines are ASCII: length is bytes. */
  readonly #chunks: string[] = [];
  #tail = "";
  /** The chunk on its way out, and how much of it is written. */
  #bytes: Buffer | null = null;
  #written = 0;

  #open: OpenTarget | null = null;
  /** Counted, because a wish to reopen that comes while an open is under way asks for one more. */
  #opensWanted = 1;
  #opensDone = 0;
  #failing = false;
  #losing = false;
  #closed = false;
  #pump: Promise<void> | null = null;
  #openWaiters: (() => void)[] = [];

  constructor(options: LineSinkOptions) {
    this.#options = options;
    this.#kick();
  }

  /** Queues a line that ends in `\n`. One that `mustKeep` is kept beyond the bound too. */
  write(line: string, mustKeep: boolean): void {
    if (this.#closed || (!mustKeep && this.queued + line.length > this.#options.queueBytes)) {
      this.#lose(1);
      return;
    }
    this.queued += line.length;
    this.#tail += line;
    if (this.#tail.length >= CHUNK_BYTES) {
      this.#chunks.push(this.#tail);
      this.#tail = "";
    }
    if (this.queued >= this.#options.queueBytes) this.#update();
    if (this.#pump === null) this.#kick();
  }

  /** Resolves once the target was opened, or failed to be, since the sink was made or `reopen` was called. */
  opened(): Promise<void> {
    if (!this.#mustOpen() || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#openWaiters.push(resolve));
  }

  /** Opens the target again by its name. */
  reopen(): Promise<void> {
    this.#opensWanted += 1;
    this.#kick();
    return this.opened();
  }

  /** Writes what is queued within `limitMs`, then closes. Later lines count as lost. */
  async close(limitMs: number): Promise<void> {
    if (this.#closed) return;
    const limit = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => limit.resolve(true), limitMs);
    // A line that comes in the meantime starts a run of its own.
    while (this.#pump !== null) {
      if (await Promise.race([this.#pump.then(() => false), limit.promise])) break;
    }
    clearTimeout(timer);
    this.#closed = true;
    this.#update();
    this.#resolveOpenWaiters();
    const left = this.#countLines();
    if (left > 0) this.#lose(left);
    // Else the run closes it when it ends: while a write hangs, the descriptor's number must not go to another file.
    if (this.#pump === null) await this.#release();
  }

  #kick(): void {
    if (this.#pump !== null || this.#closed) return;
    // One turn later, so that all lines of this turn leave in one write.
    this.#pump = new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run());
  }

  /** Opens and writes until nothing is left to do. Never rejects. */
  async #run(): Promise<void> {
    while (!this.#closed && (this.#mustOpen() || this.queued > 0)) {
      try {
        if (this.#mustOpen()) await this.#openAgain();
        await this.#writeOnce();
      } catch (error) {
        await this.#pauseAfter(error);
      }
    }
    // In the same turn as the loop's last check: a line that comes later starts a new run.
    this.#pump = null;
    if (this.#closed) await this.#release();
  }

  async #writeOnce(): Promise<void> {
    const target = this.#open;
    if (this.#bytes === null) this.#nextChunk();
    if (target !== null && this.#bytes !== null) await this.#advance(target, this.#bytes, this.#bytes.length);
    this.#worked();
  }

  /** One write of the chunk on its way out, up to `to`. */
  async #advance(target: OpenTarget, bytes: Buffer, to: number): Promise<void> {
    const count = await writeSome(target, bytes, this.#written, to);
    this.#written += count;
    this.queued -= count;
    if (this.#written === bytes.length) {
      this.#bytes = null;
      this.#written = 0;
    }
  }

  #nextChunk(): void {
    let chunk = this.#chunks.shift();
    if (chunk === undefined) {
      chunk = this.#tail;
      this.#tail = "";
    }
    if (chunk !== "") this.#bytes = Buffer.from(chunk, "latin1");
  }

  /** Opens the target and decides what becomes of a line that is half written. */
  async #openAgain(): Promise<void> {
    const wanted = this.#opensWanted;
    const before = this.#open;
    if (before !== null && !this.#failing) await this.#finishLine(before);
    const next = await openTarget(this.#options.target);
    const same = before !== null && next.regular && before.device === next.device && before.inode === next.inode;
    if (!same) this.#rewindToLine();
    try {
      const ours = same && this.#midLine();
      if (next.torn && !ours) await writeSome(next, NEWLINE_BYTES, 0, 1);
    } catch (error) {
      await closeTarget(next);
      throw error;
    }
    this.#open = next;
    this.#opensDone = wanted;
    if (!this.#mustOpen()) this.#resolveOpenWaiters();
    if (before !== null) await closeTarget(before);
  }

  #mustOpen(): boolean {
    return this.#opensDone !== this.#opensWanted;
  }

  #midLine(): boolean {
    return this.#bytes !== null && this.#written > 0 && this.#bytes[this.#written - 1] !== NEWLINE;
  }

  /** Before a rotation the old file gets the rest of its last line. */
  async #finishLine(target: OpenTarget): Promise<void> {
    while (this.#bytes !== null && this.#midLine()) {
      await this.#advance(target, this.#bytes, this.#bytes.indexOf(NEWLINE, this.#written) + 1);
    }
  }

  /** Another file took the place of one that failed within a line: the new one gets that line whole. */
  #rewindToLine(): void {
    if (this.#bytes === null || !this.#midLine()) return;
    const start = this.#bytes.lastIndexOf(NEWLINE, this.#written - 1) + 1;
    this.queued += this.#written - start;
    this.#written = start;
  }

  async #pauseAfter(error: unknown): Promise<void> {
    const busy = error instanceof Error && "code" in error && error.code === "EAGAIN";
    if (!busy) {
      if (!this.#failing) this.#options.log.error({ err: error }, "audit sink fails; lines are kept and tried again");
      this.#failing = true;
      // By its name, because a file that was moved, removed or replaced never works again by its descriptor.
      this.#opensWanted += 1;
      this.#resolveOpenWaiters();
      this.#update();
    }
    const pauseMs = busy ? BUSY_MS : this.#options.retryMs;
    await new Promise<void>((resolve) => setTimeout(resolve, pauseMs).unref());
  }

  #worked(): void {
    if (this.#failing) this.#options.log.info({ audit_lost: this.lost }, "audit sink works again");
    this.#failing = false;
    // Half empty first, or a sink at its bound would log every line that it loses.
    if (this.queued < this.#options.queueBytes / 2) this.#losing = false;
    if (!this.accepting) this.#update();
  }

  #update(): void {
    const accepting = !this.#failing && !this.#closed && this.queued < this.#options.queueBytes;
    if (accepting === this.accepting) return;
    this.accepting = accepting;
    this.#options.onChange();
  }

  #lose(lines: number): void {
    this.lost += lines;
    if (!this.#losing) this.#options.log.error({ audit_lost: this.lost }, "audit lines are lost");
    this.#losing = true;
  }

  #resolveOpenWaiters(): void {
    const waiters = this.#openWaiters;
    this.#openWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #countLines(): number {
    const rest = this.#bytes?.subarray(this.#written).toString("latin1") ?? "";
    return `${rest}${this.#chunks.join("")}${this.#tail}`.split("\n").length - 1;
  }

  async #release(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open !== null) await closeTarget(open);
  }
}
