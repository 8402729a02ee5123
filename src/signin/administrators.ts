import type { PersonId } from "../core/ids.ts";
import type { People, PersonRecord } from "../store/people.ts";

const PAGE = 500;

/** True where somebody but `except` is an administrator who may sign in. Reads all people until it finds one. */
export async function hasActiveAdministrator(people: Pick<People, "list">, except?: PersonId): Promise<boolean> {
  let page: readonly PersonRecord[];
  let after = {};
  do {
    page = await people.list({ ...after, limit: PAGE });
    if (page.some(({ id, role, disabledAt }) => id !== except && role === "admin" && disabledAt === null)) return true;
    const last = page.at(-1);
    if (last !== undefined) after = { after: last.id };
  } while (page.length === PAGE);
  return false;
}
