import type { Clock } from "../core/clock.ts";
import type { GrantId } from "../core/ids.ts";
import type { GrantRecord, Grants, GrantsOf } from "../store/grants.ts";

/** What people allowed clients. Rejects with `StoreUnavailable`. */
export interface GrantsService {
  get(id: GrantId): Promise<GrantRecord | null>;
  list(of: GrantsOf, page: { readonly after?: GrantId; readonly limit: number }): Promise<readonly GrantRecord[]>;
  /** Ends a grant for good, with its tokens; repeatable. `null` where unknown. */
  revoke(id: GrantId): Promise<GrantRecord | null>;
  /** Ends all of a person or of a client; returns how many were in force. */
  revokeAll(of: GrantsOf): Promise<number>;
}

/** See `GrantsService`. */
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
    revokeAll: (of) => grants.revokeAll(of, clock.now()),
  };
}
