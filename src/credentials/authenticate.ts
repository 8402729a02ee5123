import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { type Deny, deny, type Reason } from "../core/decision.ts";
import type { Digest } from "../core/ids.ts";
import { KEY_PREFIX } from "../core/key-prefix.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { within } from "../core/within.ts";
import type { Accepted, CachedCredential, CredentialCache, CredentialFacts } from "../store/cache.ts";
import type { ChangeLog } from "../store/types.ts";
import type { Digester } from "./digest.ts";
import type { PresentedVia } from "./extract.ts";
import { type KeyProblem, keyProblem } from "./key-format.ts";
import type { LastUsed } from "./last-used.ts";
import { createLookupGate, type LookupGate } from "./lookup-gate.ts";
import type { CredentialMetrics } from "./metrics.ts";
import type { CredentialSource } from "./source.ts";
import { isTokenText } from "./token-format.ts";

export type { Accepted };

export interface Refused {
  readonly ok: false;
  readonly deny: Deny;
  /** Whose credential it was, where it is known but revoked or expired. For the record only, never for a decision. */
  readonly presented: AuthenticatedPrincipal | null;
}

export type Authentication = Accepted | Refused;

export interface Authenticator {
  /**
   * Tells who presents `secret`, which came in the field that `via` names. Synchronous where no look-up is needed. Never rejects and never throws: a store
   * out of reach is `store_unavailable`, unless the credential is cached. The same object is returned for as long
   * as the cached entry lives.
   */
  authenticate(secret: string, via: PresentedVia): Authentication | Promise<Authentication>;
}

export interface AuthenticatorOptions {
  readonly keys: CredentialSource;
  /** OAuth access tokens; `null` where OAuth is off. */
  readonly tokens: CredentialSource | null;
  readonly changes: Pick<ChangeLog, "poll">;
  /** Must be fed by `changes.follow(cache.apply)` before the first request is served. */
  readonly cache: CredentialCache;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly uses: Pick<LastUsed, "note">;
  readonly metrics: CredentialMetrics;
  /** The longest that a request waits for the store, ms, its turn among other look-ups included. */
  readonly lookupMs?: number;
}

const LOOKUP_MS = 500;

/** Of those whose credential is in no record. */
const REFUSALS: Readonly<Record<KeyProblem, Refused>> = {
  credential_unknown: refused("credential_unknown"),
  credential_malformed: refused("credential_malformed"),
  credential_bad_checksum: refused("credential_bad_checksum"),
};
const UNAVAILABLE = refused("store_unavailable");

/** Store look-ups under way at once, of keys and of tokens each; and how many more wait. */
export const LOOKUPS = { concurrent: 256, queued: 1024 } as const;

/** After a failed look-up, a stale entry serves this long before the store is asked for it again. */
const RETRY_AFTER_MS = 1000;

function refused(reason: Reason, presented: AuthenticatedPrincipal | null = null): Refused {
  return Object.freeze({ ok: false, deny: Object.freeze(deny(reason)), presented });
}

/** Authenticates API keys and access tokens: format, cache, store, in this order. See `Authenticator`. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new CachingAuthenticator(options);
}

/** Where credentials of a kind are looked up. */
interface Desk {
  readonly source: CredentialSource;
  /** Its own: a random token has no checksum to fail, so a flood of them fills its gate, and keys are served on. */
  readonly gate: LookupGate;
}

class CachingAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #keys: Desk;
  readonly #tokens: Desk | null;
  /** Look-ups under way by cache key: all who present the same credential wait for one answer, or for none that is late. */
  readonly #underWay = new Map<string, Promise<Authentication> | "late">();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    const { keys, tokens } = options;
    this.#keys = { source: keys, gate: createLookupGate(LOOKUPS) };
    this.#tokens = tokens === null ? null : { source: tokens, gate: createLookupGate(LOOKUPS) };
  }

  authenticate(secret: string, via: PresentedVia): Authentication | Promise<Authentication> {
    const { cache, changes, clock, digester, metrics } = this.#options;
    // What claims to be a key is a key or nothing, so no text can be both.
    const isKey = secret.startsWith(KEY_PREFIX);
    const problem = isKey ? keyProblem(secret) : tokenProblem(secret, via);
    const desk = isKey ? this.#keys : this.#tokens;
    if (problem !== null || desk === null) {
      metrics.lookup(problem === "credential_bad_checksum" ? "bad_checksum" : "malformed");
      return REFUSALS[problem ?? "credential_unknown"];
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
      if (now < entry.retryAt) {
        metrics.lookup("stale");
        return this.#judge(entry);
      }
    } else if (cache.isAbsent(cacheKey)) {
      metrics.lookup("negative");
      return REFUSALS.credential_unknown;
    }
    return this.#lookUpOnce(cacheKey, secret, desk);
  }

  /** What a known credential is worth now. */
  #judge(entry: CachedCredential): Authentication {
    if (entry.revoked) return refused("credential_revoked", entry.accepted.principal);
    const now = this.#options.clock.now();
    if (entry.expiresAt <= now) return refused("credential_expired", entry.accepted.principal);
    this.#options.uses.note(entry, now);
    return entry.accepted;
  }

  #lookUpOnce(cacheKey: string, secret: string, desk: Desk): Authentication | Promise<Authentication> {
    const running = this.#underWay.get(cacheKey);
    // What was true for those who waited may have been taken away since: each who comes later is judged anew.
    if (running === "late") return this.#fallBack(cacheKey);
    if (running !== undefined) return running;
    const lookup = this.#lookUp(cacheKey, secret, desk).finally(() => this.#underWay.delete(cacheKey));
    const bounded = within(this.#options.lookupMs ?? LOOKUP_MS, lookup, () => {
      // It stays under way, so that the store is not asked twice.
      this.#underWay.set(cacheKey, "late");
      return this.#fallBack(cacheKey);
    });
    this.#underWay.set(cacheKey, bounded);
    return bounded;
  }

  async #lookUp(cacheKey: string, secret: string, { gate, source }: Desk): Promise<Authentication> {
    if (!(await gate.enter())) return this.#fallBack(cacheKey);
    try {
      this.#options.metrics.lookup("miss");
      const digest = this.#options.digester.stored(secret);
      // An answer that raced a change is thrown away and asked for again, once.
      return (
        (await this.#fill(cacheKey, digest, source)) ??
        (await this.#fill(cacheKey, digest, source)) ??
        this.#fallBack(cacheKey)
      );
    } catch {
      return this.#fallBack(cacheKey);
    } finally {
      gate.leave();
    }
  }

  /** Asks the store and keeps the answer; `null` where a change came in between. Rejects where the store fails. */
  async #fill(cacheKey: string, digest: Digest, source: CredentialSource): Promise<Authentication | null> {
    const { cache } = this.#options;
    const fill = cache.beginFill();
    try {
      const facts = await this.#find(digest, source);
      this.#options.changes.poll();
      if (fill.touched(digest, facts)) return null;
      if (facts === null) {
        cache.putAbsent(cacheKey, digest);
        return REFUSALS.credential_unknown;
      }
      return this.#judge(cache.put(cacheKey, facts));
    } finally {
      fill.end();
    }
  }

  async #find(digest: Digest, source: CredentialSource): Promise<CredentialFacts | null> {
    const { clock, metrics } = this.#options;
    const start = clock.monotonic();
    let result: "ok" | "error" = "error";
    try {
      const facts = await source.find(digest);
      if (facts !== null && !sameDigest(facts.digest, digest)) {
        throw new Error("the store answered with another credential than was asked for");
      }
      result = "ok";
      return facts;
    } finally {
      metrics.storeDuration("find", result, clock.monotonic() - start);
    }
  }

  /** The store did not answer: a stale entry serves on, for changes of it would still be seen. Anything else is a 503. */
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
    if (entry === undefined) return UNAVAILABLE;
    entry.retryAt = now + RETRY_AFTER_MS;
    metrics.lookup("stale");
    return this.#judge(entry);
  }
}

/** Both are 64 hex digits. */
function sameDigest(left: Digest, right: Digest): boolean {
  return timingSafeEqual(Buffer.from(left, "hex"), Buffer.from(right, "hex"));
}

/** Why a text can be no access token, without any look-up. RFC 6750 §2: tokens come in `Authorization` alone. */
function tokenProblem(secret: string, via: PresentedVia): KeyProblem | null {
  return via === "bearer" && isTokenText(secret) ? null : "credential_unknown";
}
