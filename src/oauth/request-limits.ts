import { errors } from "oidc-provider";
import { networkOf } from "../signin/network.ts";
import type { Clients } from "../store/clients.ts";
import type { CounterStore } from "../store/types.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * Every limit of OAuth: on what strangers make us keep, and on guesses. A network is an IPv4 address, or a /64 of IPv6;
 * an office behind one address fits.
 */
export const LIMITS = {
  /** GET `authorize` and POST `par`, of one network: each keeps a document. */
  authorization: { most: 300, windowMs: 10 * MINUTE },
  /** POST `device_authorization`, of one network. */
  device: { most: 100, windowMs: 10 * MINUTE },
  /** Wrong codes of devices, of one person and from one network. */
  deviceCodes: { most: 5, windowMs: 15 * MINUTE },
  /** Metadata documents of clients that nobody knows yet, which one network makes us fetch. */
  metadata: { most: 20, windowMs: HOUR },
  /** POST `register`: of one network `oauth.registrations_per_hour`, and so many times that over all of them. */
  registration: { networks: 10, windowMs: HOUR },
  /** Clients that wait for approval at one time. */
  waitingClients: { most: 1000 },
} as const;

interface Limit {
  readonly most: number;
  readonly windowMs: number;
}

/** A limit was reached. The answer says when to try again. */
export class LimitReached extends errors.OIDCProviderError {
  readonly retryAfterSeconds: number;

  constructor(description: string, retryAfterMs: number) {
    super(429, "temporarily_unavailable", { detail: description });
    this.error_description = description;
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

/**
 * Counts over all instances. What is refused is not counted, so a flood costs a read each and nobody's own retries keep
 * them out. Reject with `StoreUnavailable` and `LimitReached`.
 */
export interface RequestLimits {
  /** Looks whether one more client may register from there, before anything of the request is read. */
  checkRegistration(address: string): Promise<void>;
  /** Counts one. To be called for requests that are in order: the others keep nothing. */
  takeRegistration(address: string): Promise<void>;
  /** Counts a request for an authorization. */
  takeAuthorization(address: string): Promise<void>;
  /** Counts a device authorization. */
  takeDevice(address: string): Promise<void>;
  /** Counts a metadata document that is about to be fetched. */
  takeMetadata(address: string): Promise<void>;
}

export function createRequestLimits(options: {
  readonly counters: CounterStore;
  readonly clients: Pick<Clients, "count">;
  readonly now: () => number;
  /** Registrations of one network: `oauth.registrations_per_hour`. */
  readonly perHour: number;
}): RequestLimits {
  const { counters, clients, now, perHour } = options;
  const { windowMs, networks } = LIMITS.registration;
  const ofNetwork: Limit = { most: perHour, windowMs };
  const ofAll: Limit = { most: perHour * networks, windowMs };

  async function check(name: string, { most }: Limit, what: string): Promise<void> {
    const { count, resetsAt } = await counters.read(name);
    if (count >= most) throw reached(what, resetsAt);
  }

  async function take(name: string, limit: Limit, what: string): Promise<void> {
    await check(name, limit, what);
    // Others may have come between the two: each is told its own place in the count.
    const { count, resetsAt } = await counters.add(name, limit.windowMs);
    if (count > limit.most) throw reached(what, resetsAt);
  }

  function reached(what: string, resetsAt: number): LimitReached {
    return new LimitReached(`too many ${what}; try again later`, resetsAt - now());
  }

  async function room(): Promise<void> {
    if ((await clients.count("waiting")) < LIMITS.waitingClients.most) return;
    throw new LimitReached("too many clients wait for approval", HOUR);
  }

  return {
    async checkRegistration(address) {
      await room();
      await check(nameOf("register", address), ofNetwork, "registrations");
      await check(ALL, ofAll, "registrations");
    },
    async takeRegistration(address) {
      await room();
      await take(nameOf("register", address), ofNetwork, "registrations");
      await take(ALL, ofAll, "registrations");
    },
    takeAuthorization: (address) =>
      take(nameOf("authorize", address), LIMITS.authorization, "requests for an authorization"),
    takeDevice: (address) => take(nameOf("device", address), LIMITS.device, "requests of devices"),
    takeMetadata: (address) => take(nameOf("metadata", address), LIMITS.metadata, "clients that are new"),
  };
}

const ALL = "oauth:register:all";

function nameOf(what: string, address: string): string {
  return `oauth:${what}:${networkOf(address)}`;
}
