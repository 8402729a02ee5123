import { createHash, randomBytes } from "node:crypto";
import { randomBase62 } from "../../src/credentials/key-format.ts";
import {
  type ClientId,
  type CredentialId,
  type Digest,
  type GrantId,
  isClientId,
  isCredentialId,
  isDigest,
  isGrantId,
  isPersonId,
  isPortalId,
  isScope,
  type PersonId,
  type PortalId,
} from "../../src/core/ids.ts";
import type { ApiKeyRecord } from "../../src/store/types.ts";

export function credentialId(text = `key_${randomBase62(20, randomBytes)}`): CredentialId {
  if (!isCredentialId(text)) throw new Error(`no credential id: ${text}`);
  return text;
}

export function digestOf(text: string): Digest {
  const digest = createHash("sha256").update(text).digest("hex");
  if (!isDigest(digest)) throw new Error("no digest");
  return digest;
}

/** A record that is active and never ends, with a random id and digest. */
export function record(changes: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  const id = credentialId();
  return {
    id,
    digest: digestOf(id),
    name: "Büro ☕ 'quoted'",
    subject: "user:anna",
    scopes: ["tickets:read", "workflows:*"].filter(isScope),
    portal: null,
    last4: "aB3z",
    createdAt: 1_700_000_000_000,
    createdBy: "user:root",
    expiresAt: null,
    revokedAt: null,
    replacedBy: null,
    lastUsedAt: null,
    ...changes,
  };
}

export function personId(text = `usr_${randomBase62(20, randomBytes)}`): PersonId {
  if (!isPersonId(text)) throw new Error(`no person id: ${text}`);
  return text;
}

export function clientId(text = `client_${randomBase62(22, randomBytes)}`): ClientId {
  if (!isClientId(text)) throw new Error(`no client id: ${text}`);
  return text;
}

export function grantId(text = `grant_${randomBase62(22, randomBytes)}`): GrantId {
  if (!isGrantId(text)) throw new Error(`no grant id: ${text}`);
  return text;
}

export function portalId(text: string): PortalId {
  if (!isPortalId(text)) throw new Error(`no portal id: ${text}`);
  return text;
}
