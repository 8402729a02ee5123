import { type ActivityEntry as StoredEntry, type ActivityStore, auditFieldsOf } from "../store/activity.ts";
import type { ActivityAdministration, ActivityEntry } from "./administration.ts";

/** What happened lately, for administrators. */
export function createActivityAdministration(activity: Pick<ActivityStore, "list" | "get">): ActivityAdministration {
  return {
    async list(query) {
      const { items, next } = await activity.list(query);
      return { items: items.map(viewOf), next };
    },
    async get(id) {
      const entry = await activity.get(id);
      return entry === null ? null : viewOf(entry);
    },
  };
}

function viewOf(entry: StoredEntry): ActivityEntry {
  const { at, decision, event, id, reason } = entry;
  return { id, at, event, decision, reason, fields: auditFieldsOf(entry) };
}
