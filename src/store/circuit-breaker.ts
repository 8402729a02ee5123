/** Bounds of a circuit breaker. */
export interface CircuitOptions {
  /** So many time-outs in a row open it. */
  readonly threshold: number;
  /** From the opening to the first trial, ms; each trial that fails doubles it. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** 0 to 1, for the jitter: instances that lost the same store must not try again in step. */
  readonly random: () => number;
}

type State =
  | { readonly kind: "closed"; readonly timeouts: number }
  | { readonly kind: "open"; readonly trialAt: number; readonly backoffMs: number }
  /** One trial is under way. */
  | { readonly kind: "half_open"; readonly backoffMs: number };

/**
 * Says whether a command to the store may be sent. It is there so that nobody waits for a store that does not answer, so
 * it counts what made somebody wait: time-outs, and nothing else. An error that the store answers with (LOADING, READONLY,
 * MASTERDOWN, OOM, NOAUTH) came in time and may hold for some commands only: a full store still serves reads. A lost
 * connection makes commands fail at once by itself. Trials are the caller's own; no request is used for one.
 *
 * Pure: the clock is an argument, monotonic ms.
 */
export class CircuitBreaker {
  readonly #options: CircuitOptions;
  #state: State = { kind: "closed", timeouts: 0 };

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  /** False while it is open or a trial is under way. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** A command was answered in time, be it with an error. */
  answered(): void {
    // A late one says nothing of an open circuit: only the trial does.
    if (this.#state.kind === "closed") this.#state = { kind: "closed", timeouts: 0 };
  }

  /** A command was not answered in time. True where that opened it. */
  timedOut(now: number): boolean {
    if (this.#state.kind !== "closed") return false;
    const timeouts = this.#state.timeouts + 1;
    if (timeouts < this.#options.threshold) {
      this.#state = { kind: "closed", timeouts };
      return false;
    }
    this.#open(now, this.#options.firstMs);
    return true;
  }

  /** How long until the next trial is due, ms; `null` where none is to come. */
  trialIn(now: number): number | null {
    return this.#state.kind === "open" ? Math.max(0, this.#state.trialAt - now) : null;
  }

  /** True for one caller once the back-off is over: it tries, and calls `endTrial`. */
  beginTrial(now: number): boolean {
    if (this.#state.kind !== "open" || now < this.#state.trialAt) return false;
    this.#state = { kind: "half_open", backoffMs: this.#state.backoffMs };
    return true;
  }

  endTrial(answered: boolean, now: number): void {
    if (this.#state.kind !== "half_open") return;
    if (answered) this.close();
    else this.#open(now, Math.min(2 * this.#state.backoffMs, this.#options.mostMs));
  }

  /** As at first: there is a new connection, of which nothing bad is known. */
  close(): void {
    this.#state = { kind: "closed", timeouts: 0 };
  }

  #open(now: number, backoffMs: number): void {
    const trialAt = now + backoffMs * (0.5 + this.#options.random() / 2);
    this.#state = { kind: "open", trialAt, backoffMs };
  }
}
