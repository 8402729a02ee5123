import type { Clock } from "../core/clock.ts";
import type { Actor } from "./actor.ts";
import type { AuditTrail } from "./audit-trail.ts";

/** How long a proof of who somebody is counts for what hands on an administrator's power. */
const FRESH_MS = 10 * 60_000;

/** True from when somebody proved who they are for ten minutes. `leftMs` asks that it stays so for as long. */
export function isFreshProof(provedAt: number, now: number, leftMs = 0): boolean {
  return now - provedAt <= FRESH_MS - leftMs;
}

/** An administrator is to sign in again first. */
export class SigninStale extends Error {
  constructor() {
    super("the sign-in is too old for this");
    this.name = "SigninStale";
  }
}

/** No admin token may do this, whoever made it. */
export class TokenForbidden extends Error {
  constructor() {
    super("an admin token may not do this");
    this.name = "TokenForbidden";
  }
}

/** Who may hand on an administrator's power: make a token or an administrator, set a password. */
export interface Authority {
  /**
   * Throws `TokenForbidden`, so that a token that leaked makes no successor, and `SigninStale`, so that a browser that
   * was left open, or a script in a page, makes none either. Either is written down as the refused `action`.
   */
  requireOf(actor: Actor, action: string, target: string | null): void;
}

/** See `Authority`. */
export function createAuthority({
  clock,
  trail,
}: {
  readonly clock: Pick<Clock, "now">;
  readonly trail: Pick<AuditTrail, "refuse">;
}): Authority {
  return {
    requireOf(actor, action, target) {
      if (actor.kind === "cli") return;
      if (actor.kind === "token") {
        trail.refuse(actor, { action, target, reason: "token_forbidden" });
        throw new TokenForbidden();
      }
      if (actor.provedAt !== undefined && isFreshProof(actor.provedAt, clock.now())) return;
      trail.refuse(actor, { action, target, reason: "signin_stale" });
      throw new SigninStale();
    },
  };
}
