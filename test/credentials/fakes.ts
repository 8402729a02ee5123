import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/core/clock.ts";
import { credentialIdOf } from "../../src/credentials/access-token.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createKey } from "../../src/credentials/key-format.ts";
import type { CredentialMetrics } from "../../src/credentials/metrics.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import type { CredentialFacts } from "../../src/store/cache.ts";
import type { Digest } from "../../src/core/ids.ts";
import { DEFAULT_SETTINGS } from "../../src/store/settings.ts";
import { type ApiKeyRecord, StoreUnavailable } from "../../src/store/types.ts";
import { record } from "../store/records.ts";
import { newClientId, newGrantId, newPersonId, scopes } from "./tokens.ts";

/** Settings that nobody ever changed. */
export const settings = { read: () => Promise.resolve(DEFAULT_SETTINGS) };

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

/** Access tokens in memory; each look-up takes a turn of the event loop. */
export class HeldTokens implements CredentialSource {
  asked = 0;
  down = false;
  readonly #facts = new Map<Digest, CredentialFacts>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async find(digest: Digest): Promise<CredentialFacts | null> {
    this.asked += 1;
    const found = this.#facts.get(digest) ?? null;
    await new Promise(setImmediate);
    if (this.down) throw new StoreUnavailable("down");
    return found;
  }

  add(token: string, changes: Partial<CredentialFacts> = {}): CredentialFacts {
    const digest = digester.stored(token);
    const [clientId, personId, grantId] = [newClientId(), newPersonId(), newGrantId()];
    const facts: CredentialFacts = {
      accepted: Object.freeze({
        ok: true,
        digest,
        mcpAccess: true,
        principal: Object.freeze({
          kind: "oauth",
          credentialId: credentialIdOf(digest),
          subject: "ada@example.com",
          scopes: new Set(scopes("tickets:read")),
          portal: null,
          expiresAt: null,
          clientId,
          personId,
          grantId,
          audiencePath: "",
        }),
      }),
      digest,
      tags: [`client:${clientId}`, `person:${personId}`, `grant:${grantId}`],
      revoked: false,
      expiresAt: this.#clock.now() + 3_600_000,
      ...changes,
    };
    this.#facts.set(digest, facts);
    return facts;
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
