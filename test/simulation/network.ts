import { StoreUnavailable } from "../../src/store/types.ts";
import type { Process } from "./machine.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type Direction = "requests" | "replies";

/** The way between one machine and the store, whatever the connections on it. */
export class NetworkPath {
  readonly #time: VirtualTime;
  readonly #random: Random;
  /** How likely a message is lost that meets no other fault. */
  lossRate: number;
  readonly #cutUntil: Record<Direction, number> = { requests: 0, replies: 0 };
  #cutHolds = false;
  #slowUntil = 0;
  #slowMs = 0;

  constructor(time: VirtualTime, random: Random, lossRate: number) {
    this.#time = time;
    this.#random = random;
    this.lossRate = lossRate;
  }

  /** Where a cut holds, what is sent meanwhile arrives afterwards (it is sent again below us); else it is lost. */
  cut(directions: readonly Direction[], ms: number, holds: boolean): void {
    for (const direction of directions) this.#cutUntil[direction] = this.#time.now + ms;
    this.#cutHolds = holds;
  }

  slow(ms: number, byMs: number): void {
    this.#slowUntil = this.#time.now + ms;
    this.#slowMs = byMs;
  }

  heal(): void {
    this.#cutUntil.requests = this.#time.now;
    this.#cutUntil.replies = this.#time.now;
    this.#slowUntil = 0;
    this.lossRate = 0;
  }

  get open(): boolean {
    const { requests, replies } = this.#cutUntil;
    return Math.max(requests, replies) <= this.#time.now;
  }

  /** When a message that is sent now arrives; `null` is never. */
  arrival(direction: Direction): number | null {
    const random = this.#random;
    if (this.lossRate > 0 && random.chance(this.lossRate)) return null;
    const { now } = this.#time;
    let delay = random.spread(0.05, 3);
    if (this.#slowUntil > now) delay += random.spread(1, this.#slowMs);
    const cutUntil = this.#cutUntil[direction];
    if (cutUntil <= now) return now + delay;
    return this.#cutHolds ? cutUntil + delay : null;
  }
}

/** What the server does for a request: it calls `done` now, or later where it blocks. Returns what ends the blocking. */
export type ServerWork<T> = (done: (value: T) => void) => (() => void) | undefined;

/** The server's side of what a connection needs. */
export interface Server {
  readonly up: boolean;
}

/** After this long without an answer that is due, a connection counts as dead and is made anew, ms. */
export const DEAD_MS = 400;

interface LinkOptions {
  readonly name: string;
  readonly process: Process;
  readonly path: NetworkPath;
  readonly server: Server;
  readonly time: VirtualTime;
  readonly random: Random;
  /** Longest time to a new connection, ms. */
  readonly reconnectMs: number;
}

interface Queued {
  readonly run: (next: () => void) => void;
}

/**
 * One connection of a process, made anew where it is lost. Requests and replies keep their order; each call ends within
 * its limit. A call that failed may still have happened, or happen later.
 */
export class Link {
  readonly #options: LinkOptions;
  #epoch = 0;
  #state: "up" | "down" | "closed" = "up";
  #reconnects = false;
  readonly #pending = new Set<(error: Error) => void>();
  #lastRequest = 0;
  #lastReply = 0;
  /** When the last answer came, or the connection was made. */
  #answeredAt = 0;
  /** The server works on one request of a connection after the other. */
  #queue: Queued[] = [];
  #busy = false;
  #unblock: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  call<T>(limitMs: number, work: ServerWork<T>): Promise<T> {
    const { process, path, time, random } = this.#options;
    if (this.#state !== "up") return Promise.reject(new StoreUnavailable("out of reach"));
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        if (!this.#pending.delete(fail)) return;
        cancel();
        reject(error);
      };
      const cancel = process.timer(limitMs, () => {
        fail(new StoreUnavailable("no answer in time"));
        if (time.now - this.#answeredAt > DEAD_MS) this.reset();
      });
      this.#pending.add(fail);
      const reply = (value: T): void =>
        this.#reply(() => {
          this.#answeredAt = time.now;
          if (!this.#pending.delete(fail)) return;
          cancel();
          resolve(value);
        });
      const arrival = path.arrival("requests");
      if (arrival === null) return;
      this.#lastRequest = Math.max(arrival, this.#lastRequest);
      const epoch = this.#epoch;
      time.at(this.#lastRequest, () => {
        // What was sent on a connection that broke may have got through, or not.
        if (!this.#options.server.up || (epoch !== this.#epoch && random.chance(0.5))) return;
        this.#serve(epoch, work, reply);
      });
    });
  }

  /** The connection breaks: all that waits fails, and a new one is made after a while. */
  reset(): void {
    if (this.#state === "closed") return;
    this.#break();
    this.#state = "down";
    if (!this.#reconnects) this.#reconnect();
  }

  close(): void {
    this.#state = "closed";
    this.#break();
  }

  #break(): void {
    this.#epoch += 1;
    this.#queue = [];
    this.#busy = false;
    this.#unblock?.();
    this.#unblock = undefined;
    this.#lastRequest = 0;
    this.#lastReply = 0;
    const pending = [...this.#pending];
    this.#options.process.turn(this.#options.name, () => {
      for (const fail of pending) fail(new StoreUnavailable("the connection broke"));
    });
  }

  #reconnect(): void {
    const { path, process, random, reconnectMs, server } = this.#options;
    this.#reconnects = true;
    process.timer(random.spread(1, reconnectMs), () => {
      this.#reconnects = false;
      if (this.#state !== "down") return;
      if (!server.up || !path.open) return this.#reconnect();
      this.#state = "up";
      this.#answeredAt = this.#options.time.now;
    });
  }

  #serve<T>(epoch: number, work: ServerWork<T>, reply: (value: T) => void): void {
    if (epoch !== this.#epoch) {
      // Nobody is there to be answered, and nothing to wait for.
      work(() => undefined)?.();
      return;
    }
    this.#queue.push({
      run: (next) => {
        this.#unblock = work((value) => {
          if (epoch !== this.#epoch) return;
          this.#unblock = undefined;
          reply(value);
          next();
        });
      },
    });
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const first = this.#queue.shift();
    this.#busy = first !== undefined;
    first?.run(() => this.#next());
  }

  #reply(deliver: () => void): void {
    const { name, path, process, time } = this.#options;
    const arrival = path.arrival("replies");
    if (arrival === null) return;
    this.#lastReply = Math.max(arrival, this.#lastReply);
    const epoch = this.#epoch;
    time.at(this.#lastReply, () => {
      if (epoch === this.#epoch) process.turn(name, deliver);
    });
  }
}
