import { randomBytes } from "node:crypto";
import { createDigester } from "../../src/credentials/digest.ts";
import { createKey } from "../../src/credentials/key-format.ts";
import type { CredentialMetrics } from "../../src/credentials/metrics.ts";
import type { Digest } from "../../src/core/ids.ts";
import { type ApiKeyRecord, StoreUnavailable } from "../../src/store/types.ts";
import { record } from "../store/records.ts";

export const digester = createDigester({ pepper: "pepper-of-the-tests" });

/** A key with its record. */
export function keyWithRecord(changes: Partial<ApiKeyRecord> = {}): {
  readonly key: string;
  readonly record: ApiKeyRecord;
} {
  const key = createKey(randomBytes);
  return { key, record: record({ digest: digester.stored(key), last4: key.slice(-4), ...changes }) };
}

/** A key store whose answers the test can hold back, to interleave them with changes. */
export class HeldKeys {
  readonly records = new Map<Digest, ApiKeyRecord>();
  asked = 0;
  down = false;
  /** While true, answers wait for `release`. What they say is read when they were asked for. */
  hold = false;
  #held: (() => void)[] = [];

  findByDigest(digest: Digest): Promise<ApiKeyRecord | null> {
    this.asked += 1;
    const answer = this.records.get(digest) ?? null;
    const { down } = this;
    return new Promise((resolve, reject) => {
      const settle = (): void => (down ? reject(new StoreUnavailable("down")) : resolve(answer));
      if (this.hold) this.#held.push(settle);
      else settle();
    });
  }

  get waiting(): number {
    return this.#held.length;
  }

  release(): void {
    for (const settle of this.#held.splice(0)) settle();
  }
}

export class CountingMetrics implements CredentialMetrics {
  readonly lookups: Record<string, number> = {};
  readonly durations: string[] = [];

  lookup(result: string): void {
    this.lookups[result] = (this.lookups[result] ?? 0) + 1;
  }

  storeDuration(operation: string, result: string, milliseconds: number): void {
    this.durations.push(`${operation} ${result} ${Number.isFinite(milliseconds)}`);
  }
}
