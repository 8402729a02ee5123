import { z } from "zod";
import { jsonObject, time, version } from "./record-fields.ts";
import { type NewDocument, type StoredDocument, StoreUnavailable } from "./types.ts";

const KIND = /^[A-Za-z][A-Za-z_]{0,40}$/;
const ID = /^[\x21-\x7e]{1,512}$/;
/** A lookup or a group. Longer than an id, because it may hold one. */
const NAME = /^[\x21-\x7e]{1,1024}$/;

/** True where a document of that kind and id can exist. For others the answer is that there is none. */
export function canExist(kind: string, id: string): boolean {
  return KIND.test(kind) && ID.test(id);
}

/** True where documents of the kind can be found under the name: a lookup or a group. */
export function canBeNamed(kind: string, name: string): boolean {
  return KIND.test(kind) && NAME.test(name);
}

/** A document in the form in which both stores write it: JSON as text, each name once. */
export interface EncodedDocument {
  readonly kind: string;
  readonly id: string;
  readonly value: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lookups: readonly string[];
  readonly groups: readonly string[];
}

/** Throws `StoreUnavailable` where the document breaks the bounds of `StoredDocument`. */
export function encodeDocument(document: NewDocument): EncodedDocument {
  const { kind, id, createdAt, expiresAt } = document;
  const lookups = [...new Set(document.lookups)];
  const groups = [...new Set(document.groups)];
  if (!canExist(kind, id)) throw new StoreUnavailable("a document's kind or id cannot be stored");
  if (![...lookups, ...groups].every((name) => NAME.test(name))) {
    throw new StoreUnavailable(`a name of a document of kind ${kind} cannot be stored`);
  }
  if (!Number.isSafeInteger(createdAt) || (expiresAt !== null && !Number.isSafeInteger(expiresAt))) {
    throw new StoreUnavailable(`a time of a document of kind ${kind} cannot be stored`);
  }
  return { kind, id, value: encodeValue(kind, document.value), createdAt, expiresAt, lookups, groups };
}

function encodeValue(kind: string, value: NewDocument["value"]): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new StoreUnavailable(`the value of a document of kind ${kind} is no JSON`, { cause: error });
  }
}

const documentSchema = z.object({
  kind: z.string(),
  id: z.string(),
  value: jsonObject,
  createdAt: time,
  expiresAt: time.nullable(),
  lookups: z.array(z.string()),
  groups: z.array(z.string()),
  consumedAt: time.nullable(),
  version,
});

/** Reads a document that comes from a store. One that cannot be understood counts as a store that does not answer. */
export function readDocument(fields: Readonly<Record<keyof StoredDocument, unknown>>): StoredDocument {
  const parsed = documentSchema.safeParse(fields);
  if (!parsed.success) throw new StoreUnavailable("a stored document cannot be understood");
  return parsed.data;
}

/** `undefined`, which no field takes, where it is no JSON. */
export function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
