import type { Clock } from "../core/clock.ts";
import type { ClientId, GrantId, PersonId } from "../core/ids.ts";
import type { GrantRecord, Grants } from "../store/grants.ts";

export type GrantsOf = { readonly person: PersonId } | { readonly client: ClientId } | "all";

/** What people allowed clients. Rejects with `StoreUnavailable`. */
export interface GrantsService {
  get(id: GrantId): Promise<GrantRecord | null>;
  list(of: GrantsOf, page: { readonly after?: GrantId; readonly limit: number }): Promise<readonly GrantRecord[]>;
  /** Ends a grant for good, with its tokens; repeatable. `null` where unknown. */
  revoke(id: GrantId): Promise<GrantRecord | null>;
  /** Ends all of a person or of a client; returns how many were in force. */
  revokeAll(of: GrantsOf): Promise<number>;
}

export type GrantState = "active" | "revoked" | "expired";

export function grantState(record: Pick<GrantRecord, "revokedAt" | "expiresAt">, now: number): GrantState {
  if (record.revokedAt !== null) return "revoked";
  return record.expiresAt <= now ? "expired" : "active";
}

const PAGE = 500;

export function createGrantsService({
  grants,
  clock,
}: {
  readonly grants: Grants;
  readonly clock: Clock;
}): GrantsService {
  return {
    get: (id) => grants.get(id),
    list: (of, page) => grants.list(of, page),
    revoke: (id) => grants.revoke(id, clock.now()),
    async revokeAll(of) {
      let ended = 0;
      let after: { readonly after?: GrantId } = {};
      for (;;) {
        const page = await grants.list(of, { ...after, limit: PAGE });
        for (const { id, revokedAt } of page) {
          // Those that are revoked too: an earlier call may have been cut off before their tokens were gone.
          await grants.revoke(id, clock.now());
          if (revokedAt === null) ended += 1;
        }
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return ended;
        after = { after: last.id };
      }
    },
  };
}
