import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import type { Answer, ChangeSource, Entry, Position, Registration } from "../../src/revocation/change-source.ts";
import { LogFollower, type OnChange, registrationMs } from "../../src/revocation/follower.ts";
import { Lease } from "../../src/revocation/lease.ts";
import { fakeClock } from "../store/fake-clock.ts";
import { person } from "./tags.ts";

type Call =
  | { readonly what: "newest" }
  | { readonly what: "read"; readonly after: Position; readonly waitMs: number }
  | { readonly what: "register"; readonly registration: Registration };

type Reply = Position | readonly Entry[] | Answer;

interface Asked {
  readonly call: Call;
  readonly answer: (reply: Reply) => void;
  readonly fail: () => void;
}

/** A source whose answers the test gives, one call after the other. */
class AskedSource implements ChangeSource {
  closed = false;
  #asked: Asked | null = null;
  #waiting: ((asked: Asked) => void) | null = null;

  async newest(): Promise<Position> {
    const reply = await this.#ask({ what: "newest" });
    if (typeof reply === "object" && "id" in reply) return reply;
    throw new Error("no answer to newest");
  }

  async read(after: Position, waitMs: number): Promise<readonly Entry[]> {
    const reply = await this.#ask({ what: "read", after, waitMs });
    if (typeof reply === "object" && !("id" in reply)) return reply;
    throw new Error("no answer to read");
  }

  async register(registration: Registration): Promise<Answer> {
    const reply = await this.#ask({ what: "register", registration });
    if (typeof reply === "string") return reply;
    throw new Error("no answer to register");
  }

  leave(): Promise<void> {
    return Promise.reject(new Error("a follower leaves by its owner's doing"));
  }

  close(): void {
    this.closed = true;
  }

  /** The next call, once it is made. */
  next(): Promise<Asked> {
    if (this.#asked === null) return new Promise((resolve) => (this.#waiting = resolve));
    const asked = this.#asked;
    this.#asked = null;
    return Promise.resolve(asked);
  }

  /** Answers the next call, which must be this one. */
  async answer(expected: Call | Call["what"], reply: Reply): Promise<void> {
    const asked = await this.next();
    const actual = typeof expected === "string" ? asked.call.what : asked.call;
    if (!isDeepStrictEqual(actual, expected)) throw new Error(`asked for ${JSON.stringify(asked.call)}`);
    asked.answer(reply);
  }

  #ask(call: Call): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { call, answer: resolve, fail: () => reject(new Error("down")) };
      if (this.#waiting === null) this.#asked = asked;
      else this.#waiting(asked);
      this.#waiting = null;
    });
  }
}

const sleep = (): Promise<void> => Promise.resolve();

const LEASE_MS = 1000;
const READ_MS = 250;
const [ada, bob] = [person("ada"), person("bob")];

function entry(n: number, tag: ChangeTag, changes: Partial<Entry> = {}): Entry {
  return { id: `${n}-0`, n, after: `${n - 1}-0`, tags: [tag], ...changes };
}

/** A follower that has started at entry `n`, with what it was told. */
async function started(n: number, onChange: OnChange = () => undefined, answer: Answer = "granted") {
  const clock = fakeClock();
  const source = new AskedSource();
  const lease = new Lease(clock, LEASE_MS);
  const told: (readonly ChangeTag[])[] = [];
  const warnings: string[] = [];
  const slept: number[] = [];
  const follower = new LogFollower({
    name: "a#1",
    source,
    lease,
    log: { warn: (_, message) => void warnings.push(message) },
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
    onChange: (tags) => {
      told.push(tags);
      return onChange(tags);
    },
  });
  const starting = follower.start();
  await source.answer("newest", { id: `${n}-0`, n });
  await source.answer("register", answer);
  await starting;
  return { clock, follower, lease, slept, source, told, warnings };
}

function registers(n: number, closed: Registration["closed"] = [], id = `${n}-0`): Call {
  const registration = { follower: "a#1", applied: { id, n }, waitMs: registrationMs(LEASE_MS), closed };
  return { what: "register", registration };
}

