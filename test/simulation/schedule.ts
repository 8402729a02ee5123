import { planFaults } from "./faults.ts";
import type { Figures } from "./figures.ts";
import type { Mutation } from "./mutations.ts";
import { DEAD_MS } from "./network.ts";
import { Random } from "./random.ts";
import { randomSetup, type Setup } from "./setup.ts";
import {
  type Change,
  changeLimitMs,
  DRIFT,
  RECONNECT_MS,
  type Seat,
  Simulation,
  type Violation,
} from "./simulation.ts";
import { CREDENTIALS, type SimCredential } from "./subjects.ts";

/** How one schedule went. */
export interface Outcome {
  readonly violation: Violation | null;
  readonly figures: Figures;
}

/** All instances have started and hold a lease by then. */
const STARTED_MS = 30;
/** How often one looks whether all is well again. */
const LOOK_MS = 10;
/** A client that was refused asks again after this, ms. */
const ASK_AGAIN_MS = 40;

/**
 * Runs one schedule: people ask and change things while faults come and go, then the faults stop and everything must be
 * well again. The same seed and number give the same schedule, event by event. What happens is written to `trace`.
 */
export async function runSchedule(
  seed: number,
  number: number,
  mutation: Mutation = {},
  trace: string[] | null = null,
): Promise<Outcome> {
  const plan = new Random(seed, 2 * number);
  const setup = { ...randomSetup(plan, mutation, DRIFT), ...mutation.focus };
  const simulation = new Simulation(setup, new Random(seed, 2 * number + 1), trace);
  simulation.note(() => JSON.stringify(setup));
  simulation.start();
  const changes = planChanges(plan, simulation);
  planFaults(plan, simulation, changes);
  planRequests(plan, simulation);
  probeAfterChanges(plan, simulation);
  await simulation.time.runUntil(setup.chaosMs);
  heal(simulation);
  await runUntilSo(simulation, settleMs(setup), () => isWell(simulation));
  if (!isWell(simulation))
    simulation.violate("recovery", "not every instance holds a lease, long after the last fault");
  if (!simulation.time.halted) await checkRecovery(simulation);
  return { violation: simulation.violation, figures: simulation.figures };
}

/** When changes are asked for, true ms. */
function planChanges(plan: Random, simulation: Simulation): readonly number[] {
  const { seats, setup, time } = simulation;
  const times: number[] = [];
  const tags = CREDENTIALS.slice(1).flatMap((each) => each.tags);
  for (let left = plan.whole(2, 6); left > 0; left -= 1) {
    const at = plan.between(STARTED_MS + 10, setup.chaosMs);
    const tag = plan.pick(tags);
    const change: Change = {
      seat: plan.chance(0.5) ? null : plan.pick(seats),
      tag,
      kind: tag === "all" || plan.chance(0.3) ? "edit" : "revoke",
      waitMs: plan.pick([0, plan.between(1, setup.leaseMs), Infinity, Infinity, Infinity, Infinity, Infinity]),
      repeats: plan.pick([0, 3, 10]),
    };
    times.push(at);
    time.at(at, () => simulation.change(change));
  }
  for (const late of CREDENTIALS.slice(5)) {
    const at = plan.between(STARTED_MS, setup.chaosMs);
    const [tag] = late.tags;
    if (tag === undefined) continue;
    time.at(at, () => simulation.change({ seat: plan.pick(seats), tag, kind: "create", waitMs: Infinity, repeats: 2 }));
  }
  return times;
}

