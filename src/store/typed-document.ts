import { createHash } from "node:crypto";
import type { z } from "zod";
import { type StoredDocument, StoreUnavailable } from "./types.ts";

/**
 * Reads a document as a record: its value with `id`, `createdAt`, `expiresAt` (where it has one) and `version` of the
 * document itself. One that cannot be understood counts as a store that does not answer: what is not understood must
 * not be read as fewer restrictions.
 */
export function readAs<T>(schema: z.ZodType<T>, document: StoredDocument | null): T | null {
  return document === null ? null : readOne(schema, document);
}

/** `readAs` of a whole page. */
export function readAllAs<T>(schema: z.ZodType<T>, page: readonly StoredDocument[]): readonly T[] {
  return page.map((document) => readOne(schema, document));
}

function readOne<T>(schema: z.ZodType<T>, document: StoredDocument): T {
  const { kind, id, value, createdAt, expiresAt, version } = document;
  const fields = { ...value, id, createdAt, ...(expiresAt === null ? {} : { expiresAt }), version };
  const parsed = schema.safeParse(fields);
  if (!parsed.success) throw new StoreUnavailable(`a stored ${kind} cannot be understood`);
  return parsed.data;
}

/** A lookup by text that may hold anything, and of any length. */
export function hashedLookup(name: string, text: string): string {
  return `${name}:${createHash("sha256").update(text).digest("hex")}`;
}
