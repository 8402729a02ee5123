/**
 * What two spellings have in common for a reader that ignores case: compatibility forms and case are
 * dropped (`ſ`, `K` and full-width letters fold to plain ones). For finding look-alikes, never for access.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase();
}

/** Keys that fold to themselves, which is nearly all of them. */
const PLAIN_KEY = /^[a-z0-9_-]*$/;

/** As `fold`, for keys of JSON: without the spaces around it and the characters that nobody sees. */
export function foldKey(key: string): string {
  return PLAIN_KEY.test(key) ? key : fold(key).replaceAll(/\p{C}/gu, "").trim();
}
