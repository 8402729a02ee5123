import { isPersonId, type PersonId } from "../core/ids.ts";
import { randomBase62, type RandomBytes } from "../credentials/key-format.ts";

/** A new id of 119 random bits. */
export function newPersonId(randomBytes: RandomBytes): PersonId {
  const id = `usr_${randomBase62(20, randomBytes)}`;
  if (!isPersonId(id)) throw new Error("made an id that is none");
  return id;
}
