import type { ApiKeyRecord } from "./types.ts";

/** Sorts after every character that a name can hold. */
const BEYOND = "\u{10FFFF}\u{10FFFF}";

/** A name as it is looked for: without regard to case, and however its characters are composed. */
export function searchName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Where a record stands in the order of a search. */
export interface NamePlace {
  readonly name: string;
  readonly id: string;
}

export function placeOf(record: Pick<ApiKeyRecord, "id" | "name">): NamePlace {
  return { name: searchName(record.name), id: record.id };
}

/** By name and then id, as both stores compare: by the bytes of UTF-8, which JavaScript's own order is not. */
export function comparePlaces(a: NamePlace, b: NamePlace): number {
  return compareBytes(a.name, b.name) || compareBytes(a.id, b.id);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The places of all names that begin with the text: from `first`, which may be one of them, up to `end`, which is none. */
export function placesOfPrefix(text: string): { readonly first: NamePlace; readonly end: string } {
  const name = searchName(text);
  return { first: { name, id: "" }, end: `${name}${BEYOND}` };
}

/** The later of two places. */
export function later(a: NamePlace, b: NamePlace): NamePlace {
  return comparePlaces(a, b) < 0 ? b : a;
}
