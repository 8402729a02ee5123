import { hash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { DocumentStore } from "../../store/types.ts";

/**
 * Forms that made something already, by their CSRF tokens: a double click makes one thing, whichever instances it
 * reaches. Rejects with `StoreUnavailable`.
 */
export interface UsedForms {
  /** True for one of many calls. */
  use(token: string): Promise<boolean>;
  /** Where nothing was made after all. */
  giveBack(token: string): Promise<void>;
}

const KIND = "used_form";
/** A page that is older asks for another sign-in first, as a session is seldom longer. */
const KEPT_MS = 24 * 3600 * 1000;

/** See `UsedForms`. */
export function createUsedForms({
  clock,
  documents,
}: {
  readonly clock: Pick<Clock, "now">;
  readonly documents: Pick<DocumentStore, "insert" | "remove">;
}): UsedForms {
  return {
    use(token) {
      const now = clock.now();
      const times = { createdAt: now, expiresAt: now + KEPT_MS };
      return documents.insert({ kind: KIND, id: idOf(token), value: {}, ...times, lookups: [], groups: [] });
    },
    giveBack: async (token) => void (await documents.remove(KIND, idOf(token))),
  };
}

function idOf(token: string): string {
  return hash("sha256", token, "hex");
}
