import type { ChangeTag } from "../../src/core/change-tag.ts";
import { type Authentication, type Authenticator, createAuthenticator } from "../../src/credentials/authenticate.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import { type BarrierOptions, followerName } from "../../src/revocation/barrier.ts";
import type { ChangeSource } from "../../src/revocation/change-source.ts";
import { LogFollower } from "../../src/revocation/follower.ts";
import { Lease } from "../../src/revocation/lease.ts";
import { type CredentialCache, createCredentialCache } from "../../src/store/cache.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import type { Process } from "./machine.ts";
import type { ModelServer, RecordState, Written } from "./model-server.ts";
import type { Mutation } from "./mutations.ts";
import type { Link, ServerWork } from "./network.ts";
import { SimStreams } from "./sim-streams.ts";
import { credentialOf, factsOf, knownDigester, type Seen, seenIn, type SimCredential } from "./subjects.ts";

export interface InstanceOptions {
  readonly process: Process;
  readonly server: ModelServer;
  /** Opens a connection of the process to the store. */
  readonly connect: (name: string) => Link;
  readonly name: string;
  /** Which one it is of those that had this name. */
  readonly life: number;
  readonly leaseMs: number;
  readonly commandMs: number;
  readonly cacheMs: number;
  readonly absentMs: number;
  readonly mutation: Mutation;
  /** True time, for the checks. */
  readonly trueNow: () => number;
}

/** A command that the store does at once. */
function atOnce<T>(work: () => T): ServerWork<T> {
  return (done) => {
    done(work());
    return undefined;
  };
}

/** One process of Portcullis, of the parts that matter here: wired as src/app and src/store/redis-changes.ts do. */
export class Instance {
  readonly options: InstanceOptions;
  readonly lease: Lease;
  readonly streams: SimStreams;
  readonly follower: LogFollower;
  readonly #store: Link;
  readonly #reading: Link;
  readonly #source: ChangeSource;
  readonly #authenticator: Authenticator;
  /** True time when the last renewal that was granted was sent: what is accepted much later breaks the lease. */
  grantedAt = -Infinity;
  #listens = false;

