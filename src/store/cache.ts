import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import type { Digest } from "../core/ids.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { TagIndex } from "../core/tag-index.ts";
import type { ChangeTag } from "../core/change-tag.ts";

/** What an authenticated caller is answered with; one object per cached entry, frozen. */
export interface Accepted {
  readonly ok: true;
  readonly principal: AuthenticatedPrincipal;
  /** The stored digest, by which the credential is looked up again while something of it is open. */
  readonly digest: Digest;
  /** False while MCP routes are closed to everyone. A change of it drops every entry. */
  readonly mcpAccess: boolean;
}

/** What is known of a credential. Revoked and expired ones are kept too, so that the audit can say which. */
export interface CredentialFacts {
  readonly accepted: Accepted;
  readonly digest: Digest;
  /** What else it hangs on, such as a grant and its person: a change of any of them drops the entry. A few at most. */
  readonly tags: readonly ChangeTag[];
  readonly revoked: boolean;
  /** Wall clock ms; `Infinity` is never. */
  readonly expiresAt: number;
}

/** A cached credential. The times that change are numbers, so that the hot path only compares. */
export interface CachedCredential extends CredentialFacts {
  /** Monotonic ms: from here on the store is asked again. */
  readonly freshUntil: number;
  /** Monotonic ms: while the store is out of reach, it is not asked again before this. */
  retryAt: number;
  /** Wall clock ms: from here on a use is worth noting. Owned by the last-used recorder. */
  nextUseAt: number;
}

/** A look-up under way: collects the changes that came in after it started. */
export interface Fill {
  /**
   * True where a change since the start touches this credential: the answer may be too old to use. `found` is `null`
   * where the store has none.
   */
  touched(digest: Digest, found: CredentialFacts | null): boolean;
  end(): void;
}

export interface CredentialCache {
  /** The entry, fresh or not: compare `freshUntil`. */
  get(cacheKey: string): CachedCredential | undefined;
  /** True where the store said lately that there is no such credential. */
  isAbsent(cacheKey: string): boolean;
  /** Starts a look-up. Call it before the store is asked; call `end` when done. */
  beginFill(): Fill;
  /** Keeps what was found. Call only where `fill.touched` is false. */
  put(cacheKey: string, facts: CredentialFacts): CachedCredential;
  /** Keeps that there is no such credential, for the negative ttl. */
  putAbsent(cacheKey: string, digest: Digest): void;
  /** Drops the entries that the tags touch. Hand it to `ChangeLog.follow`. */
  apply(tags: readonly ChangeTag[]): void;
  /** How many entries are held, and how many tags of theirs are indexed; for metrics and tests. */
  sizes(): { readonly found: number; readonly absent: number; readonly indexed: number; readonly fills: number };
}

interface CacheOptions {
  readonly maxEntries: number;
  /** How long an entry is trusted without asking again, at most. Changes drop it sooner. */
  readonly ttlMs: number;
  /** 0 to 1: up to a tenth is taken off, so that what came in together is not asked for again together. Else nothing is. */
  readonly random?: () => number;
  readonly negativeTtlMs: number;
  readonly clock: Clock;
}

interface AbsentEntry {
  readonly until: number;
  readonly digest: Digest;
}

/** Tags that one look-up remembers before it just counts as touched. */
const MAX_FILL_TAGS = 1000;

/**
 * Credentials by the digest of what was presented. Bounded: `maxEntries` found ones, and apart from them at
 * most as many absent ones (65,536 at most), so that a flood of unknown keys evicts no good entry.
 */
export function createCredentialCache(options: CacheOptions): CredentialCache {
  return new TaggedCache(options);
}

class TaggedCache implements CredentialCache {
  readonly #ttlMs: number;
  readonly #random: () => number;
  readonly #negativeTtlMs: number;
  readonly #clock: Clock;
  readonly #found: LRUCache<string, CachedCredential>;
  readonly #absent: LRUCache<string, AbsentEntry>;
  /** What a tag names → cache keys, kept in step with the two caches by `dispose`. */
  readonly #index = new TagIndex();
  readonly #fills = new Set<OpenFill>();

