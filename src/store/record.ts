import { z } from "zod";
import {
  type CredentialId,
  type Digest,
  isClientId,
  isCredentialId,
  isDigest,
  isGrantId,
  isPersonId,
} from "../core/ids.ts";
import { credentialId, digest, portal, scope, time } from "./record-fields.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import { type ApiKeyRecord, StoreUnavailable } from "./types.ts";

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

const TAG = /^[\x21-\x7e]+$/;

/**
 * Tags as one text, space-separated, as both stores keep them. No id has a space in it; where one did, it could name
 * other things than the change touched, so the entry says that all may have changed.
 */
export function joinTags(tags: readonly ChangeTag[]): string {
  return tags.every((tag) => TAG.test(tag)) ? tags.join(" ") : "all";
}

/** Reads tags. One that is not understood (written by a newer version, perhaps) stands for all. */
export function splitTags(text: string): readonly ChangeTag[] {
  const tags: ChangeTag[] = [];
  for (const part of text.split(" ")) {
    const tag = readTag(part);
    if (tag === "all") return ["all"];
    tags.push(tag);
  }
  return tags;
}

/** The name is all that follows the first colon: the id of a client may be a URL. */
function readTag(part: string): ChangeTag {
  const colon = part.indexOf(":");
  const name = part.slice(colon + 1);
  switch (part.slice(0, Math.max(colon, 0))) {
    case "credential":
      return isCredentialId(name) ? `credential:${name}` : "all";
    case "digest":
      return isDigest(name) ? `digest:${name}` : "all";
    case "client":
      return isClientId(name) ? `client:${name}` : "all";
    case "person":
      return isPersonId(name) ? `person:${name}` : "all";
    case "grant":
      return isGrantId(name) ? `grant:${name}` : "all";
    default:
      return "all";
  }
}
