import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { type Deny, deny, type Reason } from "../core/decision.ts";
import type { Digest } from "../core/ids.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import type { Accepted, CachedCredential, CredentialCache, CredentialFacts } from "../store/cache.ts";
import type { ApiKeyRecord, ChangeLog, KeyStore } from "../store/types.ts";
import type { Digester } from "./digest.ts";
import { type KeyProblem, keyProblem } from "./key-format.ts";
import type { LastUsed } from "./last-used.ts";
import { createLookupGate, type LookupGate } from "./lookup-gate.ts";
import type { CredentialMetrics } from "./metrics.ts";
import { principalOf } from "./principal.ts";

export interface Refused {
  readonly ok: false;
  readonly deny: Deny;
  /** Whose credential it was, where it is known but revoked or expired. For the record only, never for a decision. */
  readonly presented: AuthenticatedPrincipal | null;
}

export type Authentication = Accepted | Refused;

export interface Authenticator {
  /**
   * Tells who presents `secret`. Synchronous where no look-up is needed. Never rejects and never throws: a store
   * out of reach is `store_unavailable`, unless the credential is cached. The same object is returned for as long
   * as the cached entry lives.
   */
  authenticate(secret: string): Authentication | Promise<Authentication>;
}

export interface AuthenticatorOptions {
  readonly keys: Pick<KeyStore, "findByDigest">;
  readonly changes: Pick<ChangeLog, "poll">;
  /** Must be fed by `changes.follow(cache.apply)` before the first request is served. */
  readonly cache: CredentialCache;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly uses: Pick<LastUsed, "note">;
  readonly metrics: CredentialMetrics;
}

/** Of those whose credential is in no record. */
const REFUSALS: Readonly<Record<KeyProblem, Refused>> = {
  credential_unknown: refused("credential_unknown"),
  credential_malformed: refused("credential_malformed"),
  credential_bad_checksum: refused("credential_bad_checksum"),
};
const UNAVAILABLE = refused("store_unavailable");

/** Store look-ups under way at once, over all credentials; and how many more wait. */
export const LOOKUPS = { concurrent: 256, queued: 1024 } as const;

/** After a failed look-up, a stale entry serves this long before the store is asked for it again. */
const RETRY_AFTER_MS = 1000;

function refused(reason: Reason, presented: AuthenticatedPrincipal | null = null): Refused {
  return Object.freeze({ ok: false, deny: Object.freeze(deny(reason)), presented });
}

/** Authenticates API keys: format, cache, store, in this order. See `Authenticator`. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new CachingAuthenticator(options);
}

class CachingAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #gate: LookupGate;
  /** Look-ups under way by cache key: all who present the same credential wait for one answer. */
  readonly #underWay = new Map<string, Promise<Authentication>>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#gate = createLookupGate(LOOKUPS);
  }

  authenticate(secret: string): Authentication | Promise<Authentication> {
    const { cache, changes, clock, digester, metrics } = this.#options;
    const problem = keyProblem(secret);
    if (problem !== null) {
      metrics.lookup(problem === "credential_bad_checksum" ? "bad_checksum" : "malformed");
      return REFUSALS[problem];
    }
    try {
      changes.poll();
    } catch {
      return UNAVAILABLE;
    }
    const cacheKey = digester.cacheKey(secret);
    const entry = cache.get(cacheKey);
    if (entry !== undefined) {
      const now = clock.monotonic();
      if (now < entry.freshUntil) {
        metrics.lookup("hit");
        return this.#judge(entry);
      }
      if (now < entry.retryAt && now < entry.staleUntil) {
        metrics.lookup("stale");
        return this.#judge(entry);
      }
    } else if (cache.isAbsent(cacheKey)) {
      metrics.lookup("negative");
      return REFUSALS.credential_unknown;
    }
    return this.#lookUpOnce(cacheKey, secret);
  }

  /** What a known credential is worth now. */
  #judge(entry: CachedCredential): Authentication {
    if (entry.revoked) return refused("credential_revoked", entry.accepted.principal);
    const now = this.#options.clock.now();
    if (entry.expiresAt <= now) return refused("credential_expired", entry.accepted.principal);
    this.#options.uses.note(entry, now);
    return entry.accepted;
  }

  #lookUpOnce(cacheKey: string, secret: string): Promise<Authentication> {
    const running = this.#underWay.get(cacheKey);
    if (running !== undefined) return running;
    const lookup = this.#lookUp(cacheKey, secret).finally(() => this.#underWay.delete(cacheKey));
    this.#underWay.set(cacheKey, lookup);
    return lookup;
  }

  async #lookUp(cacheKey: string, secret: string): Promise<Authentication> {
    if (!(await this.#gate.enter())) return this.#fallBack(cacheKey);
    try {
      this.#options.metrics.lookup("miss");
      const digest = this.#options.digester.stored(secret);
      // An answer that raced a change is thrown away and asked for again, once.
      return (await this.#fill(cacheKey, digest)) ?? (await this.#fill(cacheKey, digest)) ?? this.#fallBack(cacheKey);
    } catch {
      return this.#fallBack(cacheKey);
    } finally {
      this.#gate.leave();
    }
  }

  /** Asks the store and keeps the answer; `null` where a change came in between. Rejects where the store fails. */
  async #fill(cacheKey: string, digest: Digest): Promise<Authentication | null> {
    const { cache } = this.#options;
    const fill = cache.beginFill();
    try {
      const record = await this.#find(digest);
      this.#options.changes.poll();
      if (fill.touched(digest, record?.id ?? null)) return null;
      if (record === null) {
        cache.putAbsent(cacheKey, digest);
        return REFUSALS.credential_unknown;
      }
      return this.#judge(cache.put(cacheKey, factsOf(record)));
    } finally {
      fill.end();
    }
  }

  async #find(digest: Digest): Promise<ApiKeyRecord | null> {
    const { clock, keys, metrics } = this.#options;
    const start = clock.monotonic();
    let result: "ok" | "error" = "error";
    try {
      const record = await keys.findByDigest(digest);
      if (record !== null && !sameDigest(record.digest, digest)) {
        throw new Error("the store answered with another credential than was asked for");
      }
      result = "ok";
      return record;
    } finally {
      metrics.storeDuration("find", result, clock.monotonic() - start);
    }
  }

  /** The store did not answer: an entry that is stale, but not too stale, serves on. Anything else is a 503. */
  #fallBack(cacheKey: string): Authentication {
    const { cache, changes, clock, metrics } = this.#options;
    // Looked up anew: a change may have dropped the entry while the store was asked.
    try {
      changes.poll();
    } catch {
      return UNAVAILABLE;
    }
    const entry = cache.get(cacheKey);
    const now = clock.monotonic();
    if (entry === undefined || now >= entry.staleUntil) return UNAVAILABLE;
    entry.retryAt = now + RETRY_AFTER_MS;
    metrics.lookup("stale");
    return this.#judge(entry);
  }
}

/** Both are 64 hex digits. */
function sameDigest(left: Digest, right: Digest): boolean {
  return timingSafeEqual(Buffer.from(left, "hex"), Buffer.from(right, "hex"));
}

function factsOf(record: ApiKeyRecord): CredentialFacts {
  return {
    accepted: Object.freeze({ ok: true, principal: principalOf(record) }),
    digest: record.digest,
    revoked: record.revokedAt !== null,
    expiresAt: record.expiresAt ?? Infinity,
  };
}
