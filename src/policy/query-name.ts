import { fold } from "../core/fold.ts";

/**
 * What spellings of a parameter's name have in common for services that are careless with them: case,
 * brackets in front (`[NAME]`), everything from a later bracket on (`NAME[x]`, `NAME]`), and `.`, space
 * or `-` for `_`.
 */
export function foldQueryName(name: string): string {
  return withoutBrackets(fold(name)).trim().replaceAll(/[. -]/g, "_");
}

/** As Rack and qs read a name. */
function withoutBrackets(name: string): string {
  let start = 0;
  while (start < name.length && "[] ".includes(name.charAt(start))) start++;
  let end = start;
  while (end < name.length && !"[]".includes(name.charAt(end))) end++;
  return name.slice(start, end);
}

/**
 * True where some service takes `name` for a parameter whose name folds to `folded`. PHP reads an unclosed
 * `[` as `_`, and qs may read `.` as `[`, so both count both ways.
 */
export function looksLike(name: string, folded: string): boolean {
  return (
    foldQueryName(name) === folded ||
    (name.includes("[") && foldQueryName(name.replaceAll("[", "_")) === folded) ||
    (name.includes(".") && foldQueryName(name.replaceAll(".", "[")) === folded)
  );
}

/** Decodes as forms are (`+` is a space); `null` where the bytes are not UTF-8. */
export function decodeForm(text: string): string | null {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return null;
  }
}
