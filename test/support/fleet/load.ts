import { Agent, request } from "node:http";
import type { Random } from "../random.ts";
import type { Instance } from "./fleet.ts";

/** A request gives up after this long, ms: an instance that is stopped takes it and says nothing. */
const PATIENCE_MS = 4000;

/** A request that was served. */
export interface Accepted {
  readonly instance: string;
  readonly key: string;
  /** `performance.now()` of the test. */
  readonly startedAt: number;
}

/** Asks instances for tickets with keys that come and go, and judges each answer. */
export class Load {
  readonly #agents: readonly Agent[];
  readonly #instances: readonly Instance[];
  readonly #keys = new Set<string>();
  /** When the call that revoked a key returned. */
  readonly #revokedAt = new Map<string, number>();
  readonly #accepted = new Map<string, Accepted[]>();
  readonly #random: Random;
  /** 0 is no answer. */
  readonly statuses = new Map<number, number>();
  #running = true;
  #loops: Promise<void>[] = [];

  constructor(instances: readonly Instance[], random: Random) {
    this.#instances = instances;
    this.#random = random;
    this.#agents = instances.map(() => new Agent({ keepAlive: true }));
  }

  start(loopsEach: number): void {
    for (let i = 0; i < loopsEach * this.#instances.length; i += 1) this.#loops.push(this.#loop(i));
  }

  add(key: string): void {
    this.#keys.add(key);
  }

  /** The key was revoked by a call that returned now. It is still asked with until `remove`. */
  revoked(key: string): void {
    this.#revokedAt.set(key, performance.now());
  }

  remove(key: string): void {
    this.#keys.delete(key);
  }

  /** Requests that began after the revoke of their key had returned, and were served. */
  violations(): readonly Accepted[] {
    return [...this.#revokedAt].flatMap(([key, at]) =>
      (this.#accepted.get(key) ?? []).filter(({ startedAt }) => startedAt > at),
    );
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#loops);
    for (const agent of this.#agents) agent.destroy();
  }

  get requests(): number {
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One request to one instance. Never rejects. */
  async #ask(index: number, key: string): Promise<void> {
    const instance = this.#instances[index];
    const agent = this.#agents[index];
    if (instance === undefined || agent === undefined) throw new Error(`there is no instance ${index}`);
    const startedAt = performance.now();
    const status = await statusOf(`${instance.sidecar.url}/tickets/acme`, key, agent);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status !== 200) return;
    const accepted = this.#accepted.get(key) ?? [];
    accepted.push({ instance: instance.name, key, startedAt });
    this.#accepted.set(key, accepted);
  }

  async #loop(number: number): Promise<void> {
    while (this.#running) {
      const keys = [...this.#keys];
      const key = keys[Math.floor(this.#random.next() * keys.length)];
      if (key === undefined) await new Promise((resolve) => setImmediate(resolve));
      else await this.#ask(number % this.#instances.length, key);
    }
  }
}

function statusOf(url: string, key: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const asked = request(url, { agent, signal, headers: { authorization: `Bearer ${key}` } }, (response) => {
      response.resume();
      response.on("close", () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
    });
    asked.on("error", () => resolve(0));
    asked.end();
  });
}
