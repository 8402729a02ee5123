import { errors } from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import type { DocumentStore, NewDocument, StoredDocument } from "../store/types.ts";

/** Seconds between polls that a device is told (RFC 8628, section 3.2). */
export const POLL_INTERVAL_SECONDS = 5;
/** How much longer it gets with each poll that comes too soon, for good (RFC 8628, section 3.5). */
const SLOWER_MS = 5000;
/** Timers and networks are not exact: this much too soon is not too soon. */
const LEEWAY_MS = 500;
/** Polls of one device at once are not worth more. */
const ATTEMPTS = 5;
const KIND = "DevicePolling";

/** How fast devices poll, over all instances. */
export interface DevicePolling {
  /**
   * Notes a poll. Throws `slow_down` where it comes too soon after the last one that was let through: that does not
   * start anew with a poll that is refused. The first one is never too soon. Rejects with `StoreUnavailable`.
   */
  poll(code: Pick<StoredDocument, "id" | "expiresAt">): Promise<void>;
}

interface PollState {
  readonly lastPollAt: number;
  readonly intervalMs: number;
}

export function createDevicePolling(options: {
  readonly documents: Pick<DocumentStore, "insert" | "get" | "replace">;
  readonly clock: Clock;
}): DevicePolling {
  const { documents, clock } = options;

  return {
    async poll(code) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const now = Math.trunc(clock.now());
        // One after the other: each attempt looks at what the one before lost to.
        const before = await documents.get(KIND, code.id);
        const state = readState(before);
        if (before === null || state === null) {
          const first = documentOf(code, { lastPollAt: now, intervalMs: POLL_INTERVAL_SECONDS * 1000 }, now);
          if (await documents.insert(first)) return;
          continue;
        }
        const tooSoon = now - state.lastPollAt < state.intervalMs - LEEWAY_MS;
        const next = tooSoon ? { ...state, intervalMs: state.intervalMs + SLOWER_MS } : { ...state, lastPollAt: now };
        if (await documents.replace(documentOf(code, next, now), before.version)) {
          if (tooSoon) throw new errors.SlowDown();
          return;
        }
      }
      // So many at once are not the polls of a device that waits between them.
      throw new errors.SlowDown();
    },
  };
}

function documentOf(
  { id, expiresAt }: Pick<StoredDocument, "id" | "expiresAt">,
  state: PollState,
  createdAt: number,
): NewDocument {
  return { kind: KIND, id, value: { ...state }, createdAt, expiresAt, lookups: [], groups: [] };
}

function readState(document: StoredDocument | null): PollState | null {
  const lastPollAt = document?.value["lastPollAt"];
  const intervalMs = document?.value["intervalMs"];
  return typeof lastPollAt === "number" && typeof intervalMs === "number" ? { lastPollAt, intervalMs } : null;
}
