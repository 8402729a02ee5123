import { isPersonId, type PersonId } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newId } from "../credentials/new-ids.ts";

/** An id for somebody who is added, or who comes from the company. */
export function newPersonId(randomBytes: RandomBytes): PersonId {
  return newId({ prefix: "usr_", length: 20, is: isPersonId }, randomBytes);
}
