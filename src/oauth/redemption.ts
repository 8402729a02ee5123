import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { type DocumentStore, type StoredDocument, StoreUnavailable } from "../store/types.ts";
import type { RequestFact } from "./request-facts.ts";

/*
 * A code or refresh token that is used up and comes again is refused, whatever else is true: the store has one winner.
 * The question here is just whether the tokens of the grant die too, as they have to for a replay (RFC 6749, section
 * 4.1.2; RFC 9700, section 4.14.2), or live, because two requests of one client ran at the same time.
 *
 * It is a replay where the first answer was on its way before the second request arrived. The winner notes that moment
 * in the store before it answers, and not sooner than `HELD_MS` after it redeemed. So
 * - whoever presents it after the answer is found out, on every instance: the note was there before the answer;
 * - a slow store or a process that pauses makes the answer later, and the note with it: the retry of an impatient
 *   client that comes before is refused and takes nothing with it;
 * - where the note cannot be written there is no answer, so nobody holds tokens that a replay should end.
 * What is left: a thief who is first by less than that time is not found out by the client's own request; the grant
 * shows in the lists. Instances whose clocks differ err by as much, about the grant's tokens alone.
 *
 * A request arrives when its head is read. Where the event loop was busy, timers run before sockets are read: the hold
 * would be over, and the answer noted, before a request is read that had waited for the whole of it. So the instance
 * first reads what has come: turns of the loop that accept a connection, and read from it.
 */
const HELD_MS = 100;
/** One to accept, one to read, and one for what comes in two pieces. */
const TURNS = 3;
/** Only polls of a device write to the same document, and those end with the redemption. */
const ATTEMPTS = 5;

/** Waits so many ms. */
export type Hold = (milliseconds: number) => Promise<unknown>;

export interface RedemptionOptions {
  readonly documents: Pick<DocumentStore, "get" | "replace">;
  readonly clock: Pick<Clock, "now">;
  /** A timer where left out. */
  readonly hold?: Hold | undefined;
}

/**
 * True where the request is a replay, for which the tokens of the grant die. The loser of a race is just refused: it
 * must not take the winner's tokens with it.
 */
export function isReplay(
  { consumedAt, value }: Pick<StoredDocument, "consumedAt" | "value">,
  fact: Pick<RequestFact, "arrivedAt"> | undefined,
): boolean {
  if (consumedAt === null) return false;
  const { answeredAt } = value;
  return fact === undefined || (typeof answeredAt === "number" && fact.arrivedAt >= answeredAt);
}

/** Resolves when the answer to who redeemed may go out, and is noted. Rejects with `StoreUnavailable`: send nothing. */
export async function holdAnswer(
  { redeemed }: Pick<RequestFact, "redeemed">,
  { documents, clock, hold = wait }: RedemptionOptions,
): Promise<void> {
  if (redeemed === null) return;
  const left = redeemed.at + HELD_MS - clock.now();
  // A clock that was set back meanwhile holds nobody up.
  if (left > 0) await hold(Math.min(left, HELD_MS));
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    // One after the other: each attempt looks at what the one before lost to.
    const document = await documents.get(redeemed.kind, redeemed.id);
    // Revoked meanwhile: it is unknown from now on.
    if (document === null) return;
    const value = { ...document.value, answeredAt: Math.trunc(clock.now()) };
    if (await documents.replace({ ...document, value }, document.version)) return;
  }
  throw new StoreUnavailable("what was redeemed changes too often");
}
