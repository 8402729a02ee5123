import type { ApiKeyRecord } from "../store/types.ts";

/** What a key is worth at a time (wall clock, ms). */
export function keyState(record: ApiKeyRecord, now: number): "active" | "revoked" | "expired" {
  if (record.revokedAt !== null) return "revoked";
  return record.expiresAt !== null && record.expiresAt <= now ? "expired" : "active";
}
