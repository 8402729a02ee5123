import type { FieldProblem } from "../core/field-problem.ts";
import { VersionConflict } from "../store/typed-document.ts";
import { type Conflict, InvalidRequest } from "./outcomes.ts";

/** The services name their refusals alike: an error with a list of problems by field. */
interface Refusal extends Error {
  readonly fields: readonly FieldProblem[];
}

const REFUSALS: ReadonlySet<string> = new Set(["InvalidKeyRequest", "InvalidClientRequest", "InvalidPersonRequest"]);

function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && REFUSALS.has(error.name) && "fields" in error && Array.isArray(error.fields);
}

/** What a service refuses, as `InvalidRequest`, with its fields named as requests name them. */
export async function checked<T>(work: Promise<T>, names: Readonly<Record<string, string>> = {}): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isRefusal(error)) throw error;
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
