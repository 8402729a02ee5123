import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLastUsed, type LastUsed } from "../../src/credentials/last-used.ts";
import type { CachedCredential } from "../../src/store/cache.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { record } from "../store/records.ts";
import { HeldTokens } from "./fakes.ts";

let clock: FakeClock;
let batches: [string, number][][];
let down: boolean;
let lastUsed: LastUsed;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  clock = fakeClock(0);
  batches = [];
  down = false;
  lastUsed = createLastUsed({
    keys: {
      touch(uses) {
        if (down) return Promise.reject(new StoreUnavailable("down"));
        batches.push([...uses]);
        return Promise.resolve();
      },
    },
  });
});

afterEach(async () => {
  await lastUsed.close();
  vi.useRealTimers();
});

function entry(): CachedCredential {
  const { id, digest } = record();
  const principal = {
    kind: "api_key",
    credentialId: id,
    subject: "s",
    scopes: new Set<never>(),
    portal: null,
    expiresAt: null,
  } as const;
  const times = { freshUntil: 0, retryAt: 0, nextUseAt: 0 };
  const accepted = { ok: true, principal, digest, mcpAccess: true } as const;
  return { accepted, digest, tags: [], revoked: false, expiresAt: Infinity, ...times };
}

const idOf = ({ accepted }: CachedCredential): string => accepted.principal.credentialId;

describe("last use", () => {
  test("is written once a key and minute, all keys in one batch", async () => {
    const [one, two] = [entry(), entry()];
    for (let second = 0; second < 60; second += 1) {
      lastUsed.note(one, clock.now());
      lastUsed.note(two, clock.now());
      if (second === 30) await lastUsed.flush();
      clock.advance(1000);
    }
    await lastUsed.flush();
    expect(batches).toEqual([
      [
        [idOf(one), 0],
        [idOf(two), 0],
      ],
    ]);
    lastUsed.note(one, clock.now());
    await lastUsed.flush();
    expect(batches[1]).toEqual([[idOf(one), 60_000]]);
  });

  test("of an access token is not written: the store keeps none", async () => {
    const one = new HeldTokens(clock).add("t".repeat(43));
    const cached = { ...one, freshUntil: 0, retryAt: 0, nextUseAt: 0 };
    for (let turn = 0; turn < 3; turn += 1) {
      lastUsed.note(cached, clock.now());
      clock.advance(120_000);
    }
    await lastUsed.flush();
    expect(batches).toEqual([]);
    expect(cached.nextUseAt).toBe(Infinity);
  });

  test("is written by the timer", async () => {
    const one = entry();
    lastUsed.note(one, clock.now());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(batches).toEqual([[[idOf(one), 0]]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(batches).toHaveLength(1);
  });

  test("is kept while the store is out of reach, and the latest time is written", async () => {
    const [one, two] = [entry(), entry()];
    lastUsed.note(one, clock.now());
    lastUsed.note(two, clock.now());
    down = true;
    await lastUsed.flush();
    clock.advance(60_000);
    lastUsed.note(one, clock.now());
    down = false;
    await lastUsed.flush();
    expect(batches.flat()).toHaveLength(2);
    expect(new Map(batches.flat())).toEqual(
      new Map([
        [idOf(one), 60_000],
        [idOf(two), 0],
      ]),
    );
  });

  test("is written on close", async () => {
    const one = entry();
    lastUsed.note(one, clock.now());
    await lastUsed.close();
    expect(batches).toEqual([[[idOf(one), 0]]]);
  });
});
