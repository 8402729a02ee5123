import { networkOf } from "../signin/network.ts";
import type { CounterStore } from "../store/types.ts";
import { LIMITS } from "./request-limits.ts";

/** Bounds how often codes can be guessed (RFC 8628, section 5.1), by each person and from each network. */
export interface DeviceCodeGuard {
  /** Counts a try before the code is looked at, so that tries at the same time cannot outrun the count. */
  begin(who: GuessedBy): Promise<Guess>;
}

export type Guess =
  /** Too many: how long there is to wait. */
  | { readonly kind: "refused"; readonly waitMs: number }
  /** `right` is to be called where the code was: it gives back this one try, and no wrong one before it. */
  | { readonly kind: "counted"; right(): Promise<void> };

export interface GuessedBy {
  readonly personId: string;
  readonly address: string;
}

/** See `DeviceCodeGuard`. */
export function createDeviceCodeGuard(options: {
  readonly counters: Pick<CounterStore, "add" | "takeBack">;
  readonly now: () => number;
}): DeviceCodeGuard {
  const { counters, now } = options;
  const { most, windowMs } = LIMITS.deviceCodes;
  return {
    async begin({ personId, address }) {
      const names = [`device-code:person:${personId}`, `device-code:network:${networkOf(address)}`];
      const counts = await Promise.all(names.map(async (name) => ({ name, ...(await counters.add(name, windowMs)) })));
      const right = async (): Promise<void> => {
        await Promise.all(counts.map(({ name, resetsAt }) => counters.takeBack(name, resetsAt)));
      };
      const over = counts.filter(({ count }) => count > most);
      if (over.length === 0) return { kind: "counted", right };
      // Nothing was looked at: what is refused is no wrong code, and keeps nobody out.
      await right();
      return { kind: "refused", waitMs: Math.max(1, ...over.map(({ resetsAt }) => resetsAt - now())) };
    },
  };
}
