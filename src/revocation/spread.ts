import { AsyncLocalStorage } from "node:async_hooks";

/** An instance that has not applied a change. */
export interface InstanceOut {
  readonly instance: string;
  /** How long it may still trust what it has cached, ms from the report on. */
  readonly forMs: number;
}

/** How a change has spread over the instances. */
export interface Spread {
  /** Instances that were registered. */
  readonly instances: number;
  /** Those of them that have applied it. */
  readonly applied: number;
  /** Those that have not, and may still trust their cache. Empty unless the wait was cut short. */
  readonly out: readonly InstanceOut[];
  /** Those whose lease ran out first: they answer 503 until they have caught up. */
  readonly lapsed: readonly string[];
  /** From the write to the report, ms. */
  readonly ms: number;
  readonly streamsClosed: number;
}

/** Nothing had to spread. */
export const NO_SPREAD: Spread = { instances: 0, applied: 0, out: [], lapsed: [], ms: 0, streamsClosed: 0 };

export interface Reported<T> {
  readonly value: T;
  readonly spread: Spread;
}

/** Who does not want to wait is told of those that are out, not of those that would have answered in a moment. */
const LEAST_WAIT_MS = 150;

interface Scope {
  readonly waitMs: number;
  spread: Spread;
}

/**
 * Carries from who asks for a change to who writes it how long may be waited, and back how it spread. By the call chain
 * and not by arguments, because services lie between that need not know of either.
 */
export class SpreadScopes {
  readonly #scopes = new AsyncLocalStorage<Scope>();

  /** Runs `work`; changes in it wait for instances `waitMs` at most, and a moment at least. Tells how they spread, all together. */
  async report<T>(waitMs: number, work: (soFar: () => Spread) => Promise<T>): Promise<Reported<T>> {
    const scope: Scope = { waitMs: Math.max(waitMs, LEAST_WAIT_MS), spread: NO_SPREAD };
    const value = await this.#scopes.run(scope, () => work(() => scope.spread));
    return { value, spread: scope.spread };
  }

  /** How long a change may wait; `Infinity`, which is until the last lease is over, where nobody said. */
  waitMs(): number {
    return this.#scopes.getStore()?.waitMs ?? Infinity;
  }

  add(spread: Spread): void {
    const scope = this.#scopes.getStore();
    if (scope !== undefined) scope.spread = join(scope.spread, spread);
  }
}

function join(left: Spread, right: Spread): Spread {
  if (left === NO_SPREAD) return right;
  const out = new Map([...left.out, ...right.out].map((each) => [each.instance, each]));
  return {
    instances: Math.max(left.instances, right.instances),
    applied: Math.min(left.applied, right.applied),
    out: [...out.values()],
    lapsed: [...new Set([...left.lapsed, ...right.lapsed])],
    ms: left.ms + right.ms,
    streamsClosed: left.streamsClosed + right.streamsClosed,
  };
}
