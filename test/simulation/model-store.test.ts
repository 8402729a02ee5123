import { deepStrictEqual } from "node:assert/strict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry, Position, Registration } from "../../src/revocation/change-source.ts";
import { createRedisChangeSource, createRedisFollowers } from "../../src/store/redis-change-source.ts";
import { connectRedis, type RedisConnection } from "../../src/store/redis-connection.ts";
import { REDIS_KEYS } from "../../src/store/redis-layout.ts";
import { APPEND } from "../../src/store/redis-scripts.ts";
import { parseRedisUrl } from "../../src/store/redis-url.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import { person } from "../revocation/tags.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { ModelStore } from "./model-store.ts";
import { Random } from "./random.ts";

const APPEND_ONE = `${APPEND} return append(KEYS[1], KEYS[2], ARGV[1])`;
const TAGS = [person("ada"), person("bob"), "all"] as const;
const FOLLOWERS = ["a#1", "a#2", "b#1"] as const;
const SEQUENCES = 40;
const STEPS = 60;

/** Ids differ between the two stores, so that entries are named by the order in which they came. */
class Names {
  readonly #names = new Map([["0-0", "start"]]);
  readonly ids: string[] = ["0-0"];

  add(id: string): void {
    this.#names.set(id, `entry ${this.ids.length}`);
    this.ids.push(id);
  }

