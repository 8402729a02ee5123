import { foldFieldName } from "../core/field-name.ts";
import type { RequestHead } from "../core/request.ts";
import { connectionNames } from "./connection-options.ts";

/** `+json` types are JSON too, but for services that take only the plain one. */
const TYPES = {
  "application/json": /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i,
  any: /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i,
};

/**
 * One content type, JSON in UTF-8, and no content coding, also under spellings that CGI-like services
 * take for these fields: what we read is what the service reads.
 */
export function isPlainJson(
  { connection, rawHeaders }: RequestHead & { readonly connection: string | null },
  type: keyof typeof TYPES = "any",
): boolean {
  // A field that `Connection` names ends here: the service would not be told that this is JSON.
  if (connectionNames(connection).includes("content-type")) return false;
  let types = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    // Shorter names are none of the two.
    if (name.length < "content-type".length || name.charCodeAt(0) % 32 !== LETTER_C) continue;
    const folded = name === "Content-Type" || name === "content-type" ? "content-type" : foldFieldName(name);
    if (folded === "content-encoding") return false;
    if (folded !== "content-type") continue;
    types++;
    if (name.toLowerCase() !== folded || !TYPES[type].test(rawHeaders[i + 1] ?? "")) return false;
  }
  return types === 1;
}

/** `c` and `C`, without the bit that tells them apart. */
const LETTER_C = 3;
