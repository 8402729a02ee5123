import type { ChangeTag } from "../../src/core/change-tag.ts";
import { isPersonId } from "../../src/core/ids.ts";

/** The tag of a person, by a short name. */
export function person(name: string): ChangeTag {
  const id = `usr_${name.padEnd(20, "0")}`;
  if (!isPersonId(id)) throw new Error(`no id of a person: ${id}`);
  return `person:${id}`;
}
