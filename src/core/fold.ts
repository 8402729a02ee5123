/**
 * What two spellings have in common for a reader that ignores case: compatibility forms and case are
 * dropped (`ſ`, `K` and full-width letters fold to plain ones). For finding look-alikes, never for access.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase();
}
