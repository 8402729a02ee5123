/** Something that will happen. */
export interface Event {
  readonly at: number;
  /** Of two at one time the first planned is first. */
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** The one true time of a simulation, ms, and what is to happen in it. Nothing else makes time pass. */
export class VirtualTime {
  #now = 0;
  #planned = 0;
  #halted = false;
  readonly #heap: Event[] = [];

  get now(): number {
    return this.#now;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** Nothing happens any more. */
  halt(): void {
    this.#halted = true;
  }

  at(at: number, run: () => void): Event {
    const event = { at: Math.max(at, this.#now), order: this.#planned, run, cancelled: false };
    this.#planned += 1;
    this.#push(event);
    return event;
  }

  after(delay: number, run: () => void): Event {
    return this.at(this.#now + delay, run);
  }

  /** Lets all happen up to `until`, one event after the other; what each sets off by promises happens with it. */
  async runUntil(until: number): Promise<void> {
    if (this.#halted) return;
    for (let event = this.#heap[0]; event !== undefined && event.at <= until; event = this.#heap[0]) {
      this.#pop();
      if (event.cancelled) continue;
      this.#now = event.at;
      event.run();
      await settled();
      if (this.#halted) return;
    }
    this.#now = until;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      const other = heap[down + 1];
      if (child === undefined) break;
      if (other !== undefined && isBefore(other, child)) {
        child = other;
        down += 1;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

/** Resolves when every promise that can go on has gone on: ticks come after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
