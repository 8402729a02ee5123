import { type ActivityStore, auditFieldsOf } from "../store/activity.ts";
import type { Administration } from "./administration.ts";

/** What happened lately, for administrators. */
export function createActivityAdministration(activity: Pick<ActivityStore, "list">): Administration["activity"] {
  return {
    async list(query) {
      const { items, next } = await activity.list(query);
      const entries = items.map((entry) => {
        const { at, decision, event, id, reason } = entry;
        return { id, at, event, decision, reason, fields: auditFieldsOf(entry) };
      });
      return { items: entries, next };
    },
  };
}
