import type { Clock } from "../core/clock.ts";

/** One moment on both clocks of a machine, in ms. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * The right to trust the cache, until a moment that the instance can tell by itself. After Gray and Cheriton, "Leases"
 * (1989): who holds one is told of every change before it counts; who may have missed one holds none any more.
 * Both clocks must agree: the monotonic one is moved by nobody, and the wall clock goes on while a machine is suspended.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #until = -Infinity;
  #wallUntil = -Infinity;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  get lengthMs(): number {
    return this.#lengthMs;
  }

  /** What `renewed` is to be given: taken before the renewal is sent, never after. */
  moment(): Moment {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
  }

  /** The renewal that was sent at `sent` was granted. */
  renewed(sent: Moment): void {
    this.#until = sent.monotonic + this.#lengthMs;
    this.#wallUntil = sent.wall + this.#lengthMs;
  }

  /** Gives it up at once. */
  end(): void {
    this.#until = -Infinity;
  }

  /** True while the cache may be trusted. Asked before each use, so it only compares. */
  holds(): boolean {
    return this.#clock.monotonic() < this.#until && this.#clock.now() < this.#wallUntil;
  }

  /** Milliseconds that are left, 0 at least. */
  leftMs(): number {
    const left = Math.min(this.#until - this.#clock.monotonic(), this.#wallUntil - this.#clock.now());
    return Math.max(0, left);
  }
}
