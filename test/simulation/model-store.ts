import type { ChangeTag } from "../../src/core/change-tag.ts";
import {
  type Answer,
  type Entry,
  type FollowerState,
  type Position,
  type Registration,
  START,
} from "../../src/revocation/change-source.ts";

/** Ways to build it wrong, each of which the simulation must find. */
export interface StoreMutations {
  /** One that was not waited for is given a lease, whatever it has missed. */
  readonly neverBehind?: boolean;
  /** What a follower has applied is not compared with the log. */
  readonly neverDiverged?: boolean;
  /** An entry does not tell which one it came after. */
  readonly unchained?: boolean;
}

type Id = readonly [ms: number, sequence: number];

interface State {
  count: number;
  entries: (Entry & { readonly key: Id })[];
  lastId: Id;
  readonly until: Map<string, number>;
  readonly applied: Map<string, number>;
  readonly closed: Map<number, number>;
}

/**
 * The change log of the store, as src/store/redis-scripts.ts has it: what a script does is one call here. Time comes in,
 * whole ms of the store's clock. model-store.test.ts holds it to the scripts on a real Redis.
 */
export class ModelStore {
  readonly #mutations: StoreMutations;
  #state: State = empty();

  constructor(mutations: StoreMutations = {}) {
    this.#mutations = mutations;
  }

  get count(): number {
    return this.#state.count;
  }

  /** APPEND of redis-scripts.ts, at this time in microseconds. */
  append(micros: number, tags: readonly ChangeTag[]): Entry {
    const state = this.#state;
    const after = this.#newestId;
    const [lastMs, lastPart] = state.lastId;
    const ms = Math.floor(micros / 1000);
    state.lastId = ms > lastMs ? [ms, micros % 1000] : [lastMs, lastPart + 1 + (micros % 1_000_000)];
    state.count += 1;
    const entry = { id: state.lastId.join("-"), key: state.lastId, n: state.count, after, tags };
    state.entries.push(entry);
    return entry;
  }

  /** `XTRIM MAXLEN`: the oldest go. */
  trim(keep: number): void {
    const { entries } = this.#state;
    entries.splice(0, Math.max(0, entries.length - keep));
  }

  /** NEWEST, at this time in microseconds. */
  newest(micros: number): Position {
    if (this.#state.entries.length === 0) this.append(micros, ["all"]);
    return { id: this.#newestId, n: this.#state.count };
  }

  get #newestId(): string {
    return this.#state.entries.at(-1)?.id ?? START.id;
  }

  /** `XREAD`, or `XRANGE` from behind the id. */
  after(id: string, most = 500): readonly Entry[] {
    const { entries } = this.#state;
    const last = entries.at(-1);
    if (last === undefined || last.id === id) return [];
    const key = readId(id);
    const found = entries.filter((entry) => compareIds(entry.key, key) > 0).slice(0, most);
    const [first, ...rest] = found;
    if (this.#mutations.unchained !== true || first === undefined) return found;
    return [{ ...first, after: id }, ...rest];
  }

  /** REGISTER. */
  register(now: number, { follower, applied: { id, n }, waitMs, closed }: Registration): Answer {
    const state = this.#state;
    for (const each of closed) state.closed.set(each.n, (state.closed.get(each.n) ?? 0) + each.streams);
    const answer = this.#judge(now, follower, { id, n });
    if (answer !== "granted") return answer;
    state.until.set(follower, now + waitMs);
    state.applied.set(follower, n);
    return "granted";
  }

  /** FOLLOWERS. Sorted as ZRANGE does: by the time, then by the name. `null` where entry `n` is lost. */
  followers(now: number, n: number): readonly FollowerState[] | null {
    const { applied, count, until } = this.#state;
    if (count < n) return null;
    for (const [name, over] of until) {
      if (over > now) continue;
      until.delete(name);
      applied.delete(name);
    }
    return [...until]
      .toSorted(([a, left], [b, right]) => left - right || (a < b ? -1 : 1))
      .map(([name, over]) => ({ name, applied: applied.get(name) ?? 0, leftMs: Math.ceil(over - now) }));
  }

  /** LEAVE. */
  leave(follower: string): void {
    this.#state.until.delete(follower);
    this.#state.applied.delete(follower);
  }

  closed(n: number): number {
    return this.#state.closed.get(n) ?? 0;
  }

  /** Until when others wait for a follower, on the store's clock; -1 where it is not registered. */
  waitedFor(follower: string): number {
    return this.#state.until.get(follower) ?? -1;
  }

  /** FLUSHALL, or a disk that is lost. */
  flush(): void {
    this.#state = empty();
  }

  /** `DEL` of the log alone, or its eviction; the counter stays. */
  dropEntries(): void {
    this.#state.entries = [];
    this.#state.lastId = [0, 0];
  }

  /** What a replica has that is as far as this one is now. */
  save(): () => void {
    const saved = copy(this.#state);
    return () => {
      this.#state = copy(saved);
    };
  }

  #judge(now: number, follower: string, { id, n }: Position): Answer {
    const { count, until } = this.#state;
    const diverged = this.#mutations.neverDiverged !== true && this.#hasDiverged({ id, n });
    if (diverged) return "diverged";
    if (n >= count || this.#mutations.neverBehind === true) return "granted";
    return (until.get(follower) ?? -1) > now ? "granted" : "behind";
  }

  #hasDiverged({ id, n }: Position): boolean {
    const { count } = this.#state;
    if (n > count) return true;
    if (n === count) return this.#newestId !== id;
    const next = this.after(id, 1)[0];
    return next?.n !== n + 1 || next.after !== id;
  }
}

function empty(): State {
  return { count: 0, entries: [], lastId: [0, 0], until: new Map(), applied: new Map(), closed: new Map() };
}

function copy(state: State): State {
  return {
    count: state.count,
    entries: [...state.entries],
    lastId: state.lastId,
    until: new Map(state.until),
    applied: new Map(state.applied),
    closed: new Map(state.closed),
  };
}

function readId(id: string): Id {
  const [ms = 0, sequence = 0] = id.split("-").map(Number);
  return [ms, sequence];
}

function compareIds(left: Id, right: Id): number {
  return left[0] - right[0] || left[1] - right[1];
}
