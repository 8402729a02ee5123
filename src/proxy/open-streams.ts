import type { ChangeTag } from "../core/change-tag.ts";
import type { Clock } from "../core/clock.ts";
import type { Reason } from "../core/decision.ts";
import type { Digest } from "../core/ids.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { TagIndex } from "../core/tag-index.ts";
import { within } from "../core/within.ts";
import type { Accepted } from "../credentials/authenticate.ts";
import { createLookupGate } from "../credentials/lookup-gate.ts";
import type { CredentialSource } from "../credentials/source.ts";
import type { Exchange } from "./exchange.ts";
import { recheck } from "./recheck.ts";

export interface OpenStreamsOptions {
  readonly keys: CredentialSource;
  readonly tokens: CredentialSource;
  readonly clock: Clock;
  /** After a change, all that it touches has been looked at so long, ms. What could not be is closed. */
  readonly limitMs: number;
  /** How long changes are still sure to be seen, ms: 0 is no more, `Infinity` where that never ends. */
  readonly trustedMs: () => number;
  readonly metrics: { streamClosed(reason: Reason): void };
}

/** Ends a request under way, or a stream; false where it was over already. */
export type Withdraw = (exchange: Exchange, reason: Reason) => boolean;

/** A look-up may take so long, ms. Whoever cannot be confirmed in this time is closed. */
export const CONFIRM_MS = 250;
/** Look-ups at once. */
const CONCURRENT = 32;
/** While something is open, the clock is looked at so often, ms: it may be set, and a machine suspended. */
const LOOK_MS = 1000;
const SHORTEST_LOOK_MS = 5;
/** Credentials that have nothing open are known on, so that the next request need not make them known: so many looks, */
const QUIET_LOOKS = 60;
/** and while there are no more than these in all. */
const KNOWN = 10_000;

/**
 * What is under way by each credential: event streams, WebSockets, transfers and requests that wait for their answer. A
 * change of what a credential may do, or its end, closes what it no longer allows.
 */
export class OpenStreams {
  readonly #options: OpenStreamsOptions;
  readonly #holders = new Map<string, OpenCredential>();
  /** Of the tags of credentials that have something open: the digests. */
  readonly #index = new TagIndex();
  readonly #gate = createLookupGate({ concurrent: CONCURRENT, queued: Infinity });
  #withdraw: Withdraw = () => false;
  #timer: NodeJS.Timeout | null = null;
  /** Wall clock ms: the earliest end of a credential that the timer knows of. */
  #nextEnd = Infinity;
  #changes = 0;

  constructor(options: OpenStreamsOptions) {
    this.#options = options;
  }

  /** Says how something is ended. To be called before the first `register`. */
  endBy(withdraw: Withdraw): void {
    this.#withdraw = withdraw;
  }

  /** How many changes came in so far: the answer on a credential that another one raced may be too old. */
  get changes(): number {
    return this.#changes;
  }

  /** From now on, until `leaveOpen`, the exchange hangs on the credential. Called in the turn in which that was accepted. */
  register(exchange: Exchange, accepted: Accepted): void {
    let holder = this.#holders.get(accepted.digest);
    if (holder === undefined) holder = this.#hold(accepted);
    else if (holder.principal !== accepted.principal) this.#renew(holder, accepted.principal);
    exchange.place = holder.open.length;
    exchange.holder = holder;
    holder.open.push(exchange);
  }

