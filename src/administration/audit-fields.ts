import type { ClientRecord } from "../store/clients.ts";
import type { GrantRecord } from "../store/grants.ts";
import type { PersonRecord } from "../store/people.ts";
import type { Settings } from "../store/settings.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import type { AdminTokenView } from "./administration.ts";
import type { AuditFields } from "./audit-trail.ts";

/** What the audit shows of each record, before a change and after it. Digests and passwords are named in none. */

export function keyFields(key: ApiKeyRecord): AuditFields {
  return {
    name: key.name,
    subject: key.subject,
    scopes: key.scopes,
    portal: key.portal,
    expires_at: isoTime(key.expiresAt),
    revoked_at: isoTime(key.revokedAt),
    replaced_by: key.replacedBy,
  };
}

export function clientFields(client: ClientRecord): AuditFields {
  return {
    name: client.name,
    status: client.status,
    confidential: client.secretDigest !== null,
    scopes: client.scopes,
    portal: client.portal,
    redirect_uris: client.metadata["redirect_uris"],
    grant_types: client.metadata["grant_types"],
  };
}

export function personFields(person: PersonRecord): AuditFields {
  return {
    email: person.email,
    name: person.name,
    role: person.role,
    scopes: person.scopes,
    portals: person.portals ?? "all",
    disabled_at: isoTime(person.disabledAt),
  };
}

export function grantFields(grant: GrantRecord): AuditFields {
  return {
    person: grant.person,
    client: grant.client,
    scopes: grant.scopes,
    portal: grant.portal,
    revoked_at: isoTime(grant.revokedAt),
  };
}

export function settingsFields({ mcpAccess, clientPolicy }: Settings): AuditFields {
  return { mcp_access: mcpAccess, client_policy: clientPolicy };
}

export function tokenFields(token: AdminTokenView): AuditFields {
  return { name: token.name, expires_at: isoTime(token.expiresAt), revoked_at: isoTime(token.revokedAt) };
}

function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
