import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Reason } from "../../src/core/decision.ts";
import type { Digest } from "../../src/core/ids.ts";
import type { AuthenticatedPrincipal } from "../../src/core/principal.ts";
import type { Accepted } from "../../src/credentials/authenticate.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import { leaveOpen, OpenStreams } from "../../src/proxy/open-streams.ts";
import type { CredentialFacts } from "../../src/store/cache.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { record } from "../store/records.ts";
import { StillExchange } from "./still-exchange.ts";

const LIMIT_MS = 400;

let clock: FakeClock;
let ended: [StillExchange, Reason][];
let trustedMs: number;
let open: OpenStreams;
const counts = new Map<Reason, number>();

beforeEach(() => {
  clock = fakeClock();
  ended = [];
  trustedMs = Infinity;
  counts.clear();
});
afterEach(() => {
  open.close();
  vi.useRealTimers();
});

function start(keys: CredentialSource, withdraw?: () => boolean): OpenStreams {
  open = new OpenStreams({
    keys,
    tokens: { find: () => Promise.reject(new Error("no token is open")) },
    clock,
    limitMs: LIMIT_MS,
    trustedMs: () => trustedMs,
    metrics: { streamClosed: (reason) => counts.set(reason, (counts.get(reason) ?? 0) + 1) },
  });
  open.endBy((exchange, reason) => {
    if (exchange instanceof StillExchange) ended.push([exchange, reason]);
    return withdraw?.() ?? true;
  });
  return open;
}

/** Keys in memory; a look-up takes a turn of the event loop. */
class Keys implements CredentialSource {
  asked = 0;
  readonly facts = new Map<Digest, CredentialFacts>();

  async find(digest: Digest): Promise<CredentialFacts | null> {
    this.asked += 1;
    const found = this.facts.get(digest) ?? null;
    await new Promise(setImmediate);
    return found;
  }

  add(changes: Partial<CredentialFacts> = {}): CredentialFacts {
    const { digest, id } = record();
    const expiresAt = changes.expiresAt ?? Infinity;
    const principal: AuthenticatedPrincipal = {
      kind: "api_key",
      credentialId: id,
      subject: "ada",
      scopes: new Set<never>(),
      portal: null,
      expiresAt: expiresAt === Infinity ? null : expiresAt,
    };
    const accepted: Accepted = { ok: true, principal, digest, mcpAccess: true };
    const facts = { accepted, digest, tags: [], revoked: false, expiresAt, ...changes };
    this.facts.set(digest, facts);
    return facts;
  }

  revoke(facts: CredentialFacts): void {
    this.facts.set(facts.digest, { ...facts, revoked: true });
  }
}

function opened({ accepted }: CredentialFacts): StillExchange {
  const exchange = new StillExchange();
  exchange.principal = accepted.principal;
  open.register(exchange, accepted);
  return exchange;
}

const tagOf = ({ accepted }: CredentialFacts) => `credential:${accepted.principal.credentialId}` as const;

describe("what is open by a credential", () => {
  test("is what was registered and has not left, in whatever order it leaves", () => {
    const keys = new Keys();
    start(keys);
    const [one, two] = [keys.add(), keys.add()];
    const mine = Array.from({ length: 5 }, () => opened(one));
    opened(two);
    for (const [index, left] of [
      [1, 4],
      [4, 3],
      [0, 2],
      [3, 1],
      [2, 0],
    ] as const) {
      const exchange = mine[index];
      if (exchange !== undefined) leaveOpen(exchange);
      if (exchange !== undefined) leaveOpen(exchange);
      expect([open.openOf(tagOf(one)), open.openOf(tagOf(two))]).toEqual([left, 1]);
    }
  });

  test("is nothing of what a change of another credential, or a new one, touches", () => {
    const keys = new Keys();
    start(keys);
    opened(keys.add());
    const other = keys.add();
    expect(open.apply([tagOf(other), `digest:${other.digest}`])).toBeUndefined();
    expect([open.changes, keys.asked]).toEqual([1, 0]);
  });
});

