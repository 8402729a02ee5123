import type { Clock } from "../core/clock.ts";
import type { FollowerRegister, FollowerState } from "./change-source.ts";
import type { Spread } from "./spread.ts";

export interface BarrierOptions {
  readonly register: FollowerRegister;
  readonly clock: Pick<Clock, "monotonic">;
  readonly sleep: (ms: number) => Promise<void>;
}

/** How often the register is asked, ms: at first, and at most. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 32;

/**
 * Waits until each registered instance has applied entry `n` or its lease is over, at most `limitMs`, and tells how that
 * went. Rejects where the store does not tell, or has lost the entry; else what `n` stands for is written all the same.
 */
export async function waitUntilApplied(
  n: number,
  limitMs: number,
  { register, clock, sleep }: BarrierOptions,
): Promise<Spread> {
  const start = clock.monotonic();
  const seen = new Set<string>();
  /** Those that were seen without the entry. */
  const waited = new Set<string>();
  for (let delay = FIRST_LOOK_MS; ; delay = Math.min(delay * 2, LAST_LOOK_MS)) {
    const followers = await register.followers(n);
    for (const { name } of followers) seen.add(name);
    const late = followers.filter(({ applied }) => applied < n);
    for (const { name } of late) waited.add(name);
    const ms = clock.monotonic() - start;
    if (late.length === 0 || ms >= limitMs) {
      const lapsed = [...waited].filter((name) => followers.every((each) => each.name !== name));
      return {
        instances: seen.size,
        applied: seen.size - late.length - lapsed.length,
        out: late.map(asOut),
        lapsed: lapsed.map(instanceOf),
        ms,
        streamsClosed: await register.closed(n),
      };
    }
    await sleep(Math.min(delay, Math.max(1, limitMs - ms)));
  }
}

function asOut({ name, leftMs }: FollowerState): { readonly instance: string; readonly forMs: number } {
  return { instance: instanceOf(name), forMs: leftMs };
}

/** The name of a follower is that of its instance, `#`, and what tells it from one before it of the same name. */
export function followerName(instance: string, unique: string): string {
  return `${instance}#${unique}`;
}

function instanceOf(follower: string): string {
  return follower.split("#", 1)[0] ?? follower;
}
