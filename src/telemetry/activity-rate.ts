export interface Rest {
  readonly count: number;
  /** When the second began. */
  readonly at: number;
}

/** Takes so many a second, and tells how many there were beyond. */
export class Rate {
  readonly #perSecond: number;
  #second = Number.NaN;
  #taken = 0;
  #beyond = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  get hasRest(): boolean {
    return this.#beyond > 0;
  }

  takes(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
      this.#beyond = 0;
    }
    if (this.#taken < this.#perSecond) {
      this.#taken += 1;
      return true;
    }
    this.#beyond += 1;
    return false;
  }

  /** What was beyond in the last second, once that is over. Tells it once. */
  rest(now: number): Rest | null {
    if (this.#beyond === 0 || Math.floor(now / 1000) === this.#second) return null;
    const rest = { count: this.#beyond, at: this.#second * 1000 };
    this.#beyond = 0;
    return rest;
  }
}
