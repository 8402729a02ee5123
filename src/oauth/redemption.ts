import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import type { RequestFact } from "./request-facts.ts";

/**
 * The answer to whoever uses up a code or refresh token is held until this long after. So whoever presents it within
 * that time cannot have it from the answer: two requests raced. After it, it is a replay (RFC 6749, section 4.1.2).
 */
const HELD_MS = 100;

/**
 * True where the request is a replay, for which the tokens of the grant die. The loser of a race is just refused: it
 * must not take the winner's tokens with it.
 */
export function isReplay(consumedAt: number, fact: Pick<RequestFact, "arrivedAt"> | undefined): boolean {
  return fact === undefined || fact.arrivedAt >= consumedAt + HELD_MS;
}

/** Resolves when the answer may go out. Timers may fire a millisecond early. */
export async function holdAnswer({ redeemedAt }: RequestFact, clock: Clock): Promise<void> {
  const left = redeemedAt === null ? 0 : redeemedAt + HELD_MS + 2 - clock.now();
  if (left > 0) await wait(left);
}
