import { errors } from "oidc-provider";
import { networkOf } from "../signin/network.ts";
import type { Clients } from "../store/clients.ts";
import type { CounterState, CounterStore } from "../store/types.ts";

const HOUR = 3_600_000;
/** Over all addresses, as many times what one may do. */
const ALL_ADDRESSES = 10;
const MAX_WAITING = 1000;
const DEVICE_WINDOW_MS = 600_000;
/** Device authorizations of one address in that time: an office behind one address fits. */
const MAX_DEVICES = 100;

/** A limit was reached. The answer says when to try again. */
export class LimitReached extends errors.OIDCProviderError {
  readonly retryAfterSeconds: number;

  constructor(description: string, retryAfterMs: number) {
    super(429, "temporarily_unavailable", { detail: description });
    this.error_description = description;
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

/** Limits on what strangers may make us keep, over all instances. Reject with `StoreUnavailable` and `LimitReached`. */
export interface RegistrationLimits {
  /** Looks whether one more client may register from there, before anything of the request is read. */
  check(address: string): Promise<void>;
  /** Counts one. To be called for requests that are in order: the others keep nothing. */
  take(address: string): Promise<void>;
  /** Counts a device authorization. */
  takeDevice(address: string): Promise<void>;
}

export function createRegistrationLimits(options: {
  readonly counters: CounterStore;
  readonly clients: Pick<Clients, "count">;
  readonly now: () => number;
  /** Of one address: `oauth.registrations_per_hour`. */
  readonly perHour: number;
}): RegistrationLimits {
  const { counters, clients, now, perHour } = options;

  function hold({ count, resetsAt }: CounterState, most: number, what: string): void {
    if (count > most) throw new LimitReached(`too many ${what}; try again later`, resetsAt - now());
  }

  async function room(): Promise<void> {
    if ((await clients.count("waiting")) < MAX_WAITING) return;
    throw new LimitReached("too many clients wait for approval", HOUR);
  }

  return {
    async check(address) {
      const [own, all] = await Promise.all([counters.read(nameOf(address)), counters.read(ALL), room()]);
      hold({ ...own, count: own.count + 1 }, perHour, "registrations");
      hold({ ...all, count: all.count + 1 }, perHour * ALL_ADDRESSES, "registrations");
    },
    async take(address) {
      await room();
      hold(await counters.add(nameOf(address), HOUR), perHour, "registrations");
      hold(await counters.add(ALL, HOUR), perHour * ALL_ADDRESSES, "registrations");
    },
    async takeDevice(address) {
      const state = await counters.add(`oauth:device:${networkOf(address)}`, DEVICE_WINDOW_MS);
      hold(state, MAX_DEVICES, "requests of devices");
    },
  };
}

const ALL = "oauth:register:all";

function nameOf(address: string): string {
  return `oauth:register:${networkOf(address)}`;
}
