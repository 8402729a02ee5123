import { Counter, type Registry } from "prom-client";
import type { Outcome } from "../core/decision.ts";

/** Counts the requests of one rule. */
export interface RequestCounter {
  count(decision: "allow" | "deny", reason: Outcome, status: number): void;
}

interface Cell {
  readonly decision: "allow" | "deny";
  readonly reason: Outcome;
  readonly status: number;
  count: number;
}

const FIRST_STATUS = 100;
const LAST_STATUS = 599;

/**
 * `portcullis_requests_total`. Most requests of a rule end as the one before did, so the cell of that one is tried
 * first: the usual increment compares three values and adds one.
 */
export function createRequestCounters(registry: Registry): (route: string) => RequestCounter {
  const routes: { readonly route: string; readonly cells: RouteCells }[] = [];
  const requests = new Counter({
    name: "portcullis_requests_total",
    help: "Requests answered, by rule, decision, reason and status.",
    labelNames: ["route", "decision", "reason", "status"],
    registers: [],
    collect() {
      this.reset();
      for (const { route, cells } of routes) {
        for (const { decision, reason, status, count } of cells.all()) {
          this.inc({ route, decision, reason, status }, count);
        }
      }
    },
  });
  registry.registerMetric(requests);
  return (route) => {
    const cells = new RouteCells();
    routes.push({ route, cells });
    return cells;
  };
}

class RouteCells implements RequestCounter {
  readonly #byReason = new Map<Outcome, Cell[]>();
  #last: Cell | null = null;

  count(decision: "allow" | "deny", reason: Outcome, status: number): void {
    const last = this.#last;
    if (last !== null && last.status === status && last.reason === reason && last.decision === decision) {
      last.count += 1;
      return;
    }
    const cell = this.#cell(decision, reason, status);
    cell.count += 1;
    this.#last = cell;
  }

  *all(): Iterable<Cell> {
    for (const cells of this.#byReason.values()) yield* cells;
  }

  #cell(decision: "allow" | "deny", reason: Outcome, givenStatus: number): Cell {
    const status = Math.min(LAST_STATUS, Math.max(FIRST_STATUS, Math.trunc(givenStatus) || FIRST_STATUS));
    let cells = this.#byReason.get(reason);
    if (cells === undefined) {
      cells = [];
      this.#byReason.set(reason, cells);
    }
    const found = cells.find((cell) => cell.status === status && cell.decision === decision);
    if (found !== undefined) return found;
    const made = { decision, reason, status, count: 0 };
    cells.push(made);
    return made;
  }
}
