import type { CounterStore } from "../store/types.ts";

/** Bounds how often codes can be guessed (RFC 8628, section 5.1). */
export interface DeviceCodeGuard {
  /**
   * Counts a try before the code is looked at, so that tries at the same time cannot outrun the count. `waitMs` tells
   * how long there is to wait where there were too many; 0 lets it through.
   */
  begin(who: GuessedBy): Promise<{ readonly waitMs: number }>;
  /** The code was right: the person's count begins anew, the address's stays. */
  right(who: GuessedBy): Promise<void>;
  /** The code was wrong. */
  wrong(who: GuessedBy): Promise<void>;
}

export interface GuessedBy {
  readonly personId: string;
  readonly address: string;
}

export const CODES_PER_PERSON = 5;
export const CODES_PER_ADDRESS = 20;
export const CODE_WINDOW_MS = 15 * 60_000;

function ofPersonName({ personId }: GuessedBy): string {
  return `device-code:person:${personId}`;
}

function ofAddressName({ address }: GuessedBy): string {
  return `device-code:address:${address}`;
}

export function createDeviceCodeGuard(options: {
  readonly counters: CounterStore;
  readonly now: () => number;
}): DeviceCodeGuard {
  const { counters, now } = options;
  return {
    async begin(who) {
      const ofAddress = await counters.read(ofAddressName(who));
      if (ofAddress.count >= CODES_PER_ADDRESS) return { waitMs: Math.max(1, ofAddress.resetsAt - now()) };
      const ofPerson = await counters.add(ofPersonName(who), CODE_WINDOW_MS);
      if (ofPerson.count > CODES_PER_PERSON) return { waitMs: Math.max(1, ofPerson.resetsAt - now()) };
      return { waitMs: 0 };
    },
    right: (who) => counters.clear(ofPersonName(who)),
    wrong: async (who) => void (await counters.add(ofAddressName(who), CODE_WINDOW_MS)),
  };
}
