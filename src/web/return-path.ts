import { parseTarget } from "../core/target.ts";

const LONGEST = 2048;
/** Where a browser goes next is never led by an encoded control, slash, dot or `\` that something may decode. */
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f)/i;
/** Any origin will do: it only shows whether the text could name another. */
const BASE = "https://portcullis.invalid";

/**
 * A path to go back to after sign-in, where it is one of ours: at or under one of `prefixes` (such as `/oauth`), in
 * normal form, without percent-encoding in the path. Everything else is `null`: other origins, `//host`, `/\host`,
 * schemes, tabs, dot segments, fragments, lists. The query may hold anything but encoded controls.
 */
export function returnPath(text: unknown, prefixes: readonly string[]): string | null {
  if (typeof text !== "string" || text.length > LONGEST) return null;
  const target = parseTarget(text);
  if (!target.ok || target.path.includes("%") || ENCODED_CONTROL.test(target.query)) return null;
  if (!prefixes.some((prefix) => target.path === prefix || target.path.startsWith(`${prefix}/`))) return null;
  // The browser has the last word: what it would make of the text must be the same path of the same origin.
  const url = new URL(text, BASE);
  return url.origin === BASE && url.pathname === target.path ? text : null;
}
