import { createHash, randomBytes } from "node:crypto";
import { randomBase62 } from "../../src/credentials/key-format.ts";
import { type CredentialId, type Digest, isCredentialId, isDigest, isScope } from "../../src/core/ids.ts";
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
