import { networkOf } from "../signin/network.ts";
import type { CounterStore } from "../store/types.ts";
import { LIMITS } from "./request-limits.ts";

/** Bounds how often codes can be guessed (RFC 8628, section 5.1). */
export interface DeviceCodeGuard {
  /**
   * Counts a try before the code is looked at, so that tries at the same time cannot outrun the count. `waitMs` tells
   * how long there is to wait where there were too many; 0 lets it through.
   */
  begin(who: GuessedBy): Promise<{ readonly waitMs: number }>;
  /** The code was right: the person's count begins anew, the network's stays. */
  right(who: GuessedBy): Promise<void>;
  /** The code was wrong. */
  wrong(who: GuessedBy): Promise<void>;
}

export interface GuessedBy {
  readonly personId: string;
  readonly address: string;
}

function ofPersonName({ personId }: GuessedBy): string {
  return `device-code:person:${personId}`;
}

function ofNetworkName({ address }: GuessedBy): string {
  return `device-code:address:${networkOf(address)}`;
}

export function createDeviceCodeGuard(options: {
  readonly counters: CounterStore;
  readonly now: () => number;
}): DeviceCodeGuard {
  const { counters, now } = options;
  const { deviceCodesOfNetwork, deviceCodesOfPerson } = LIMITS;
  return {
    async begin(who) {
      const ofNetwork = await counters.read(ofNetworkName(who));
      if (ofNetwork.count >= deviceCodesOfNetwork.most) return { waitMs: Math.max(1, ofNetwork.resetsAt - now()) };
      const ofPerson = await counters.add(ofPersonName(who), deviceCodesOfPerson.windowMs);
      if (ofPerson.count > deviceCodesOfPerson.most) return { waitMs: Math.max(1, ofPerson.resetsAt - now()) };
      return { waitMs: 0 };
    },
    right: (who) => counters.clear(ofPersonName(who)),
    wrong: async (who) => void (await counters.add(ofNetworkName(who), deviceCodesOfNetwork.windowMs)),
  };
}
