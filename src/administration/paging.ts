import { InvalidRequest } from "../core/invalid-request.ts";
import type { Page } from "./page.ts";

/** Records read at once where a filter looks at each of them. */
const SCAN_PAGE = 200;
/** Records looked at for one page: a filter that finds nothing must not read the whole store. */
const SCAN_MOST = 2000;

/** A cursor of a list, narrowed to what it has to be. Rejects with `InvalidRequest`. */
export function cursorAs<T extends string>(after: string | undefined, is: (text: string) => text is T): { after?: T } {
  if (after === undefined) return {};
  if (!is(after)) throw new InvalidRequest([{ field: "cursor", text: "the cursor is none of this list" }]);
  return { after };
}

/** A page of `limit` of records that were read one more than that. */
export function pageOf<T>(records: readonly T[], limit: number, cursor: (record: T) => string): Page<T> {
  const items = records.slice(0, limit);
  const last = items.at(-1);
  return { items, next: records.length > limit && last !== undefined ? cursor(last) : null };
}

/**
 * The first `limit` records that `keep` takes. Where it takes few, the page may be short or empty and still have a
 * `next`: from there the search goes on.
 */
export async function scan<T, Id extends string>(options: {
  readonly read: (page: { readonly after?: Id; readonly limit: number }) => Promise<readonly T[]>;
  readonly keep: (record: T) => boolean;
  readonly idOf: (record: T) => Id;
  readonly page: { readonly after?: Id };
  readonly limit: number;
}): Promise<Page<T>> {
  const { read, keep, idOf, limit } = options;
  const items: T[] = [];
  let { page } = options;
  for (let looked = 0; looked < SCAN_MOST; looked += SCAN_PAGE) {
    const records = await read({ ...page, limit: SCAN_PAGE });
    for (const record of records) {
      if (items.length === limit) return { items, next: page.after ?? null };
      page = { after: idOf(record) };
      if (keep(record)) items.push(record);
    }
    if (records.length < SCAN_PAGE) return { items, next: null };
  }
  return { items, next: page.after ?? null };
}
