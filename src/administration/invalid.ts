import { InvalidRequest } from "../core/invalid-request.ts";
import { VersionConflict } from "../store/typed-document.ts";
import type { Conflict } from "./outcomes.ts";

/** What a service refuses, with its fields named as requests name them. */
export async function checked<T>(work: Promise<T>, names: Readonly<Record<string, string>> = {}): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    throw new InvalidRequest(error.fields.map(({ field, text }) => ({ field: names[field] ?? field, text })));
  }
}

/** `conflict` where the record is not of the version that was asked for. */
export async function orConflict<T>(work: Promise<T>): Promise<T | Conflict> {
  try {
    return await checked(work);
  } catch (error) {
    if (error instanceof VersionConflict) return { kind: "conflict" };
    throw error;
  }
}
