import type { Clock } from "../../src/core/clock.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

const WALL_START = 1_700_000_000_000;

/** The two clocks of a machine. They run apart from true time by `rate`; the wall clock can be set. */
export class MachineClock implements Clock {
  readonly #time: VirtualTime;
  readonly #rate: number;
  #wallOffset = 0;
  /** How long the monotonic clock has stood still, true ms. */
  #stoodStill = 0;
  #suspendedAt: number | null = null;

  constructor(time: VirtualTime, rate: number) {
    this.#time = time;
    this.#rate = rate;
  }

  now(): number {
    return Math.floor(WALL_START + this.#time.now * this.#rate + this.#wallOffset);
  }

  monotonic(): number {
    return ((this.#suspendedAt ?? this.#time.now) - this.#stoodStill) * this.#rate;
  }

  /** True ms for a span of this clock. */
  trueMs(span: number): number {
    return span / this.#rate;
  }

  setWall(by: number): void {
    this.#wallOffset += by;
  }

  suspend(): void {
    this.#suspendedAt ??= this.#time.now;
  }

  wake(): void {
    if (this.#suspendedAt === null) return;
    this.#stoodStill += this.#time.now - this.#suspendedAt;
    this.#suspendedAt = null;
  }
}

/**
 * One process: what it does, it does in turns that come from outside (a timer, a message). While it is stopped they wait,
 * each in the queue where it came in; after that the queues are worked off in an order that nobody promises.
 */
export class Process {
  readonly clock: MachineClock;
  readonly #time: VirtualTime;
  readonly #random: Random;
  #state: "runs" | "stopped" | "dead" = "runs";
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(time: VirtualTime, random: Random, clock: MachineClock) {
    this.#time = time;
    this.#random = random;
    this.clock = clock;
  }

  get runs(): boolean {
    return this.#state === "runs" && this.#waiting.size === 0;
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** A turn, now or when the process goes on; never where it died. Order is kept within a queue. */
  turn(queue: string, work: () => void): void {
    if (this.runs) {
      work();
      return;
    }
    if (this.dead) return;
    const waiting = this.#waiting.get(queue);
    if (waiting === undefined) this.#waiting.set(queue, [work]);
    else waiting.push(work);
  }

  stop(): void {
    if (this.#state === "runs") this.#state = "stopped";
  }

  resume(): void {
    if (this.#state !== "stopped") return;
    this.#state = "runs";
    this.#workOff();
  }

  kill(): void {
    this.#state = "dead";
    this.#waiting.clear();
  }

  /** Calls `work` when `ms` of the process's monotonic clock are over. Returns what cancels it. */
  timer(ms: number, work: () => void): () => void {
    const due = this.clock.monotonic() + ms;
    const fire = (): void => {
      const early = due - this.clock.monotonic();
      // The clock stood still meanwhile.
      if (early > 0.001) event = this.#time.after(Math.max(1, this.clock.trueMs(early)), fire);
      else this.turn("timers", () => event.cancelled || work());
    };
    let event = this.#time.after(this.clock.trueMs(ms), fire);
    return () => {
      event.cancelled = true;
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.timer(ms, resolve);
      signal?.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }

  /** One turn an event, so that promises go on between them. */
  #workOff(): void {
    if (this.#state !== "runs" || this.#waiting.size === 0) return;
    const queue = this.#random.pick([...this.#waiting.keys()]);
    const waiting = this.#waiting.get(queue) ?? [];
    const work = waiting.shift();
    if (waiting.length === 0) this.#waiting.delete(queue);
    this.#time.after(0, () => this.#workOff());
    work?.();
  }
}