function planRequests(plan: Random, simulation: Simulation): void {
  const { seats, setup, time } = simulation;
  for (const seat of seats) {
    // So that there is something in the caches.
    for (const of of CREDENTIALS) {
      if (plan.chance(0.7)) time.at(STARTED_MS + plan.between(0, 10), () => ask(simulation, plan, seat, of, 0.5));
    }
    for (let left = plan.whole(4, 12); left > 0; left -= 1) {
      const of = plan.pick(CREDENTIALS);
      time.at(plan.between(STARTED_MS, setup.chaosMs), () => ask(simulation, plan, seat, of, 0.3));
    }
    for (let left = plan.whole(2, 8); left > 0; left -= 1) {
      time.at(plan.between(STARTED_MS, setup.chaosMs), () => simulation.moveBytes(seat));
    }
  }
}

function ask(simulation: Simulation, plan: Random, seat: Seat, of: SimCredential, opens: number): void {
  simulation.request(seat, of, plan.spread(0.05, 5), plan.chance(opens));
}

/** When a call has returned, its promise is put to the test at once and for a while. */
function probeAfterChanges(plan: Random, simulation: Simulation): void {
  const { seats, setup, time } = simulation;
  simulation.onReturn(({ tag }) => {
    const touched = CREDENTIALS.filter(({ tags }) => tags.includes(tag));
    for (const seat of seats) {
      for (const delay of [0, plan.spread(0.5, setup.leaseMs), plan.spread(0.5, setup.leaseMs)]) {
        time.after(delay, () => ask(simulation, plan, seat, plan.pick(touched), 0));
      }
      time.after(plan.spread(0.1, setup.leaseMs), () => simulation.moveBytes(seat));
    }
  });
}

/** No fault goes on. */
function heal(simulation: Simulation): void {
  simulation.note(() => "all faults end");
  simulation.storeUp();
  for (const seat of simulation.seats) {
    seat.path.heal();
    seat.clock.wake();
    seat.instance.options.process.resume();
    simulation.boot(seat);
  }
}

/** How long it may take until every instance serves, once no fault is left. */
function settleMs({ leaseMs, commandMs }: Setup): number {
  const stuck = commandMs + leaseMs / 4;
  return 3 * stuck + 2 * RECONNECT_MS + DEAD_MS + 500;
}

/** Every instance has caught up and holds a lease. */
function isWell({ seats, server }: Simulation): boolean {
  return seats.every(({ instance }) => instance.follower.applied === server.log.count && instance.lease.holds());
}

/** Lets time pass until it is so, `limitMs` at most. */
async function runUntilSo({ time }: Simulation, limitMs: number, isSo: () => boolean): Promise<void> {
  const limit = time.now + limitMs;
  while (time.now < limit && !time.halted && !isSo()) {
    await time.runUntil(Math.min(limit, time.now + LOOK_MS));
  }
}

async function checkRecovery(simulation: Simulation): Promise<void> {
  const { seats, server, setup, time } = simulation;
  const [known] = CREDENTIALS;
  const tag = known?.tags[0];
  if (known === undefined || tag === undefined) throw new Error("no credential");
  const served = new Set<string>();
  const askUnserved = (): void => {
    for (const seat of seats) {
      if (!served.has(seat.name)) simulation.request(seat, known, 1, false, () => served.add(seat.name));
    }
    time.after(ASK_AGAIN_MS, askUnserved);
  };
  askUnserved();
  simulation.change({ seat: null, tag, kind: "edit", waitMs: Infinity, repeats: 0 });
  // Registrations are by the store's clock.
  const limitMs = changeLimitMs(setup) + server.setBackMs + 200;
  const isOver = (): boolean => simulation.calls === 0 && served.size === seats.length && isWell(simulation);
  await runUntilSo(simulation, limitMs, isOver);
  for (const { instance, name } of seats) {
    if (!served.has(name)) simulation.violate("recovery", `${name} does not serve, long after the last fault`);
    const { applied } = instance.follower;
    if (applied !== server.log.count) {
      simulation.violate(
        "recovery",
        `${name} has applied ${applied} of ${server.log.count} entries, long after the last fault`,
      );
    }
  }
  if (simulation.calls > 0)
    simulation.violate("recovery", `${simulation.calls} calls still wait, long after the last fault`);
}
