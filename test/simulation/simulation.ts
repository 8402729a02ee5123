import type { Spread } from "../../src/revocation/spread.ts";
import { registrationMs } from "../../src/revocation/follower.ts";
import { waitUntilApplied } from "../../src/revocation/barrier.ts";
import type { Authentication } from "../../src/credentials/authenticate.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { barrierOver, Instance, seenBy, writeOver } from "./instance.ts";
import { MachineClock, Process } from "./machine.ts";
import { ModelServer, type Written } from "./model-server.ts";
import { Link, NetworkPath } from "./network.ts";
import { type Figures, noFigures } from "./figures.ts";
import { Promises, type Terms } from "./promise.ts";
import type { Random } from "./random.ts";
import type { Setup } from "./setup.ts";
import { CREDENTIALS, type SimCredential } from "./subjects.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Clocks run apart from true time by this much at most, either way. */
export const DRIFT = 0.02;
/** Longest time to a new connection, ms. */
export const RECONNECT_MS = 100;
/** A caller repeats a call that failed after this, ms. */
const REPEAT_MS = 40;

export interface Violation {
  /**
   * `promise`: something was allowed that a call had taken away before. `lease`: an instance served longer than it may
   * without news of the store. `recovery`: it took too long until something was done, or all was well again.
   */
  readonly broken: "promise" | "lease" | "recovery";
  readonly text: string;
}

/** One machine with one instance on it, which may crash and come again. */
export interface Seat {
  readonly name: string;
  readonly path: NetworkPath;
  readonly clock: MachineClock;
  /** A machine that is suspended has a right wall clock; one whose wall clock is set wrong is not suspended. */
  readonly suspends: boolean;
  instance: Instance;
  lives: number;
  /** True ms: the store lost the registration of this one, so that others do not wait for it until then. */
  unwaitedUntil: number;
  /** True ms: it last stood still. */
  stoodStillAt: number;
}

/** Someone who changes something: in an instance, or a command of its own (`null`). */
export interface Change {
  readonly seat: Seat | null;
  readonly tag: ChangeTag;
  readonly kind: "create" | "edit" | "revoke";
  readonly waitMs: number;
  /** How often it is asked for again where it failed. */
  readonly repeats: number;
}

