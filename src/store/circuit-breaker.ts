import type { Clock } from "../core/clock.ts";

/** What has become of a call, for the breaker: an answer of any kind is one that came. */
export type CallResult = "answered" | "failed";

export interface CircuitBreakerOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** 0 to 1. */
  readonly random: () => number;
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open at first, and at most, ms. Each trial that fails doubles it. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Keeps callers from waiting for a store that does not answer. Closed, every call passes. After `failures` in a row it
 * is open: none passes, for a while. Then one call is the trial: its answer closes it, its failure keeps it open for
 * longer. The pauses vary by a quarter, so that instances that lost the same store do not try it in step.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #inARow = 0;
  #pauseMs: number;
  /** Monotonic ms; `null` is closed. */
  #openUntil: number | null = null;
  #onTrial = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#pauseMs = options.firstMs;
  }

  get isOpen(): boolean {
    return this.#openUntil !== null;
  }

  /** Whether a call may be made now. Where it may, `settled` is owed. */
  admits(): boolean {
    if (this.#openUntil === null) return true;
    if (this.#onTrial || this.#options.clock.monotonic() < this.#openUntil) return false;
    this.#onTrial = true;
    return true;
  }

  settled(result: CallResult): void {
    if (result === "answered") this.#close();
    else this.#fail();
  }

  #close(): void {
    this.#inARow = 0;
    this.#openUntil = null;
    this.#onTrial = false;
    this.#pauseMs = this.#options.firstMs;
  }

  #fail(): void {
    const { clock, failures, longestMs, random } = this.#options;
    this.#inARow += 1;
    // Calls that were made before it opened say nothing new.
    if (this.#openUntil !== null && !this.#onTrial) return;
    if (this.#openUntil === null && this.#inARow < failures) return;
    this.#openUntil = clock.monotonic() + this.#pauseMs * (0.75 + random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestMs);
    this.#onTrial = false;
  }
}