  constructor({ maxEntries, ttlMs, negativeTtlMs, random = () => 0, clock }: CacheOptions) {
    this.#ttlMs = ttlMs;
    this.#random = random;
    this.#negativeTtlMs = negativeTtlMs;
    this.#clock = clock;
    this.#found = new LRUCache<string, CachedCredential>({
      max: maxEntries,
      noDisposeOnSet: true,
      dispose: (entry, cacheKey) => {
        this.#unindex(entry, cacheKey);
      },
    });
    this.#absent = new LRUCache<string, AbsentEntry>({
      max: Math.min(maxEntries, 65_536),
      noDisposeOnSet: true,
      dispose: (entry, cacheKey) => {
        this.#index.remove(`digest:${entry.digest}`, cacheKey);
      },
    });
  }

  get(cacheKey: string): CachedCredential | undefined {
    return this.#found.get(cacheKey);
  }

  isAbsent(cacheKey: string): boolean {
    const entry = this.#absent.get(cacheKey);
    if (entry === undefined) return false;
    if (this.#clock.monotonic() < entry.until) return true;
    this.#absent.delete(cacheKey);
    return false;
  }

  beginFill(): Fill {
    const fill = new OpenFill(this.#fills);
    this.#fills.add(fill);
    return fill;
  }

  put(cacheKey: string, facts: CredentialFacts): CachedCredential {
    const now = this.#clock.monotonic();
    const before = this.#found.get(cacheKey);
    if (before !== undefined) this.#unindex(before, cacheKey);
    const entry: CachedCredential = {
      ...facts,
      freshUntil: now + this.#ttlMs * (1 - this.#random() / 10),
      retryAt: 0,
      nextUseAt: before?.nextUseAt ?? 0,
    };
    this.#absent.delete(cacheKey);
    this.#found.set(cacheKey, entry);
    this.#index.add(`credential:${facts.accepted.principal.credentialId}`, cacheKey);
    this.#index.add(`digest:${facts.digest}`, cacheKey);
    for (const tag of facts.tags) this.#index.add(tag, cacheKey);
    return entry;
  }

  #unindex(facts: CredentialFacts, cacheKey: string): void {
    this.#index.remove(`credential:${facts.accepted.principal.credentialId}`, cacheKey);
    this.#index.remove(`digest:${facts.digest}`, cacheKey);
    for (const tag of facts.tags) this.#index.remove(tag, cacheKey);
  }

  putAbsent(cacheKey: string, digest: Digest): void {
    if (this.#negativeTtlMs <= 0) return;
    this.#found.delete(cacheKey);
    this.#absent.delete(cacheKey);
    this.#absent.set(cacheKey, { until: this.#clock.monotonic() + this.#negativeTtlMs, digest });
    this.#index.add(`digest:${digest}`, cacheKey);
  }

  apply(tags: readonly ChangeTag[]): void {
    for (const tag of tags) {
      for (const fill of this.#fills) fill.note(tag);
      if (tag === "all") {
        this.#found.clear();
        this.#absent.clear();
        continue;
      }
      for (const cacheKey of this.#index.keysOf(tag)) {
        this.#found.delete(cacheKey);
        this.#absent.delete(cacheKey);
      }
    }
  }

  sizes(): { readonly found: number; readonly absent: number; readonly indexed: number; readonly fills: number } {
    return {
      found: this.#found.size,
      absent: this.#absent.size,
      indexed: this.#index.pairs,
      fills: this.#fills.size,
    };
  }
}

class OpenFill implements Fill {
  readonly #open: Set<OpenFill>;
  readonly #tags = new Set<ChangeTag>();

  constructor(open: Set<OpenFill>) {
    this.#open = open;
  }

  note(tag: ChangeTag): void {
    if (this.#tags.size >= MAX_FILL_TAGS) this.#tags.add("all");
    else this.#tags.add(tag);
  }

  touched(digest: Digest, found: CredentialFacts | null): boolean {
    if (this.#tags.size === 0) return false;
    if (this.#tags.has("all") || this.#tags.has(`digest:${digest}`)) return true;
    if (found === null) return false;
    return (
      this.#tags.has(`credential:${found.accepted.principal.credentialId}`) ||
      found.tags.some((tag) => this.#tags.has(tag))
    );
  }

  end(): void {
    this.#open.delete(this);
  }
}
