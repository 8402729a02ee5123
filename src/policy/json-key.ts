import { foldKey } from "../core/fold.ts";

const PLAIN = /^[a-z0-9]*$/;
/** Most other keys: the whole folding costs more than the parsing. */
const ASCII = /^[A-Za-z0-9_.-]*$/;

/**
 * What two spellings of a JSON key have in common for readers that bind keys by convention, without case
 * and separators: `portal_id`, `portalId`, `Portal-ID`. For finding look-alikes, never for access.
 */
export function foldJsonKey(key: string): string {
  if (PLAIN.test(key)) return key;
  return (ASCII.test(key) ? key.toLowerCase() : foldKey(key)).replaceAll(/[_.\-\s]/g, "");
}
