import { decodeForm, looksLike } from "./query-name.ts";

/** Parameters that name another method: Symfony, Laravel and method-override; ASP.NET reads the header's name here. */
const NAMES = ["_method", "x_http_method", "x_http_method_override", "x_method_override"];
const MAYBE = /method|%/i;

/**
 * True where the query has a parameter, in any spelling, that some services take for the method of the
 * request: they would do another thing than the one that was decided on. Behind a `;` it counts as well.
 */
export function overridesMethod(query: string): boolean {
  return MAYBE.test(query) && query.split(/[&;]/).some(isOverride);
}

/** No spelling of a name is shorter, so a flood of small parts costs little. */
const SHORTEST = "_method".length;

function isOverride(part: string): boolean {
  if (part.length < SHORTEST) return false;
  const equals = part.indexOf("=");
  const name = decodeForm(equals === -1 ? part : part.slice(0, equals));
  return name !== null && NAMES.some((folded) => looksLike(name, folded));
}