  position({ id, n }: Position): { readonly name: string; readonly n: number } {
    return { name: this.#names.get(id) ?? `unknown ${id}`, n };
  }

  entry({ after, tags, ...position }: Entry): unknown {
    return { ...this.position(position), after: this.#names.get(after) ?? `unknown ${after}`, tags };
  }
}

/** The real store and the model of it, asked the same. */
class Pair {
  readonly model = new ModelStore();
  readonly #redis: RedisConnection;
  readonly #source: ReturnType<typeof createRedisChangeSource>;
  readonly #register: ReturnType<typeof createRedisFollowers>;
  readonly #real = new Names();
  readonly #modelled = new Names();
  #now = 1_700_000_000_000;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
    this.#source = createRedisChangeSource(redis, redis);
    this.#register = createRedisFollowers(redis);
  }

  /** Numbers of entries ever made. */
  get made(): number {
    return this.#real.ids.length - 1;
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  async append(tags: Entry["tags"]): Promise<void> {
    const keys = [REDIS_KEYS.changes, REDIS_KEYS.changeCount];
    const n = await this.#redis.send("eval", [APPEND_ONE, keys.length, ...keys, tags.join(" ")]);
    const entry = this.model.append(this.#now * 1000, tags);
    deepStrictEqual(entry.n, n);
    this.#real.add((await this.#source.newest()).id);
    this.#modelled.add(entry.id);
    await this.newest();
  }

  /** A log that is empty gets its first entry by this. */
  async newest(): Promise<void> {
    const real = await this.#source.newest();
    const modelled = this.model.newest(this.#now * 1000);
    if (this.#real.position(real).name.startsWith("unknown")) {
      this.#real.add(real.id);
      this.#modelled.add(modelled.id);
    }
    deepStrictEqual(this.#modelled.position(modelled), this.#real.position(real));
  }

  async read(made: number): Promise<void> {
    const real = await this.#source.read({ id: this.#real.ids[made] ?? "", n: 0 }, 1);
    const modelled = this.model.after(this.#modelled.ids[made] ?? "");
    deepStrictEqual(
      modelled.map((entry) => this.#modelled.entry(entry)),
      real.map((entry) => this.#real.entry(entry)),
    );
  }

  async register(made: number, registration: Omit<Registration, "applied">, n: number): Promise<string> {
    const real = await this.#source.register({ ...registration, applied: { id: this.#real.ids[made] ?? "", n } });
    const applied = { id: this.#modelled.ids[made] ?? "", n };
    deepStrictEqual(this.model.register(this.#now, { ...registration, applied }), real);
    return real;
  }

  async followers(n: number): Promise<void> {
    const real = await this.#register.followers(n).catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return null;
      throw error;
    });
    const modelled = this.model.followers(this.#now, n);
    const states = (all: typeof modelled): unknown =>
      all?.map(({ name, applied }) => ({ name, applied })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    deepStrictEqual(states(modelled), states(real));
  }

  async closed(n: number): Promise<void> {
    deepStrictEqual(this.model.closed(n), await this.#register.closed(n));
  }

  async leave(follower: string): Promise<void> {
    await this.#source.leave(follower);
    this.model.leave(follower);
  }

  async trim(keep: number): Promise<void> {
    await this.#redis.send("xtrim", [REDIS_KEYS.changes, "MAXLEN", keep]);
    this.model.trim(keep);
  }

  async dropEntries(): Promise<void> {
    await this.#redis.send("del", [REDIS_KEYS.changes]);
    this.model.dropEntries();
  }

  async flush(): Promise<void> {
    await this.#redis.send("flushall", []);
    this.model.flush();
  }
}

let server: RedisServer;
let redis: RedisConnection;

beforeAll(async () => {
  server = await startRedis();
  const log = { info() {}, warn() {} };
  const timeouts = { commandMs: 10_000, connectMs: 10_000 };
  redis = connectRedis({ target: parseRedisUrl(server.url), timeouts, log, tls: {}, use: "own" });
});

afterAll(async () => {
  redis.close();
  await server.stop();
});

/** One random operation on both. Returns what it was. */
async function step(random: Random, pair: Pair): Promise<string> {
  // Time of Redis is real: what expires does so at once, and nothing else in the time of the test.
  pair.pass(random.whole(1, 5));
  const made = Math.max(0, pair.made - random.whole(0, 4));
  const n = random.chance(0.8) ? countBefore(pair, made) : random.whole(0, pair.made + 1);
  const follower = random.pick(FOLLOWERS);
  const what = random.pick([
    "append",
    "append",
    "append",
    "register",
    "register",
    "register",
    "read",
    "followers",
    "more",
  ]);
  switch (what) {
    case "append":
      await pair.append(random.chance(0.5) ? [random.pick(TAGS)] : [person("ada"), person("bob")]);
      return what;
    case "register": {
      const closed = random.chance(0.3) ? [{ n: random.whole(1, 5), streams: random.whole(1, 9) }] : [];
      return pair.register(made, { follower, waitMs: random.pick([0, 10_000_000]), closed }, n);
    }
    case "read":
      await pair.read(made);
      return what;
    case "followers":
      await pair.followers(random.chance(0.8) ? 0 : random.whole(0, pair.made + 1));
      return what;
    default:
      return rareStep(random, pair, follower);
  }
}

async function rareStep(random: Random, pair: Pair, follower: string): Promise<string> {
  const what = random.pick(["closed", "newest", "newest", "leave", "trim", "trim", "drop", "flush"]);
  switch (what) {
    case "closed":
      await pair.closed(random.whole(1, 5));
      break;
    case "newest":
      await pair.newest();
      break;
    case "leave":
      await pair.leave(follower);
      break;
    case "trim":
      await pair.trim(random.whole(1, 4));
      break;
    case "drop":
      if (random.chance(0.3)) await pair.dropEntries();
      break;
    default:
      if (random.chance(0.3)) await pair.flush();
  }
  return what;
}

/** The number of an entry, where it is in the log; else its place. */
function countBefore(pair: Pair, made: number): number {
  const { count } = pair.model;
  return Math.max(0, count - (pair.made - made));
}

describe("the model of the store", () => {
  test("answers as the scripts do on a real Redis", { timeout: 120_000 }, async () => {
    const seen = new Map<string, number>();
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
      await redis.send("flushall", []);
      const random = new Random(6, sequence);
      const pair = new Pair(redis);
      for (let left = STEPS; left > 0; left -= 1) {
        const what = await step(random, pair);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    }
    for (const what of ["append", "read", "followers", "granted", "behind", "diverged", "trim", "drop", "flush"]) {
      expect({ what, often: (seen.get(what) ?? 0) > 10 }).toEqual({ what, often: true });
    }
  });

  test("gives no id twice after its clock was set back, as the script does", async () => {
    const model = new ModelStore();
    const first = model.append(1_700_000_000_000_000, ["all"]);
    const restore = model.save();
    const lost = model.append(1_700_000_000_500_123, ["all"]);
    restore();
    const other = model.append(1_699_999_999_000_456, ["all"]);
    expect([first.id, lost.id, other.id]).toEqual(["1700000000000-0", "1700000000500-123", "1700000000000-457"]);
    expect(other.after).toBe(first.id);
    await redis.send("flushall", []);
    const keys = [REDIS_KEYS.changes, REDIS_KEYS.changeCount];
    const ahead = "9700000000000-7";
    await redis.send("xadd", [REDIS_KEYS.changes, ahead, "n", 1, "after", "0-0", "tags", "all"]);
    await redis.send("set", [REDIS_KEYS.changeCount, 1]);
    await redis.send("eval", [APPEND_ONE, keys.length, ...keys, "all"]);
    const { id, n } = await createRedisChangeSource(redis, redis).newest();
    expect([n, id]).toEqual([2, expect.stringMatching(/^9700000000000-\d+$/)]);
    const part = Number(id.split("-")[1]);
    expect(part).toBeGreaterThan(7);
    expect(part).toBeLessThan(1_000_008);
  });
});
