import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { CounterStore } from "../store/types.ts";
import { networkOf } from "./network.ts";

/** Who tries to sign in. */
export interface Attempt {
  /** The email as it was typed, trimmed and in lower case. Whether there is such an account makes no difference. */
  readonly email: string;
  readonly address: string;
  /** Id of the browser, where it has signed in to this very account before. */
  readonly device: string | null;
}

/** An attempt that may be checked. One of its methods is to be called; what is called later does no harm. */
export interface AdmittedAttempt {
  succeeded(): Promise<void>;
  failed(): Promise<void>;
  /** It was not checked after all. */
  abandoned(): void;
}

export type Admission =
  | { readonly kind: "admitted"; readonly attempt: AdmittedAttempt }
  | { readonly kind: "wait"; readonly by: "account" | "address" | "device"; readonly waitMs: number };

/** Slows down who guesses passwords. Rejects with `StoreUnavailable` where the store does not answer. */
export interface Throttle {
  /** What is refused is not to be checked, and does not lengthen the wait. */
  admit(attempt: Attempt): Promise<Admission>;
}

const WINDOW_MS = 15 * 60_000;
const PER_ACCOUNT = 5;
const PER_ADDRESS = 20;

/**
 * Five failures an account and twenty an address (IPv6: a /64) in 15 minutes. Only failures count, and only a success
 * clears the account's. An attacker can use up both budgets of somebody else, so a browser that has signed in to the
 * account before has one of its own, which nobody else can touch.
 */
export function createThrottle(options: {
  readonly counters: CounterStore;
  readonly clock: Pick<Clock, "now">;
}): Throttle {
  const budgets = createBudgets(options);

  function admitted(names: readonly string[], cleared: string): Admission {
    let held = true;
    const abandoned = (): void => {
      if (held) for (const name of names) budgets.release(name);
      held = false;
    };
    const succeeded = (): Promise<void> => options.counters.clear(cleared).finally(abandoned);
    const failed = async (): Promise<void> => {
      await Promise.all(names.map((name) => options.counters.add(name, WINDOW_MS))).finally(abandoned);
    };
    return { kind: "admitted", attempt: { abandoned, succeeded, failed } };
  }

  return {
    async admit({ email, address, device }) {
      if (device !== null) {
        const name = `signin:device:${device}`;
        const waitMs = await budgets.hold(name, PER_ACCOUNT);
        return waitMs === null ? admitted([name], name) : { kind: "wait", by: "device", waitMs };
      }
      const byAddress = `signin:address:${networkOf(address)}`;
      const addressWait = await budgets.hold(byAddress, PER_ADDRESS);
      if (addressWait !== null) return { kind: "wait", by: "address", waitMs: addressWait };
      const byAccount = `signin:account:${hash("sha256", email, "hex")}`;
      const accountWait = await budgets.hold(byAccount, PER_ACCOUNT).catch((error: unknown) => {
        budgets.release(byAddress);
        throw error;
      });
      if (accountWait === null) return admitted([byAddress, byAccount], byAccount);
      budgets.release(byAddress);
      return { kind: "wait", by: "account", waitMs: accountWait };
    },
  };
}

interface Budgets {
  /** Takes a place: `null` where there is one, else how long to wait, in ms. */
  hold(name: string, limit: number): Promise<number | null>;
  release(name: string): void;
}

/**
 * What is in flight counts as failed until it is decided, so that parallel attempts do not slip through. Each instance
 * sees its own.
 */
function createBudgets({
  counters,
  clock,
}: {
  readonly counters: CounterStore;
  readonly clock: Pick<Clock, "now">;
}): Budgets {
  const inFlight = new Map<string, number>();

  function release(name: string): void {
    const left = (inFlight.get(name) ?? 1) - 1;
    if (left > 0) inFlight.set(name, left);
    else inFlight.delete(name);
  }

  return {
    release,
    async hold(name, limit) {
      const others = inFlight.get(name) ?? 0;
      inFlight.set(name, others + 1);
      try {
        const { count, resetsAt } = await counters.read(name);
        if (count + others < limit) return null;
        release(name);
        return Math.max(resetsAt - clock.now(), 1000);
      } catch (error) {
        release(name);
        throw error;
      }
    },
  };
}
