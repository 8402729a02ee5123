/** Numbers that look random and come from a seed alone (sfc32), so that a schedule can be repeated. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = Math.trunc(stream / 0x1_0000_0000) ^ 0x9e_37_79_b9;
    for (let warm = 0; warm < 12; warm += 1) this.#next();
  }

  /** At least `from`, less than `to`. */
  between(from: number, to: number): number {
    return from + (to - from) * this.#unit();
  }

  /** Many small ones and a few large ones: each order of magnitude is as likely as the next. `from` is above 0. */
  spread(from: number, to: number): number {
    return from * (to / from) ** this.#unit();
  }

  /** A whole number, both bounds included. */
  whole(from: number, to: number): number {
    return from + Math.floor((to - from + 1) * this.#unit());
  }

  chance(probability: number): boolean {
    return this.#unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.whole(0, choices.length - 1)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }

  #unit(): number {
    return this.#next() / 0x1_0000_0000;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
