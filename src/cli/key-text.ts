import { KEY_PREFIX } from "../core/key-prefix.ts";
import { keyState } from "../credentials/key-state.ts";
import type { ApiKeyRecord } from "../store/types.ts";

/** A record as JSON for scripts: snake_case, ISO times, never the digest. */
export function keyJson(record: ApiKeyRecord, now: number): Record<string, unknown> {
  return {
    id: record.id,
    name: record.name,
    state: keyState(record, now),
    hint: hint(record),
    scopes: record.scopes,
    portal: record.portal,
    subject: record.subject,
    created_at: time(record.createdAt),
    created_by: record.createdBy,
    expires_at: time(record.expiresAt),
    revoked_at: time(record.revokedAt),
    replaced_by: record.replacedBy,
    last_used_at: time(record.lastUsedAt),
  };
}

/** A record as one line of a list. */
export function keyLine(record: ApiKeyRecord, now: number): string {
  const used = record.lastUsedAt === null ? "never used" : `used ${time(record.lastUsedAt)}`;
  return [
    record.id,
    keyState(record, now).padEnd(7),
    hint(record),
    (record.portal ?? "all portals").padEnd(11),
    record.scopes.join(","),
    used,
    record.name,
  ].join("  ");
}

/** A record with one fact a line. */
export function keyText(record: ApiKeyRecord, now: number): string {
  return Object.entries(keyJson(record, now))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(13)} ${Array.isArray(value) ? value.join(" ") : String(value)}\n`)
    .join("");
}

function hint(record: ApiKeyRecord): string {
  return `${KEY_PREFIX}…${record.last4}`;
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