/** A whole installation under way, and the checks of what it promised. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly server: ModelServer;
  readonly seats: Seat[];
  readonly promises = new Promises();
  readonly figures: Figures = noFigures();
  readonly setup: Setup;
  /** The machine on which commands run, apart from the instances. */
  readonly desk: { readonly process: Process; readonly path: NetworkPath; readonly link: Link };
  readonly #random: Random;
  readonly #trace: string[] | null;
  #violation: Violation | null = null;
  /** The processes that carry out a change now. */
  readonly #calls = new Map<Change, Process>();
  readonly #links = new Set<Link>();
  #onReturn: (change: Change) => void = () => undefined;

  constructor(setup: Setup, random: Random, trace: string[] | null) {
    this.setup = setup;
    this.#random = random;
    this.#trace = trace;
    const { mutation, storeRate, keep } = setup;
    this.server = new ModelServer(this.time, { keep, rate: storeRate, mutations: mutation.store ?? {} });
    for (const { tags } of CREDENTIALS.slice(0, 5)) for (const tag of tags) this.server.write(tag, "create");
    this.server.write(tagOf(CREDENTIALS[5], 1), "create");
    const process = new Process(this.time, random, new MachineClock(this.time, 1));
    const path = new NetworkPath(this.time, random, 0);
    this.desk = { process, path, link: this.#link(process, path, "command") };
    this.seats = setup.seats.map((seat, number) => this.#seat(`i${number}`, seat));
  }

  get violation(): Violation | null {
    return this.#violation;
  }

  /** Changes under way whose caller lives. */
  get calls(): number {
    return [...this.#calls.values()].filter(({ dead }) => !dead).length;
  }

  onReturn(listener: (change: Change) => void): void {
    this.#onReturn = listener;
  }

  note(line: () => string): void {
    this.#trace?.push(`${this.time.now.toFixed(3).padStart(10)}  ${line()}`);
  }

  violate(broken: Violation["broken"], text: string): void {
    this.#violation ??= { broken, text };
    this.note(() => `VIOLATION: ${text}`);
    this.time.halt();
  }

  /** A client sends a request now; it arrives after a while. With `opens`, what is accepted stays open as a stream. */
  request(seat: Seat, of: SimCredential, delayMs: number, opens: boolean, accepted?: () => void): void {
    const terms = this.promises.of(of);
    const sentAt = this.time.now;
    this.figures.requests += 1;
    this.time.after(delayMs, () => {
      const { instance } = seat;
      instance.options.process.turn("clients", () => {
        const answer = instance.authenticate(of);
        if (answer === null) return;
        const judge = (given: Authentication): void => {
          this.#answered(seat, instance, of, { terms, sentAt, opens }, given);
          if (given.ok) accepted?.();
        };
        if (answer instanceof Promise) void answer.then(judge);
        else judge(answer);
      });
    });
  }

  /** Writes a change and waits as it says. */
  change(change: Change): void {
    const process = change.seat?.instance.options.process ?? this.desk.process;
    process.turn("clients", () => {
      this.#calls.set(change, process);
      void this.#carryOut(change, process).finally(() => this.#calls.delete(change));
    });
  }

  /** The process is gone at once; another starts on the machine after a while. */
  crash(seat: Seat, restartMs: number): void {
    const { process } = seat.instance.options;
    if (process.dead) return;
    this.note(() => `${seat.name} crashes`);
    process.kill();
    seat.clock.wake();
    seat.instance.breakConnection("store");
    seat.instance.breakConnection("reading");
    this.time.after(restartMs, () => this.boot(seat));
  }

  boot(seat: Seat): void {
    if (!seat.instance.options.process.dead) return;
    seat.lives += 1;
    seat.instance = this.#instance(seat);
    this.note(() => `${seat.name} starts as ${seat.instance.name}`);
    this.#begin(seat);
  }

  /** Something moves on each stream that is open here: none of them may hang on what was taken away. */
  moveBytes(seat: Seat): void {
    const { instance } = seat;
    instance.options.process.turn("clients", () => {
      for (const stream of instance.streams.open) {
        this.figures.streamBytes += 1;
        const broken = this.#excused(seat) ? null : this.promises.broken(this.promises.of(stream.of), stream.seen);
        if (broken === null) continue;
        if (!instance.lease.holds() && seat.stoodStillAt > instance.grantedAt) this.figures.bytesAfterStandstill += 1;
        else
          this.violate(
            "promise",
            `${seat.name} moves bytes on a stream of ${stream.of.name}, whose ${broken} was changed`,
          );
      }
    });
  }

  /** The store lost what came after it was saved: what hung on that is void, and who registered since is not waited for. */
  lostState(restore: () => void): void {
    const before = new Map(this.seats.map((seat) => [seat, this.server.log.waitedFor(seat.instance.name)]));
    restore();
    this.server.forgetWritten();
    this.promises.lost((tag) => this.server.read(tag)?.version ?? 0);
    for (const [seat, until] of before) {
      if (this.server.log.waitedFor(seat.instance.name) >= until) continue;
      seat.unwaitedUntil = this.time.now + this.setup.leaseMs / (1 - DRIFT) + 2;
    }
  }

  /** The store goes away, and every connection to it with it. */
  storeDown(): void {
    this.server.up = false;
    for (const link of this.#links) link.reset();
  }

  storeUp(): void {
    this.server.up = true;
  }

  start(): void {
    for (const seat of this.seats) this.#begin(seat);
  }

  #begin(seat: Seat): void {
    const { instance } = seat;
    instance.options.process.turn("start", () => void instance.start());
  }

  #seat(name: string, { rate, suspends }: Setup["seats"][number]): Seat {
    const clock = new MachineClock(this.time, rate);
    const path = new NetworkPath(this.time, this.#random, this.setup.lossRate);
    const process = new Process(this.time, this.#random, clock);
    const base = { name, path, clock, suspends, lives: 1, unwaitedUntil: 0, stoodStillAt: -Infinity };
    return { ...base, instance: this.#instanceOf(process, path, name, 1) };
  }

  #instance(seat: Seat): Instance {
    const process = new Process(this.time, this.#random, seat.clock);
    return this.#instanceOf(process, seat.path, seat.name, seat.lives);
  }

  #instanceOf(process: Process, path: NetworkPath, name: string, life: number): Instance {
    const { absentMs, cacheMs, commandMs, leaseMs, mutation } = this.setup;
    return new Instance({
      process,
      name,
      life,
      absentMs,
      cacheMs,
      commandMs,
      leaseMs,
      mutation,
      server: this.server,
      connect: (link) => this.#link(process, path, link),
      trueNow: () => this.time.now,
    });
  }

  #link(process: Process, path: NetworkPath, name: string): Link {
    const { server, time } = this;
    const link = new Link({ name, process, path, server, time, random: this.#random, reconnectMs: RECONNECT_MS });
    this.#links.add(link);
    return link;
  }

  #excused(seat: Seat): boolean {
    return this.time.now < seat.unwaitedUntil;
  }

  #answered(
    seat: Seat,
    instance: Instance,
    of: SimCredential,
    request: { readonly terms: Terms; readonly sentAt: number; readonly opens: boolean },
    answer: Authentication,
  ): void {
    const { time } = this;
    const seen = seenBy(answer);
    if (seen === null) {
      this.figures.refused += 1;
      return;
    }
    this.figures.accepted += 1;
    this.note(() => `${instance.name} accepts ${of.name}, sent at ${request.sentAt.toFixed(3)}`);
    if (!this.#excused(seat)) {
      const broken = this.promises.broken(request.terms, seen);
      if (broken !== null) {
        this.violate(
          "promise",
          `${instance.name} accepted ${of.name} although the change of ${broken} had returned before`,
        );
      }
    }
    const latest = instance.grantedAt + this.setup.leaseMs / (1 - DRIFT) + 2;
    if (time.now > latest) this.violate("lease", `${instance.name} accepted ${of.name} after its lease was over`);
    if (request.opens) instance.streams.add(of, seen);
  }

  async #carryOut(change: Change, process: Process): Promise<void> {
    const { tag, kind, repeats } = change;
    const started = this.time.now;
    for (let round = 0; round <= repeats; round += 1) {
      this.note(() => `${change.seat?.instance.name ?? "command"}: ${kind} ${tag}`);
      try {
        await this.#carryOutOnce(change);
        break;
      } catch {
        this.figures.failedChanges += 1;
        this.note(() => `${change.seat?.instance.name ?? "command"}: ${kind} ${tag} failed`);
        await process.sleep(REPEAT_MS);
      }
    }
    // Where the store is there and so is the way to it, nothing that is stopped holds a change up for longer.
    const took = this.time.now - started;
    if (change.seat === null && this.setup.storeStays && took > changeLimitMs(this.setup)) {
      this.violate("recovery", `${kind} ${tag} took ${took.toFixed(0)} ms`);
    }
  }

  async #carryOutOnce(change: Change): Promise<void> {
    const { seat, tag, kind } = change;
    const instance = seat?.instance ?? null;
    const { link, process } = this.desk;
    const asking = { process, server: this.server, commandMs: this.setup.commandMs };
    const tags = tagsWith(tag);
    const { losses } = this.promises;
    const written = await (instance?.write(tag, kind, tags) ?? writeOver(link, asking, tag, kind, tags));
    if (written === null) return;
    const limitMs = kind === "create" ? Math.min(change.waitMs, 1000) : change.waitMs;
    const barrier = instance?.barrier ?? barrierOver(link, asking);
    const none = this.setup.mutation.noBarrier === true;
    const spread = none ? null : await waitUntilApplied(written.n, limitMs, barrier);
    this.#returned(change, written, losses, spread);
  }

  #returned(change: Change, written: Written, losses: number, spread: Spread | null): void {
    const { tag, kind } = change;
    this.figures.changes[kind] += 1;
    this.note(() => `${kind} ${tag} returned: ${JSON.stringify(spread)}`);
    if (spread !== null && spread.out.length > 0) {
      this.figures.shortWaits += 1;
      return;
    }
    if (spread !== null && spread.lapsed.length > 0) this.figures.lapsed += 1;
    if (losses === this.promises.losses) {
      // Whoever has applied this entry has applied all before it.
      for (const earlier of this.server.writtenUpTo(written.n)) this.promises.made(earlier.tag, earlier.version);
    } else {
      this.promises.made(tag, Math.min(written.version, this.server.read(tag)?.version ?? 0));
    }
    this.#checkStreams();
    this.#onReturn(change);
  }

  /** At each instance that runs, the streams of what was taken away are closed when the call returns. */
  #checkStreams(): void {
    for (const seat of this.seats) {
      const { instance } = seat;
      const { process } = instance.options;
      if (!process.runs || this.#excused(seat)) continue;
      // It goes on just now, and may not have looked at the clock yet.
      if (!instance.lease.holds() && seat.stoodStillAt > instance.grantedAt) continue;
      for (const stream of instance.streams.open) {
        const broken = this.promises.broken(this.promises.of(stream.of), stream.seen);
        if (broken !== null)
          this.violate("promise", `a stream of ${stream.of.name} is open at ${seat.name}: ${broken} was changed`);
      }
    }
  }
}

/** How long a change may take that waits for all, whatever is stopped, where the store answers. */
export function changeLimitMs({ leaseMs, commandMs }: Setup): number {
  return (2 * registrationMs(leaseMs)) / (1 - DRIFT) + 4 * commandMs;
}

/** A credential is named by its digest too, for those who know only that. */
function tagsWith(tag: ChangeTag): readonly ChangeTag[] {
  const own = CREDENTIALS.find(({ tags }) => tags[0] === tag);
  return own === undefined ? [tag] : [tag, `digest:${own.digest}`];
}

function tagOf(of: SimCredential | undefined, at: number): ChangeTag {
  const tag = of?.tags[at];
  if (tag === undefined) throw new Error("no such tag");
  return tag;
}
