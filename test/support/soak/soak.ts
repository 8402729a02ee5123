import { freePort } from "../processes.ts";
import { tempFolder } from "../temp.ts";
import { readAudit } from "./audit-book.ts";
import { reconcile } from "./books.ts";
import { Client, type Observed } from "./client.ts";
import { writeConfig } from "./config.ts";
import { makeKeys } from "./keys.ts";
import { makePlan } from "./plan.ts";
import type { Secrets } from "./request-text.ts";
import { type Memory, type SoakSidecar, startSidecar } from "./sidecar.ts";
import { FaultyUpstream } from "./upstream.ts";

/** Requests under way at once. */
const CLIENTS = 32;
/** How long the sidecar may take to write down what clients have left behind. */
const SETTLE_MS = 15_000;

/** A seed from `SOAK_SEED`, or a new one. Printed, so that a failure can be repeated. */
export function soakSeed(): number {
  const given = process.env["SOAK_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`SOAK_SEED=${seed}`);
  return seed;
}

/** Upstream and clients in this process, the sidecar in one of its own. */
export class Soak {
  readonly observed: Observed[] = [];
  readonly violations: string[] = [];
  readonly #seed: number;
  readonly #upstream: FaultyUpstream;
  readonly #sidecar: SoakSidecar;
  readonly #secrets: Secrets;

  constructor(seed: number, parts: { upstream: FaultyUpstream; sidecar: SoakSidecar; secrets: Secrets }) {
    this.#seed = seed;
    this.#upstream = parts.upstream;
    this.#sidecar = parts.sidecar;
    this.#secrets = parts.secrets;
  }

  static async start(seed: number): Promise<Soak> {
    const upstream = new FaultyUpstream(seed);
    const folder = tempFolder();
    const config = await writeConfig(folder, { upstream: await upstream.listen(), down: await freePort() });
    const secrets = await makeKeys(config);
    return new Soak(seed, { upstream, secrets, sidecar: await startSidecar(folder, config) });
  }

  /** Makes requests until `count` are made in all, then waits until the sidecar has counted every one. */
  async run(count: number): Promise<void> {
    await drive(this.#seed, count, this.observed, {
      port: this.#sidecar.port,
      secrets: this.#secrets,
      arrived: (index) => this.#upstream.arrived(index),
      forget: (index) => this.#upstream.forget(index),
      violation: (text) => this.violations.push(text),
    });
    await this.#settle(recordable(this.#seed, count));
  }

  /** Memory of the sidecar, after a collection. */
  memory(): Promise<Memory> {
    return this.#sidecar.memory();
  }

  /** Stops the sidecar and compares the books. */
  async finish() {
    const metrics = await this.#sidecar.metrics();
    const exit = await this.#sidecar.stop();
    await this.#upstream.close();
    const audit = await readAudit(this.#sidecar.auditFile);
    const { observed } = this;
    const problems = reconcile({ seed: this.#seed, observed, seen: this.#upstream.seen, audit, metrics });
    return { exit, audit, problems: [...this.violations, ...this.#upstream.violations, ...problems] };
  }

  async #settle(expected: number): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    while (performance.now() < deadline) {
      const { total, gauges } = await this.#sidecar.metrics();
      if (total >= expected && gauges.get("portcullis_audit_queue_bytes") === 0) return;
    }
  }
}

/** Requests that leave a line: all but those that were reset before their head was whole. */
function recordable(seed: number, count: number): number {
  let lines = 0;
  for (let index = 0; index < count; index++) if (makePlan(seed, index).abort !== "partial-reset") lines++;
  return lines;
}

type Deps = ConstructorParameters<typeof Client>[0];

/** Makes the requests from `observed.length` up to `count` with many clients at once. */
export async function drive(seed: number, count: number, observed: Observed[], deps: Deps): Promise<void> {
  let next = observed.length;
  const work = async (): Promise<void> => {
    const client = new Client(deps);
    while (next < count) {
      const index = next++;
      observed[index] = await client.perform(makePlan(seed, index));
    }
    client.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
}
