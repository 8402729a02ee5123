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

/** Somebody else has written the record since the caller read it. */
export class VersionConflict extends Error {
  constructor() {
    super("the record has changed since it was read");
    this.name = "VersionConflict";
  }
}

/** Throws `VersionConflict` where a version is asked for and the record has another. */
export function requireVersion(record: { readonly version: number }, version: number | undefined): void {
  if (version !== undefined && record.version !== version) throw new VersionConflict();
}

/** Writers that never let another through would be a fault; a person or a poll that is in the way is gone by then. */
const ATTEMPTS = 8;

/**
 * Reads, and writes what `next` makes of it with `write`, which tells the written record, or `null` where somebody else
 * wrote in between: then all of it again. Where `next` returns `null`, nothing is written. `before` is what was read
 * last. Rejects with `StoreUnavailable` where others keep getting in between.
 */
export async function rewrite<Read, Wanted, Written>(
  read: () => Promise<Read>,
  next: (current: Read) => Wanted | null | Promise<Wanted | null>,
  write: (wanted: Wanted) => Promise<Written | null>,
): Promise<{ readonly before: Read; readonly written: Written | null }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await read();
    const wanted = await next(before);
    if (wanted === null) return { before, written: null };
    const written = await write(wanted);
    if (written !== null) return { before, written };
  }
  throw new StoreUnavailable("a record changes too often to be written");
}
