import type { ClientRecord } from "../store/clients.ts";
import { factLines, isoTime, plain } from "./list-text.ts";

/** A client as JSON for scripts: snake_case, ISO times, never the digest of its secret. */
export function clientJson(record: ClientRecord): Record<string, unknown> {
  return {
    id: record.id,
    name: record.name,
    status: record.status,
    origin: record.origin,
    confidential: record.secretDigest !== null,
    grant_types: record.metadata["grant_types"] ?? [],
    redirect_uris: record.metadata["redirect_uris"] ?? [],
    scopes: record.scopes,
    portal: record.portal,
    created_at: isoTime(record.createdAt),
    created_by: record.createdBy,
    decided_at: isoTime(record.decidedAt),
    decided_by: record.decidedBy,
    expires_at: isoTime(record.expiresAt),
  };
}

/** A client as one line of a list. A name that was chosen by a stranger is quoted, so that it cannot draw lines. */
export function clientLine(record: ClientRecord): string {
  return [
    record.id,
    record.status.padEnd(8),
    record.origin.padEnd(13),
    (record.portal ?? "all portals").padEnd(11),
    record.scopes.join(","),
    plain(record.createdBy),
    plain(record.name),
  ].join("  ");
}

/** A client with one fact a line. */
export function clientText(record: ClientRecord): string {
  return factLines(clientJson(record), 13);
}

/** What a client may do, in one line. */
export function clientGrantText({ portal, scopes }: ClientRecord): string {
  return `scopes ${scopes.join(" ")}; ${portal === null ? "all portals" : `portal ${portal}`}`;
}
