import { KEY_PREFIX } from "../core/key-prefix.ts";
import { keyState } from "../credentials/key-state.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import { factLines, isoTime, plain } from "./list-text.ts";

/** A record as JSON for scripts: snake_case, ISO times, never the digest. */
export function keyJson(record: ApiKeyRecord, now: number): Record<string, unknown> {
  return {
    id: record.id,
    name: record.name,
    state: stateOf(record, now),
    hint: hint(record),
    scopes: record.scopes,
    portal: record.portal,
    subject: record.subject,
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
    replaced_by: record.replacedBy,
    last_used_at: isoTime(record.lastUsedAt),
  };
}

/** A record as one line of a list. */
export function keyLine(record: ApiKeyRecord, now: number): string {
  const used = record.lastUsedAt === null ? "never used" : `used ${isoTime(record.lastUsedAt)}`;
  return [
    record.id,
    stateText(record, now).padEnd(8),
    hint(record),
    (record.portal ?? "all portals").padEnd(11),
    record.scopes.join(","),
    used,
    plain(record.name),
  ].join("  ");
}

/** A record with one fact a line. */
export function keyText(record: ApiKeyRecord, now: number): string {
  return factLines(keyJson(record, now), 13);
}

/** What a key was made for, in one line: scopes, portal (`allPortals` where it has none) and end. */
export function grantText({ expiresAt, portal, scopes }: ApiKeyRecord, allPortals: string): string {
  const where = portal === null ? allPortals : `portal ${portal}`;
  const until = expiresAt === null ? "never expires" : `expires ${isoTime(expiresAt)}`;
  return `scopes ${scopes.join(" ")}; ${where}; ${until}`;
}

/** As `keyState`, but tells a key that a rotation has ended from one that has come to its own end. */
function stateOf(record: ApiKeyRecord, now: number): ReturnType<typeof keyState> | "replaced" {
  const state = keyState(record, now);
  return state === "expired" && record.replacedBy !== null ? "replaced" : state;
}

function stateText(record: ApiKeyRecord, now: number): string {
  const state = stateOf(record, now);
  if (state !== "active" || record.replacedBy === null) return state;
  return `active, replaced by ${record.replacedBy}, ends ${isoTime(record.expiresAt)}`;
}

function hint(record: ApiKeyRecord): string {
  return `${KEY_PREFIX}…${record.last4}`;
}
