import { z } from "zod";
import { isAdminTokenId } from "../../administration/admin-tokens.ts";
import { isClientId, isCredentialId, isGrantId, isPersonId } from "../../core/ids.ts";

/** What the schemas of several resources are made of. */

function narrowed<T extends string>(pattern: RegExp, is: (text: string) => text is T) {
  return z
    .string()
    .regex(pattern, "malformed")
    .transform((text, context): T => {
      if (is(text)) return text;
      context.addIssue({ code: "custom", message: "malformed" });
      return z.NEVER;
    });
}

export const keyId = narrowed(/^key_[0-9A-Za-z]{16,32}$/, isCredentialId);
export const clientId = narrowed(/^[\x21-\x7e]{1,512}$/, isClientId);
export const personId = narrowed(/^usr_[0-9A-Za-z]{20}$/, isPersonId);
export const grantId = narrowed(/^grant_[0-9A-Za-z]{22}$/, isGrantId);
export const adminTokenId = narrowed(/^adm_[0-9A-Za-z]{20}$/, isAdminTokenId);
export const activityId = z.string().regex(/^[0-9]{1,15}-[0-9]{1,15}$/, "malformed");

/** RFC 3339 in UTC. */
export const time = z.iso.datetime();
export const scopes = z.array(z.string());
/** What a request may name: a name of the catalogue. */
export const scopesAsked = z.array(z.string().min(1).max(65)).max(100);
export const portalAsked = z.string().min(1).max(64).nullable();
export const name = z.string().min(1).max(100);
/** Life in seconds, ten years at most. */
export const expiresIn = z.int().min(1).max(315_360_000).nullable();
export const search = z.string().min(1).max(100);

/** Part of a list: every list takes it. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("How many at most."),
  cursor: z
    .string()
    .regex(/^[\w-]{1,1024}$/, "malformed")
    .optional()
    .describe("`next` of the page before."),
};

export const nextCursor = z.string().nullable().describe("Cursor of what follows; null at the end.");

export function isoTime(at: number): string;
export function isoTime(at: number | null): string | null;
export function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** Cursors of the records are texts of ours; what leaves is opaque, and fits into a URL. */
export function cursorOut(next: string | null): string | null {
  return next === null ? null : Buffer.from(next, "utf8").toString("base64url");
}

/** The page that a query asks for. */
export function pageOfQuery({ cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number }) {
  return { limit, after: cursor === undefined ? undefined : Buffer.from(cursor, "base64url").toString("utf8") };
}
