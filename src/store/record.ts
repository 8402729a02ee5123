import { z } from "zod";
import { isCredentialId, isDigest, isPortalId, isScope } from "../core/ids.ts";
import type { CredentialId, Digest, PortalId, Scope } from "../core/ids.ts";
import { type ApiKeyRecord, type ChangeTag, StoreUnavailable } from "./types.ts";

const credentialId = z.custom<CredentialId>((value) => typeof value === "string" && isCredentialId(value));
const digest = z.custom<Digest>((value) => typeof value === "string" && isDigest(value));
const scope = z.custom<Scope>((value) => typeof value === "string" && isScope(value));
const portal = z.custom<PortalId>((value) => typeof value === "string" && isPortalId(value));
const time = z.number().int();

const recordSchema = z.object({
  id: credentialId,
  digest,
  name: z.string(),
  subject: z.string(),
  scopes: z.array(scope),
  portal: portal.nullable(),
  last4: z.string(),
  createdAt: time,
  createdBy: z.string(),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
  replacedBy: credentialId.nullable(),
  lastUsedAt: time.nullable(),
});

/** Reads a record that comes from a store. One that cannot be understood counts as a store that does not answer. */
export function readRecord(value: unknown): ApiKeyRecord {
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success) throw new StoreUnavailable("a stored API key cannot be understood");
  return parsed.data;
}

/** The tags of a change to a record: its id, and its digest for those who know only that. */
export function tagsOf(record: { readonly id: CredentialId; readonly digest: Digest }): ChangeTag[] {
  return [`credential:${record.id}`, `digest:${record.digest}`];
}

/** Tags as one text, space-separated, as both stores keep them. */
export function joinTags(tags: readonly ChangeTag[]): string {
  return tags.join(" ");
}

/** Reads tags. One that is not understood (written by a newer version, perhaps) stands for all. */
export function splitTags(text: string): readonly ChangeTag[] {
  const tags: ChangeTag[] = [];
  for (const part of text.split(" ")) {
    const colon = part.indexOf(":");
    const name = part.slice(colon + 1);
    if (part.startsWith("credential:") && isCredentialId(name)) tags.push(`credential:${name}`);
    else if (part.startsWith("digest:") && isDigest(name)) tags.push(`digest:${name}`);
    else return ["all"];
  }
  return tags;
}
