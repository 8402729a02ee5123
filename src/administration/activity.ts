import type { ActivityEntry, ActivityQuery, Administration } from "./administration.ts";
import { pageOf } from "./paging.ts";

/** Recent entries in the store, newest first; those after `after` where it is given. */
export interface ActivityPort {
  list(query: ActivityQuery): Promise<readonly ActivityEntry[]>;
}

/** What happened lately, for administrators. */
export function createActivityAdministration(activity: ActivityPort): Administration["activity"] {
  return {
    async list(query) {
      return pageOf(await activity.list({ ...query, limit: query.limit + 1 }), query.limit, ({ id }) => id);
    },
  };
}
