import type { ChangeTag } from "../core/change-tag.ts";

/** A place in the change log: the id of an entry, and its number. Numbers have no gaps, so that a missing one shows. */
export interface Position {
  readonly id: string;
  readonly n: number;
}

export interface Entry extends Position {
  /** The id of the entry before it, or that of `START`: numbers repeat in a log that fell back to an earlier state. */
  readonly after: string;
  readonly tags: readonly ChangeTag[];
}

/** Before the first entry. */
export const START: Position = { id: "0-0", n: 0 };

/** How many streams an instance closed because of an entry. */
export interface Closed {
  readonly n: number;
  readonly streams: number;
}

/** What an instance tells of itself: how far it has applied the log, and for how long it will trust its cache. */
export interface Registration {
  readonly follower: string;
  readonly applied: Position;
  /** How long the others wait for it: a little longer than its lease, because clocks differ. */
  readonly waitMs: number;
  readonly closed: readonly Closed[];
}

/**
 * `granted`: it is waited for from now on. `behind`: it was not registered and entries came after `applied`, for which
 * nobody waited; it must apply those first. `diverged`: what it has applied is not what the log holds.
 */
export type Answer = "granted" | "behind" | "diverged";

/** Where the change log is, for those who follow it. Each call rejects where the store does not answer in time. */
export interface ChangeSource {
  /** Where the log ends. */
  newest(): Promise<Position>;
  /** What came after, in order: at once where there is something, or none after `waitMs`. */
  read(after: Position, waitMs: number): Promise<readonly Entry[]>;
  /** Decides and registers in one step, as if alone at the store. */
  register(registration: Registration): Promise<Answer>;
  /** It is to be waited for no more. */
  leave(follower: string): Promise<void>;
  /** Ends what waits. */
  close(): void;
}

/** One who is registered, as the store knows it. */
export interface FollowerState {
  readonly name: string;
  /** The number of the last entry that it has applied. */
  readonly applied: number;
  /** How long it is still waited for, ms. */
  readonly leftMs: number;
}

/** Who follows the log, for those who wait for them. */
export interface FollowerRegister {
  /** All that are registered and not over. Rejects where the log has lost entry `n`: nobody can apply it. */
  followers(n: number): Promise<readonly FollowerState[]>;
  /** How many streams have been closed because of entry `n`, as far as is known. */
  closed(n: number): Promise<number>;
}
