import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../random.ts";
import type { Fleet, Instance } from "./fleet.ts";

const FAULTS = ["stopped", "cut", "half-open", "slow", "store crashed"] as const;
type Fault = (typeof FAULTS)[number];
/** Those of one instance, each as likely. */
const INSTANCE_FAULTS = FAULTS.flatMap((fault) => (fault === "store crashed" ? [] : [[1, fault] as const]));

/** How long a fault lasts, ms: some end within the lease, some do not. */
const SHORTEST_MS = 100;

/** How the store of a fleet, or a part of it, is made to fail, and to come back. */
export interface CrashingStore {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** Puts faults on a fleet, one after the other at each of `lanes` places at once, until it is stopped. */
export class Faults {
  readonly counts = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));
  readonly #fleet: Fleet;
  readonly #crash: CrashingStore;
  readonly #random: Random;
  readonly #longestMs: number;
  readonly #stopping = new AbortController();
  #running: Promise<void>[] = [];
  #storeIsDown = false;

  constructor(fleet: Fleet, crash: CrashingStore, options: { random: Random; longestMs: number }) {
    this.#fleet = fleet;
    this.#crash = crash;
    this.#random = options.random;
    this.#longestMs = options.longestMs;
  }

  start(): void {
    // An instance has one fault at a time; the first one here never has any, so that somebody always serves.
    for (const instance of this.#fleet.instances.slice(1)) this.#running.push(this.#trouble(instance));
    this.#running.push(this.#crashStore());
  }

  /** Ends all faults. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #trouble(instance: Instance): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#wait(this.#random.between(50, 1000));
      await this.#put(instance.relay === null ? "stopped" : this.#random.pick(INSTANCE_FAULTS), instance);
    }
  }

  async #put(fault: Fault, { relay, sidecar }: Instance): Promise<void> {
    this.#count(fault);
    if (fault === "stopped") sidecar.process.child.kill("SIGSTOP");
    else if (fault === "cut") relay?.cut();
    else if (fault === "half-open") relay?.freeze();
    else relay?.delay(this.#random.between(5, 400));
    await this.#wait(this.#random.between(SHORTEST_MS, this.#longestMs));
    if (fault === "stopped") sidecar.process.child.kill("SIGCONT");
    else relay?.heal();
  }

  async #crashStore(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#wait(this.#random.between(2000, 6000));
      if (this.#stopping.signal.aborted) break;
      this.#count("store crashed");
      this.#storeIsDown = true;
      await this.#crash.kill();
      await this.#wait(this.#random.between(50, 1500));
      await this.#crash.restart();
      this.#storeIsDown = false;
    }
    if (this.#storeIsDown) await this.#crash.restart();
  }

  #count(fault: Fault): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  async #wait(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