  constructor(options: InstanceOptions) {
    this.options = options;
    const { process, connect, name, life, leaseMs, mutation } = options;
    this.#store = connect("store");
    this.#reading = connect("reading");
    this.lease = mutation.makeLease?.(process.clock, leaseMs) ?? new Lease(process.clock, leaseMs);
    const cache = createCredentialCache({
      maxEntries: 100,
      ttlMs: options.cacheMs,
      negativeTtlMs: options.absentMs,
      clock: process.clock,
    });
    const source = this.#credentials();
    this.streams = new SimStreams(process, source, leaseMs, () => this.lease.leftMs());
    this.#authenticator = createAuthenticator({
      keys: source,
      tokens: null,
      changes: { poll: () => this.#poll() },
      cache: mutation.noFillCheck === true ? withoutFillCheck(cache) : cache,
      digester: knownDigester,
      clock: process.clock,
      uses: { note() {} },
      metrics: { lookup() {}, storeDuration() {} },
    });
    this.#source = this.#changes();
    this.follower = new LogFollower({
      name: followerName(name, String(life)),
      source: this.#source,
      lease: this.lease,
      sleep: (ms, signal) => process.sleep(ms, signal),
      log: { warn() {} },
      onChange: (tags) => {
        cache.apply(tags);
        const closing = this.streams.apply(tags);
        return mutation.streamsNotAwaited === true ? undefined : closing;
      },
    });
  }

  get name(): string {
    return followerName(this.options.name, String(this.options.life));
  }

  /** How to wait for a change: as the store of this process would. */
  get barrier(): BarrierOptions {
    return barrierOver(this.#store, this.options);
  }

  async start(): Promise<void> {
    await this.follower.start();
    this.#listens = true;
  }

  /** Leaves in order: what is open is over by then, as src/app closes its listeners first. Requests may still come. */
  async leave(): Promise<void> {
    this.streams.open.clear();
    await this.follower.stop();
    await this.#source.leave(this.name).catch(() => undefined);
  }

  authenticate(of: SimCredential): Authentication | Promise<Authentication> | null {
    return this.#listens ? this.#authenticator.authenticate(of.secret, "bearer") : null;
  }

  write(tag: ChangeTag, change: "create" | "edit" | "revoke", tags: readonly ChangeTag[]): Promise<Written | null> {
    return writeOver(this.#store, this.options, tag, change, tags);
  }

  breakConnection(which: "store" | "reading"): void {
    (which === "store" ? this.#store : this.#reading).reset();
  }

  #poll(): void {
    if (this.options.mutation.noLeaseCheck === true || this.lease.holds()) return;
    throw new StoreUnavailable("the lease is over");
  }

  /** One command for each record, as the real sources ask. */
  #credentials(): CredentialSource {
    const { commandMs, server } = this.options;
    return {
      find: async (digest) => {
        const presented = credentialOf(digest);
        const seen = new Map<ChangeTag, RecordState>();
        for (const tag of presented.tags) {
          const state = await this.#store.call(
            commandMs,
            atOnce(() => server.read(tag)),
          );
          if (state === null) return null;
          seen.set(tag, state);
        }
        return factsOf(presented, seen);
      },
    };
  }

  #changes(): ChangeSource {
    const { commandMs, mutation, server, trueNow } = this.options;
    const [reading, store] = [this.#reading, this.#store];
    return {
      newest: () =>
        reading.call(
          commandMs,
          atOnce(() => server.log.newest(server.micros())),
        ),
      read: (after, waitMs) => {
        const work = mutation.pubSub === true ? server.subscribed(waitMs) : server.blockingRead(after.id, waitMs);
        return reading.call(commandMs + waitMs, work);
      },
      register: async (registration) => {
        const sentAt = trueNow();
        const waitMs = mutation.noMargin === true ? this.options.leaseMs : registration.waitMs;
        const register = (): ReturnType<typeof server.log.register> =>
          server.log.register(server.now(), {
            ...registration,
            waitMs,
            // A subscriber does not know what it missed.
            ...(mutation.pubSub === true ? { applied: server.log.newest(server.micros()) } : {}),
          });
        const answer = await reading.call(commandMs, atOnce(register));
        if (answer === "granted") this.grantedAt = sentAt;
        return answer;
      },
      leave: (follower) =>
        store.call(
          commandMs,
          atOnce(() => server.log.leave(follower)),
        ),
      close: () => reading.close(),
    };
  }
}

interface Asking {
  readonly process: Process;
  readonly server: ModelServer;
  readonly commandMs: number;
}

/** What writes to the store and waits, in an instance or beside it. */
export function writeOver(
  link: Link,
  { commandMs, server }: Asking,
  tag: ChangeTag,
  change: "create" | "edit" | "revoke",
  tags: readonly ChangeTag[],
): Promise<Written | null> {
  return link.call(
    commandMs,
    atOnce(() => server.write(tag, change, tags)),
  );
}

export function barrierOver(link: Link, { commandMs, process, server }: Asking): BarrierOptions {
  return {
    register: {
      followers: async (n) => {
        const followers = await link.call(
          commandMs,
          atOnce(() => server.log.followers(server.now(), n)),
        );
        if (followers === null) throw new StoreUnavailable("the change is lost");
        return followers;
      },
      closed: (n) =>
        link.call(
          commandMs,
          atOnce(() => server.log.closed(n)),
        ),
    },
    clock: process.clock,
    sleep: (ms) => process.sleep(ms),
  };
}

/** What an answer was made of. */
export function seenBy(answer: Authentication): Seen | null {
  return answer.ok ? (seenIn.get(answer) ?? null) : null;
}

function withoutFillCheck(cache: CredentialCache): CredentialCache {
  return new Proxy(cache, {
    get(target, name) {
      if (name === "beginFill") return () => ({ touched: () => false, end() {} });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
