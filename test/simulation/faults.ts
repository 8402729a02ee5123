import type { Fault } from "./figures.ts";
import type { Direction } from "./network.ts";
import type { Random } from "./random.ts";
import type { Seat, Simulation } from "./simulation.ts";
import { CREDENTIALS } from "./subjects.ts";

const OF_MACHINES: readonly Fault[] = ["stop", "stop", "stop", "suspend", "suspend", "set wall clock"];
const OF_NETWORK: readonly Fault[] = ["cut", "cut", "cut", "reset", "reset", "slow"];
const OF_PROCESSES: readonly Fault[] = ["crash", "leave"];
const OF_THE_STORE: readonly Fault[] = ["store restart", "store restart"];
const LOSSES: readonly Fault[] = ["rollback", "rollback", "flush of the log", "entries dropped"];

const WAYS: readonly (readonly Direction[])[] = [["requests", "replies"], ["requests"], ["replies"]];
/** A message on a slow way takes this much longer at most, ms. */
const SLOW_MS = 300;

/** Plans what goes wrong, much of it near a change. Every fault is over when the chaos is. */
export function planFaults(plan: Random, simulation: Simulation, changes: readonly number[]): void {
  const { setup, seats, time } = simulation;
  const kinds = [...OF_MACHINES, ...OF_NETWORK, ...OF_PROCESSES, "trim" as const];
  if (!setup.storeStays) kinds.push(...OF_THE_STORE);
  if (setup.storeLoses) kinds.push(...LOSSES, ...LOSSES);
  for (let left = plan.whole(0, 6); left > 0; left -= 1) {
    const near = plan.pick(changes) + plan.pick([-1, -1, -1, 1]) * plan.spread(0.2, setup.leaseMs);
    const at = Math.max(0, plan.chance(0.7) ? near : plan.between(0, setup.chaosMs));
    const lasts = Math.min(plan.spread(3, 3 * setup.leaseMs), setup.chaosMs - at);
    if (lasts <= 0) continue;
    const kind = plan.pick(kinds);
    const seat = plan.pick(seats);
    time.at(at, () => begin(kind, { plan, simulation, seat, lasts }));
  }
}

interface Stage {
  readonly plan: Random;
  readonly simulation: Simulation;
  readonly seat: Seat;
  /** True ms. */
  readonly lasts: number;
}

function begin(fault: Fault, stage: Stage): void {
  const { lasts, plan, seat, simulation } = stage;
  const { time } = simulation;
  const note = (text: string): void => {
    simulation.figures.faults[fault] += 1;
    simulation.note(() => `${seat.name}: ${text} for ${lasts.toFixed(1)} ms`);
  };
  switch (fault) {
    case "stop":
    case "suspend":
      return stand(fault === "suspend" && seat.suspends ? "suspend" : "stop", stage);
    case "set wall clock":
      if (seat.suspends) return;
      note("wall clock set");
      return seat.clock.setWall(plan.pick([-1, 1]) * plan.spread(1, 100_000));
    case "cut": {
      const ways = plan.pick(WAYS);
      const holds = plan.chance(0.5);
      note(`cut (${ways.join(", ")}${holds ? ", sent again later" : ""})`);
      seat.path.cut(ways, lasts, holds);
      time.after(lasts, () => probe(simulation, plan, seat));
      return;
    }
    case "reset":
      note("connection broken");
      return seat.instance.breakConnection(plan.pick(["store", "reading"]));
    case "slow":
      note("slow");
      return seat.path.slow(lasts, SLOW_MS);
    case "crash":
      note("crash");
      return simulation.crash(seat, lasts);
    case "leave": {
      note("leaves");
      const { instance } = seat;
      instance.options.process.turn("start", () => void instance.leave());
      time.after(lasts / 2, () => {
        if (seat.instance === instance) simulation.crash(seat, lasts / 2);
      });
      return;
    }
    case "trim":
      note("trim");
      return simulation.server.log.trim(plan.whole(1, 3));
    case "store restart":
    case "rollback":
    case "flush of the log":
    case "entries dropped":
      note(fault);
      return storeFault(fault, stage);
  }
}

/** The process stands still; where the machine is suspended, its monotonic clock does too. */
function stand(how: "stop" | "suspend", { lasts, plan, seat, simulation }: Stage): void {
  const { process } = seat.instance.options;
  if (!process.runs) return;
  simulation.figures.faults[how] += 1;
  simulation.note(() => `${seat.name}: ${how} for ${lasts.toFixed(1)} ms`);
  process.stop();
  if (how === "suspend") seat.clock.suspend();
  simulation.time.after(lasts, () => {
    if (process.dead) return;
    seat.clock.wake();
    seat.stoodStillAt = simulation.time.now;
    simulation.note(() => `${seat.name} goes on`);
    process.resume();
    probe(simulation, plan, seat);
  });
}

/** One that comes back is asked at once, before it has caught up perhaps. */
function probe(simulation: Simulation, plan: Random, seat: Seat): void {
  for (let left = 4; left > 0; left -= 1) {
    simulation.time.after(plan.spread(0.1, 20), () => {
      simulation.request(seat, plan.pick(CREDENTIALS), plan.spread(0.05, 1), false);
      simulation.moveBytes(seat);
    });
  }
}

function storeFault(fault: Fault, { lasts, plan, simulation }: Stage): void {
  const { server, time } = simulation;
  if (!server.up) return;
  const downMs = Math.min(lasts, plan.spread(2, 300));
  const restart = (): void => {
    simulation.storeDown();
    time.after(downMs, () => simulation.storeUp());
  };
  switch (fault) {
    case "rollback": {
      // A replica whose clock is behind takes over, with what it has.
      const restore = server.save(plan.pick([0, -plan.spread(1, 3000), -plan.between(0, 3) * lasts]));
      time.after(lasts - downMs, () => {
        if (!server.up) return;
        simulation.note(() => "the store falls back to an earlier state");
        simulation.lostState(restore);
        restart();
      });
      return;
    }
    case "flush of the log":
      return simulation.lostState(() => server.log.flush());
    case "entries dropped":
      return simulation.lostState(() => server.log.dropEntries());
    default:
      return restart();
  }
}