  /**
   * Takes the tags of a change: looks again at each credential that they touch, and closes what it does not allow any
   * more. Resolves with how many were closed; nothing where nothing is open. Never rejects.
   */
  apply(tags: readonly ChangeTag[]): Promise<number> | undefined {
    this.#changes += 1;
    const touched = this.#touched(tags);
    if (touched.size === 0) return undefined;
    const deadline = this.#options.clock.monotonic() + this.#options.limitMs;
    return Promise.all(Array.from(touched, (holder) => this.#look(holder, deadline))).then(sum);
  }

  /** How much is open by what carries the tag: what a revoke would close on this instance. */
  openOf(tag: ChangeTag): number {
    let open = 0;
    for (const holder of this.#touched([tag])) open += holder.open.length;
    return open;
  }

  /** How many credentials are known here, how many tags of theirs, and what is open by them; for tests. */
  sizes(): { readonly credentials: number; readonly indexed: number; readonly open: number } {
    const open = sum(Array.from(this.#holders.values(), (holder) => holder.open.length));
    return { credentials: this.#holders.size, indexed: this.#index.pairs, open };
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #hold({ digest, principal }: Accepted): OpenCredential {
    const holder = new OpenCredential(digest, principal);
    this.#holders.set(digest, holder);
    for (const tag of holder.tags) this.#index.add(tag, digest);
    this.#awaitEnd(holder);
    return holder;
  }

  #renew(holder: OpenCredential, principal: AuthenticatedPrincipal): void {
    holder.principal = principal;
    this.#awaitEnd(holder);
  }

  #touched(tags: readonly ChangeTag[]): ReadonlySet<OpenCredential> {
    const touched = new Set<OpenCredential>();
    for (const tag of tags) {
      const digests = tag === "all" ? this.#holders.keys() : this.#index.keysOf(tag);
      for (const digest of digests) {
        const holder = this.#holders.get(digest);
        if (holder !== undefined && holder.open.length > 0) touched.add(holder);
      }
    }
    return touched;
  }

  /** Looks at the credential from now on, behind a look-up under way. One that has not begun serves this change too. */
  #look(holder: OpenCredential, deadline: number): Promise<number> {
    if (holder.toCome !== null) return holder.toCome.then(() => 0);
    const look = this.#confirm(holder, holder.lastLook, deadline);
    holder.toCome = look;
    holder.lastLook = look;
    return look;
  }

  async #confirm(holder: OpenCredential, before: Promise<number> | null, deadline: number): Promise<number> {
    await before;
    await this.#gate.enter();
    holder.toCome = null;
    try {
      return holder.open.length === 0 ? 0 : await this.#judge(holder, deadline);
    } catch {
      return this.#closeAll(holder, "internal_error");
    } finally {
      // One a turn, so that many of them keep nobody waiting.
      setImmediate(() => this.#gate.leave());
    }
  }

  async #judge(holder: OpenCredential, deadline: number): Promise<number> {
    const { clock, keys, tokens } = this.#options;
    const limitMs = Math.min(CONFIRM_MS, deadline - clock.monotonic());
    if (limitMs <= 0) return this.#closeAll(holder, "store_unavailable");
    const source = holder.principal.kind === "api_key" ? keys : tokens;
    const found = source.find(holder.digest).catch(() => undefined);
    const facts = await within(limitMs, found, () => undefined);
    if (facts === undefined) return this.#closeAll(holder, "store_unavailable");
    const isOver = holder.endsAt <= clock.now();
    if (facts === null) return this.#closeAll(holder, isOver ? "credential_expired" : "credential_revoked");
    if (facts.digest !== holder.digest) return this.#closeAll(holder, "store_unavailable");
    if (facts.revoked) return this.#closeAll(holder, "credential_revoked");
    if (facts.expiresAt <= clock.now()) return this.#closeAll(holder, "credential_expired");
    this.#renew(holder, facts.accepted.principal);
    return this.#closeEach(holder, (exchange) => recheck(exchange, facts.accepted));
  }

  #closeAll(holder: OpenCredential, reason: Reason): number {
    return this.#closeEach(holder, () => reason);
  }

  #closeEach(holder: OpenCredential, judge: (exchange: Exchange) => Reason | null): number {
    let closed = 0;
    for (const exchange of Array.from(holder.open)) {
      const reason = judge(exchange);
      if (reason === null) continue;
      leaveOpen(exchange);
      if (!this.#withdraw(exchange, reason)) continue;
      closed += 1;
      this.#options.metrics.streamClosed(reason);
    }
    return closed;
  }

  #awaitEnd({ endsAt }: OpenCredential): void {
    if (this.#timer !== null && endsAt >= this.#nextEnd) return;
    this.#nextEnd = Math.min(this.#nextEnd, endsAt);
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { clock, trustedMs } = this.#options;
    const dueMs = Math.min(LOOK_MS, Math.ceil(this.#nextEnd - clock.now()), trustedMs());
    this.#timer = setTimeout(() => this.#lookAtClock(), Math.max(SHORTEST_LOOK_MS, dueMs)).unref();
  }

  /** Closes what has come to its end, and forgets credentials that have had nothing open for a while. */
  #lookAtClock(): void {
    const { clock, trustedMs } = this.#options;
    const now = clock.now();
    const trusted = trustedMs() > 0;
    this.#timer = null;
    this.#nextEnd = Infinity;
    for (const holder of this.#holders.values()) {
      if (holder.endsAt <= now) this.#closeAll(holder, "credential_expired");
      else if (!trusted) this.#closeAll(holder, "store_unavailable");
      holder.quiet = holder.open.length === 0 ? holder.quiet + 1 : 0;
      const isLeft = holder.quiet > 0 && (holder.endsAt <= now || this.#holders.size > KNOWN);
      if (isLeft || holder.quiet > QUIET_LOOKS) this.#forget(holder);
      else this.#nextEnd = Math.min(this.#nextEnd, holder.endsAt);
    }
    if (this.#holders.size > 0) this.#arm();
  }

  #forget({ digest, tags }: OpenCredential): void {
    this.#holders.delete(digest);
    for (const tag of tags) this.#index.remove(tag, digest);
  }
}

/** A credential, and what is open by it. */
export class OpenCredential {
  readonly digest: Digest;
  readonly tags: readonly ChangeTag[];
  readonly open: Exchange[] = [];
  principal: AuthenticatedPrincipal;
  /** How many looks at the clock in a row have found nothing open. */
  quiet = 0;
  /** A look-up that has not begun, and the last one that was asked for. */
  toCome: Promise<number> | null = null;
  lastLook: Promise<number> | null = null;

  constructor(digest: Digest, principal: AuthenticatedPrincipal) {
    this.digest = digest;
    this.principal = principal;
    this.tags = tagsOf(digest, principal);
  }

  /** Wall clock ms; `Infinity` is never. */
  get endsAt(): number {
    return this.principal.expiresAt ?? Infinity;
  }
}

/** The exchange hangs on no credential any more: it is over. */
export function leaveOpen(exchange: Exchange): void {
  const { holder, place } = exchange;
  if (holder === null) return;
  exchange.holder = null;
  const last = holder.open.pop();
  if (last === undefined || last === exchange) return;
  holder.open[place] = last;
  last.place = place;
}

function tagsOf(digest: Digest, principal: AuthenticatedPrincipal): readonly ChangeTag[] {
  const tags: ChangeTag[] = [`credential:${principal.credentialId}`, `digest:${digest}`];
  if (principal.kind !== "oauth") return tags;
  tags.push(`client:${principal.clientId}`);
  if (principal.personId !== null) tags.push(`person:${principal.personId}`);
  if (principal.grantId !== null) tags.push(`grant:${principal.grantId}`);
  return tags;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
