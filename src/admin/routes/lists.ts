import { InvalidRequest } from "../../core/invalid-request.ts";
import type { Page, PageQuery } from "../../administration/page.ts";

/** Rows of a page: with the longest names they stay under 50 KB. */
const ROWS = 25;

/** A part of a list; where the cursor in the address is none of this list, the first part. */
export async function pageOfList<T>(
  read: (query: PageQuery) => Promise<Page<T>>,
  after: string,
): Promise<Page<T> & { readonly isFirst: boolean }> {
  if (after !== "") {
    try {
      return { ...(await read({ after, limit: ROWS })), isFirst: false };
    } catch (error) {
      if (!(error instanceof InvalidRequest)) throw error;
    }
  }
  return { ...(await read({ limit: ROWS })), isFirst: true };
}