describe("a follower of the change log", () => {
  test("is waited for longer than its lease lasts, by more than clocks run apart", () => {
    for (const leaseMs of [100, 1000, 10_000, 600_000]) expect(registrationMs(leaseMs)).toBeGreaterThan(leaseMs * 1.05);
  });

  test("holds a lease once it has started, and has nothing to tell", async () => {
    const { follower, lease, told } = await started(7);
    expect([follower.applied, lease.holds(), told]).toEqual([7, true, []]);
  });

  test("reads from what it applied, tells each entry, and registers how far it is", async () => {
    const { follower, source, told } = await started(7);
    await source.answer({ what: "read", after: { id: "7-0", n: 7 }, waitMs: READ_MS }, [entry(8, ada), entry(9, bob)]);
    await source.answer(registers(9), "granted");
    expect([told, follower.applied]).toEqual([[[ada], [bob]], 9]);
    await source.answer({ what: "read", after: { id: "9-0", n: 9 }, waitMs: READ_MS }, []);
  });

  test("counts the lease from before it asks for it", async () => {
    const { clock, lease, source } = await started(7);
    await source.answer("read", []);
    const asked = await source.next();
    clock.advance(600);
    asked.answer("granted");
    await source.next();
    expect(lease.leftMs()).toBe(400);
  });

  test("takes a missing entry for a change of all", async () => {
    const { source, told, warnings } = await started(7);
    await source.answer("read", [entry(9, ada)]);
    await source.answer(registers(9), "granted");
    expect(told).toEqual([["all"]]);
    expect(warnings).toEqual(["the change log has a gap; all cached credentials are dropped"]);
  });

  test("takes an entry that came after another one than it knows for a change of all, whatever its number", async () => {
    const { source, told } = await started(7);
    await source.answer("read", [entry(8, ada, { after: "6-1" })]);
    await source.answer("register", "granted");
    expect(told).toEqual([["all"]]);
  });

  test("gets no lease where entries came for which nobody waited, and reads on", async () => {
    const { lease, source, told } = await started(7, () => undefined, "behind");
    expect(lease.holds()).toBe(false);
    await source.answer({ what: "read", after: { id: "7-0", n: 7 }, waitMs: READ_MS }, [entry(8, ada)]);
    await source.answer(registers(8), "granted");
    await source.next();
    expect([told, lease.holds()]).toEqual([[[ada]], true]);
  });

  test("whose log is another begins anew at its end, with a change of all", async () => {
    const { follower, lease, source, told, warnings } = await started(7, () => undefined, "diverged");
    await source.answer("newest", { id: "0-0", n: 7 });
    await source.answer(registers(7, [], "0-0"), "granted");
    await source.next();
    expect([told, lease.holds(), follower.applied]).toEqual([[["all"]], true, 7]);
    expect(warnings).toEqual(["changes may have been missed; all cached credentials are dropped"]);
  });

  test("goes on where it was after a failure, a moment later", async () => {
    const { follower, slept, source, told } = await started(7);
    (await source.next()).fail();
    await source.answer({ what: "read", after: { id: "7-0", n: 7 }, waitMs: READ_MS }, [entry(8, ada)]);
    const { call, fail } = await source.next();
    expect(call).toEqual(registers(8));
    fail();
    await source.answer({ what: "read", after: { id: "8-0", n: 8 }, waitMs: READ_MS }, []);
    expect([told, slept, follower.applied]).toEqual([[[ada]], [100, 100], 8]);
  });

  test("that starts while the store is down says that all may have changed when it is back", async () => {
    const source = new AskedSource();
    const lease = new Lease(fakeClock(), LEASE_MS);
    const told: (readonly ChangeTag[])[] = [];
    const onChange = (tags: readonly ChangeTag[]): void => void told.push(tags);
    const follower = new LogFollower({ name: "a#1", source, lease, log: { warn() {} }, sleep, onChange });
    const starting = follower.start();
    (await source.next()).fail();
    await starting;
    expect([follower.applied, lease.holds()]).toEqual([-1, false]);
    await source.answer("newest", { id: "7-0", n: 7 });
    await source.answer(registers(7), "granted");
    await source.next();
    expect([told, follower.applied, lease.holds()]).toEqual([[["all"]], 7, true]);
  });

  test("counts an entry as applied only when its streams are closed, and tells how many", async () => {
    const closing = Promise.withResolvers<number>();
    const { source } = await started(7, ([tag]) => (tag === ada ? closing.promise : undefined));
    await source.answer("read", [entry(8, ada), entry(9, bob)]);
    const registering = source.next();
    let registered = false;
    void registering.then(() => (registered = true));
    await new Promise(setImmediate);
    expect(registered).toBe(false);
    closing.resolve(3);
    const { call, fail } = await registering;
    expect(call).toEqual(registers(9, [{ n: 8, streams: 3 }]));
    // What the store was perhaps not told, it is told again.
    fail();
    await source.answer("read", []);
    await source.answer(registers(9, [{ n: 8, streams: 3 }]), "granted");
    await source.answer("read", []);
    await source.answer(registers(9), "granted");
  });

  test("gives its lease up when it stops, whatever answer is still on its way", async () => {
    const { follower, lease, source } = await started(7);
    await source.answer("read", []);
    const asked = await source.next();
    const stopping = follower.stop();
    expect([lease.holds(), source.closed]).toEqual([false, true]);
    asked.answer("granted");
    await stopping;
    expect(lease.holds()).toBe(false);
  });

  test("tells nothing more when it stops in the middle of what it read", async () => {
    const held: { follower?: LogFollower; stopping?: Promise<void> } = {};
    const { follower, source, told } = await started(7, () => {
      held.stopping = held.follower?.stop() ?? Promise.resolve();
    });
    held.follower = follower;
    await source.answer("read", [entry(8, ada), entry(9, bob)]);
    await new Promise(setImmediate);
    await held.stopping;
    expect([told, follower.applied]).toEqual([[[ada]], 8]);
  });
});