describe("a change", () => {
  test("closes all that is open by a revoked credential, and counts it", async () => {
    const keys = new Keys();
    start(keys);
    const [one, two] = [keys.add(), keys.add()];
    const mine = [opened(one), opened(one)];
    opened(two);
    keys.revoke(one);
    expect(await open.apply([tagOf(one), `digest:${one.digest}`])).toBe(2);
    expect(ended).toEqual(mine.map((exchange) => [exchange, "credential_revoked"]));
    expect(counts).toEqual(new Map([["credential_revoked", 2]]));
    expect([open.openOf(tagOf(one)), open.openOf(tagOf(two)), keys.asked]).toEqual([0, 1, 1]);
  });

  test.each<readonly [string, Reason, (keys: Keys, facts: CredentialFacts) => void]>([
    ["is gone", "credential_revoked", (keys, { digest }) => void keys.facts.delete(digest)],
    ["has ended", "credential_expired", (keys, facts) => void keys.facts.set(facts.digest, { ...facts, expiresAt: 0 })],
    ["is another", "store_unavailable", (keys, { digest }) => void keys.facts.set(digest, keys.add())],
    [
      "cannot be looked up",
      "store_unavailable",
      (keys) => void (keys.find = () => Promise.reject(new Error("the store is down"))),
    ],
    ["is not found in time", "store_unavailable", (keys) => void (keys.find = () => new Promise(() => undefined))],
  ])("closes what is open where the credential %s: %s", async (_what, reason, change) => {
    const keys = new Keys();
    start(keys);
    const facts = keys.add();
    const exchange = opened(facts);
    change(keys, facts);
    expect(await open.apply([tagOf(facts)])).toBe(1);
    expect(ended).toEqual([[exchange, reason]]);
  });

  test("counts nothing that was over already", async () => {
    const keys = new Keys();
    start(keys, () => false);
    const facts = keys.add();
    opened(facts);
    keys.revoke(facts);
    expect(await open.apply([tagOf(facts)])).toBe(0);
    expect([counts.size, open.openOf(tagOf(facts))]).toEqual([0, 0]);
  });

  test("resolves and goes on where one cannot be ended", async () => {
    const keys = new Keys();
    let tries = 0;
    start(keys, () => {
      tries += 1;
      if (tries === 1) throw new Error("cannot be ended");
      return true;
    });
    const facts = keys.add();
    for (let count = 0; count < 3; count += 1) opened(facts);
    keys.revoke(facts);
    expect(await open.apply([tagOf(facts)])).toBe(2);
    expect(open.openOf(tagOf(facts))).toBe(0);
  });

  test("that comes in while the store is asked is asked for anew, once for all such", async () => {
    const keys = new Keys();
    start(keys);
    const facts = keys.add();
    opened(facts);
    const first = open.apply([tagOf(facts)]);
    await vi.waitFor(() => expect(keys.asked).toBe(1), { interval: 0 });
    keys.revoke(facts);
    const later = Array.from({ length: 100 }, async () => (await open.apply([tagOf(facts)])) ?? 0);
    expect(await first).toBe(0);
    expect((await Promise.all(later)).reduce((sum, closed) => sum + closed, 0)).toBe(1);
    expect(keys.asked).toBe(2);
  });

  test("of everything looks at each of 10,000 credentials, a few at a time, and closes none that is good", async () => {
    const keys = new Keys();
    let now = 0;
    let most = 0;
    start({
      async find(digest) {
        most = Math.max(most, (now += 1));
        return keys.find(digest).finally(() => void (now -= 1));
      },
    });
    const all = Array.from({ length: 10_000 }, () => keys.add());
    for (const facts of all) opened(facts);
    const [revoked] = all;
    if (revoked === undefined) throw new Error("there are 10,000");
    keys.revoke(revoked);
    expect(await open.apply(["all"])).toBe(1);
    expect([keys.asked, most <= 32]).toEqual([10_000, true]);
  });

  test("of everything is over in time where the store hangs: what could not be confirmed is closed", async () => {
    const start0 = performance.now();
    const live = { now: () => Date.now(), monotonic: () => performance.now() - start0, advance: () => undefined };
    clock = live;
    const keys = new Keys();
    start(keys);
    for (let count = 0; count < 10_000; count += 1) opened(keys.add());
    keys.find = () => new Promise(() => undefined);
    expect(await open.apply(["all"])).toBe(10_000);
    expect(performance.now() - start0).toBeLessThan(LIMIT_MS + 250 + 750);
    expect(counts).toEqual(new Map([["store_unavailable", 10_000]]));
  });
});

