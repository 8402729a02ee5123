import type { ChangeTag } from "../../src/core/change-tag.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import type { Process } from "./machine.ts";
import { type Seen, seenIn, type SimCredential } from "./subjects.ts";

/** A stream that was opened with a credential. */
export interface SimStream {
  readonly of: SimCredential;
  /** What is known to allow it. */
  seen: Seen;
}

/** See `CONFIRM_MS` and the other bounds of src/proxy/open-streams.ts. */
const CONFIRM_MS = 250;
const LOOK_MS = 1000;
const SHORTEST_LOOK_MS = 5;

/**
 * What src/proxy/open-streams.ts promises, without its sockets: a change that touches a stream has it looked up anew, and
 * it is closed where the answer does not allow it or does not come; where changes may be missed, all are closed.
 */
export class SimStreams {
  readonly open = new Set<SimStream>();
  readonly #process: Process;
  readonly #source: CredentialSource;
  readonly #trustedMs: () => number;
  #watches = false;

  readonly #confirmMs: number;

  constructor(process: Process, source: CredentialSource, leaseMs: number, trustedMs: () => number) {
    this.#process = process;
    this.#confirmMs = Math.min(CONFIRM_MS, leaseMs / 2);
    this.#source = source;
    this.#trustedMs = trustedMs;
  }

  add(of: SimCredential, seen: Seen): void {
    this.open.add({ of, seen });
    if (!this.#watches) this.#watch();
  }

  apply(tags: readonly ChangeTag[]): Promise<number> | undefined {
    const touched = [...this.open].filter(({ of }) => tags.some((tag) => of.tags.includes(tag)));
    if (touched.length === 0) return undefined;
    return Promise.all(touched.map((stream) => this.#confirm(stream))).then((closed) => closed.filter(Boolean).length);
  }

  async #confirm(stream: SimStream): Promise<boolean> {
    const facts = await this.#within(this.#source.find(stream.of.digest));
    const seen = facts?.revoked === false ? seenIn.get(facts.accepted) : undefined;
    if (seen === undefined) return this.open.delete(stream);
    stream.seen = seen;
    return false;
  }

  /** `null` where it rejects or does not resolve in time. */
  async #within<T>(answer: Promise<T>): Promise<T | null> {
    const late = Promise.withResolvers<null>();
    const cancel = this.#process.timer(this.#confirmMs, () => late.resolve(null));
    try {
      return await Promise.race([answer, late.promise]);
    } catch {
      return null;
    } finally {
      cancel();
    }
  }

  #watch(): void {
    this.#watches = true;
    const due = Math.max(SHORTEST_LOOK_MS, Math.min(LOOK_MS, this.#trustedMs()));
    this.#process.timer(due, () => {
      if (this.#trustedMs() <= 0) this.open.clear();
      this.#watches = this.open.size > 0;
      if (this.#watches) this.#watch();
    });
  }
}
