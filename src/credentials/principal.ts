import type { ApiKeyPrincipal } from "../core/principal.ts";
import type { ApiKeyRecord } from "../store/types.ts";

/** Whom a key stands for, whatever its state. Frozen. */
export function principalOf(record: ApiKeyRecord): ApiKeyPrincipal {
  return Object.freeze({
    kind: "api_key",
    credentialId: record.id,
    subject: record.subject,
    scopes: new Set(record.scopes),
    portal: record.portal,
    expiresAt: record.expiresAt,
  });
}
