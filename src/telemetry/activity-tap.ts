import type { Activity } from "../core/activity.ts";
import type { Clock } from "../core/clock.ts";
import { activityOfEvent, activityOfMany, activityOfRequest } from "./activity-entry.ts";
import { type Rest, Rate } from "./activity-rate.ts";
import { ActivityWriter } from "./activity-writer.ts";
import type { AuditTap } from "./audit.ts";
import type { EventRecord, RequestRecord } from "./audit-record.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Hands what the audit is told on to the store, as much of it as pages need. */
export interface ActivityTap extends AuditTap {
  /** Entries that came into no store since the start. */
  readonly lost: number;
  /** Writes what waits. What comes later is lost. Never rejects. */
  close(): Promise<void>;
}

export interface ActivityTapOptions {
  readonly activity: { append(entries: readonly Activity[]): Promise<void> };
  readonly clock: Clock;
  readonly instance: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics?: Pick<Metrics, "bindActivity">;
  /** How long an entry waits for others to be written with; 500 ms where not given. */
  readonly flushMs?: number;
}

/** Whose refusals are bounded: whoever is refused may come as often as they like. */
const REFUSED_EVENTS = ["request", "oauth", "signin", "admin"] as const;
type RefusedEvent = (typeof REFUSED_EVENTS)[number];

/** Of allowed requests (and streams) one in so many is kept, and so many a second. */
const ONE_IN = 100;
const ALLOWED_PER_SECOND = 5;
/** Of refusals, each kind: the rest of a second is told in one entry. */
const REFUSED_PER_SECOND = 20;

/**
 * All of config, and what was allowed of admin, oauth and signin, is handed on; refusals up to a rate, because a
 * flood of them must not push out what came before; of allowed requests a sample, which costs the others a comparison.
 * Nothing is written on a request's path, and nothing throws: what the store does not take is lost, and counted.
 */
export function createActivityTap(options: ActivityTapOptions): ActivityTap {
  const tap = new StoreTap(options);
  options.metrics?.bindActivity(tap);
  return tap;
}

class StoreTap implements ActivityTap {
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #writer: ActivityWriter;
  readonly #allowed: Rate;
  readonly #refused: Readonly<Record<RefusedEvent, Rate>>;
  #untilSample = ONE_IN;

  constructor({ activity, clock, instance, log, flushMs = 500 }: ActivityTapOptions) {
    this.#clock = clock;
    this.#instance = instance;
    this.#writer = new ActivityWriter({ activity, log, flushMs, beforeWrite: (final) => this.#tellRest(final) });
    this.#allowed = new Rate(ALLOWED_PER_SECOND);
    this.#refused = {
      request: new Rate(REFUSED_PER_SECOND),
      oauth: new Rate(REFUSED_PER_SECOND),
      signin: new Rate(REFUSED_PER_SECOND),
      admin: new Rate(REFUSED_PER_SECOND),
    };
  }

  get lost(): number {
    return this.#writer.lost;
  }

  request(record: RequestRecord): void {
    if (record.decision === "allow") {
      this.#untilSample -= 1;
      if (this.#untilSample > 0) return;
      this.#untilSample = ONE_IN;
      if (this.#allowed.takes(this.#clock.now())) this.#add(record);
    } else if (this.#mayRefuse("request")) {
      this.#add(record);
    }
  }

  event(record: EventRecord): void {
    const { event, decision } = record;
    if (decision === "deny" && event !== "config" && !this.#mayRefuse(event)) return;
    this.#writer.add(activityOfEvent(record, this.#clock.now(), this.#instance));
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  #add(record: RequestRecord): void {
    this.#writer.add(activityOfRequest(record, this.#clock.now(), this.#instance));
  }

  #mayRefuse(event: RefusedEvent): boolean {
    const rate = this.#refused[event];
    const now = this.#clock.now();
    this.#tellOne(event, rate.rest(now));
    const takes = rate.takes(now);
    // The rest of a second is told once that is over, though nothing else comes.
    if (!takes) this.#writer.wake();
    return takes;
  }

  /** Tells of seconds that are over; of the running one only at the end. True where one still runs. */
  #tellRest(final: boolean): boolean {
    const now = final ? Infinity : this.#clock.now();
    for (const event of REFUSED_EVENTS) this.#tellOne(event, this.#refused[event].rest(now));
    return Object.values(this.#refused).some((rate) => rate.hasRest);
  }

  #tellOne(event: RefusedEvent, rest: Rest | null): void {
    if (rest !== null) this.#writer.add(activityOfMany(event, rest.count, rest.at, this.#instance));
  }
}
