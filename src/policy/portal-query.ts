import { type Deny, deny } from "../core/decision.ts";
import { decodeForm, looksLike } from "./query-name.ts";

const TWICE = deny("ambiguous_portal", "the query names the portal twice");
const LOOK_ALIKE = deny("ambiguous_portal", "the query has a look-alike of the parameter that is read");
const TOO_MANY = deny("bad_request", "more parameters than services read to the end");
const NOT_UTF8 = deny("bad_request", "the query is not valid UTF-8");
/** Services stop reading at some number of parameters (qs and PHP at 1,000) and would not see the portal. */
const MOST_PARTS = 100;

/**
 * The value of one parameter of a query, decoded as a form is (`+` is a space). Services read queries in
 * many ways, so whatever one of them could take for a second portal is a refusal: the name again, a name
 * that folds to the same, and both also behind a `;`. So is a query of more than 100 parts.
 */
export function readQueryPortal(query: string, name: string, folded: string): string | null | Deny {
  if (query === "") return null;
  if (hasTooManyParts(query)) return TOO_MANY;
  let found: string | null = null;
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const partName = decodeForm(equals === -1 ? part : part.slice(0, equals));
    if (partName === null) return NOT_UTF8;
    if (partName === name) {
      if (found !== null) return TWICE;
      found = decodeForm(equals === -1 ? "" : part.slice(equals + 1));
      if (found === null) return NOT_UTF8;
    } else if (looksLike(partName, folded)) {
      return LOOK_ALIKE;
    }
    if (part.includes(";") && hasNameBehindSemicolon(part, folded)) return LOOK_ALIKE;
  }
  return found;
}

/** Empty parts count, and so does what stands behind a `;`. */
function hasTooManyParts(query: string): boolean {
  let parts = 1;
  for (let at = 0; at < query.length && parts <= MOST_PARTS; at++) {
    const code = query.charCodeAt(at);
    if (code === 0x26 || code === 0x3b) parts++;
  }
  return parts > MOST_PARTS;
}

/** Some services split at `;` as well. What stands before the first one has been read as a whole. */
function hasNameBehindSemicolon(part: string, folded: string): boolean {
  return part.split(";").some((piece, index) => {
    const equals = piece.indexOf("=");
    const pieceName = decodeForm(equals === -1 ? piece : piece.slice(0, equals));
    const names = pieceName === null || looksLike(pieceName, folded);
    return names && (index > 0 || equals === -1);
  });
}