describe("the clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  test("ends what is open when its credential ends, and not when a timer fires early", () => {
    const keys = new Keys();
    start(keys);
    const facts = keys.add({ expiresAt: clock.now() + 500 });
    const exchange = opened(facts);
    // The timers run, and the wall clock has not moved.
    vi.advanceTimersByTime(10_000);
    expect(ended).toEqual([]);
    clock.advance(500);
    vi.advanceTimersByTime(500);
    expect(ended).toEqual([[exchange, "credential_expired"]]);
  });

  test("is looked at each second, because it may be set", () => {
    const keys = new Keys();
    start(keys);
    opened(keys.add({ expiresAt: clock.now() + 90 * 86_400_000 }));
    clock.advance(91 * 86_400_000);
    vi.advanceTimersByTime(1000);
    expect(ended).toHaveLength(1);
  });

  test("knows the earliest of many ends, whatever the order", () => {
    const keys = new Keys();
    start(keys);
    for (const ms of [900, 100, 500]) opened(keys.add({ expiresAt: clock.now() + ms }));
    const closed = [100, 500, 900].map((ms, index, all) => {
      const step = ms - (all[index - 1] ?? 0);
      clock.advance(step);
      vi.advanceTimersByTime(step);
      return ended.length;
    });
    expect(closed).toEqual([1, 2, 3]);
  });

  test("moves to the new end that a change gives", async () => {
    const keys = new Keys();
    start(keys);
    const facts = keys.add({ expiresAt: clock.now() + 60_000 });
    const exchange = opened(facts);
    const principal = { ...facts.accepted.principal, expiresAt: clock.now() + 50 };
    keys.facts.set(facts.digest, {
      ...facts,
      accepted: { ...facts.accepted, principal },
      expiresAt: clock.now() + 50,
    });
    vi.useRealTimers();
    expect(await open.apply([tagOf(facts)])).toBe(0);
    clock.advance(50);
    await vi.waitFor(() => expect(ended).toEqual([[exchange, "credential_expired"]]));
  });

  test("ends all once changes are no longer sure to be seen", () => {
    const keys = new Keys();
    start(keys);
    trustedMs = 300;
    opened(keys.add());
    opened(keys.add());
    vi.advanceTimersByTime(299);
    expect(ended).toEqual([]);
    trustedMs = 0;
    vi.advanceTimersByTime(1);
    expect(ended.map(([, reason]) => reason)).toEqual(["store_unavailable", "store_unavailable"]);
  });

  test("forgets credentials that have nothing open, and then rests", () => {
    const keys = new Keys();
    start(keys);
    const exchanges = Array.from({ length: 1000 }, () => opened(keys.add()));
    expect(open.sizes()).toEqual({ credentials: 1000, indexed: 2000, open: 1000 });
    for (const exchange of exchanges) leaveOpen(exchange);
    expect(open.sizes()).toEqual({ credentials: 1000, indexed: 2000, open: 0 });
    vi.advanceTimersByTime(61_000);
    expect(open.sizes()).toEqual({ credentials: 0, indexed: 0, open: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("forgets them sooner where there are very many", () => {
    const keys = new Keys();
    start(keys);
    const exchanges = Array.from({ length: 12_000 }, () => opened(keys.add()));
    for (const exchange of exchanges) leaveOpen(exchange);
    vi.advanceTimersByTime(1000);
    expect(open.sizes()).toEqual({ credentials: 10_000, indexed: 20_000, open: 0 });
  });

  test("ends what was opened by a credential that was known, and had an end, before", () => {
    const keys = new Keys();
    start(keys);
    const facts = keys.add({ expiresAt: clock.now() + 1500 });
    leaveOpen(opened(facts));
    clock.advance(1000);
    vi.advanceTimersByTime(1000);
    const exchange = opened(facts);
    clock.advance(500);
    vi.advanceTimersByTime(500);
    expect(ended).toEqual([[exchange, "credential_expired"]]);
    expect(open.sizes().credentials).toBe(0);
  });
});
