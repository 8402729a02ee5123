import { fold } from "../core/fold.ts";
import { parseTarget } from "../core/target.ts";

/** A resource's URI with variables (RFC 6570, level 1), or one without: then it is that URI alone. */
export interface UriTemplate {
  readonly text: string;
  /** Names, from left to right. */
  readonly variables: readonly string[];
  /** The text around the variables: always one piece more than there are variables. */
  readonly literals: readonly string[];
  readonly pattern: RegExp;
}

export type ParsedTemplate =
  | { readonly ok: true; readonly template: UriTemplate }
  | { readonly ok: false; readonly message: string };

const MAX_URI = 2048;
/** Scheme, authority where there is one, and the rest (RFC 3986, appendix B, without a fragment). */
const URI = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?]*))?(.*)$/s;
const SCHEME = /^[a-z][a-z0-9+.-]*:/;
/** No user and no percent-encoding: readers differ on both. */
const AUTHORITY = /^[A-Za-z0-9._~!$&'()*+,;=:[\]-]*$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Why a URI is refused; `null` where it is in its normal form, so that every reader sees the same scheme,
 * authority and segments. Normalises nothing: `%2F`, `.` and `..` segments, `\`, controls, characters
 * outside ASCII, a user and a fragment are refused.
 */
export function uriProblem(uri: string): string | null {
  if (uri.length > MAX_URI) return "the URI is too long";
  const match = URI.exec(uri);
  if (match === null) return "the URI does not start with a scheme in lower case";
  const [, , authority, rest = ""] = match;
  if (authority !== undefined && (!AUTHORITY.test(authority) || /^\.+$/.test(authority))) {
    return "the URI's authority is not in its normal form";
  }
  if (authority === undefined && rest === "") return "the URI has nothing behind its scheme";
  if (rest !== "") {
    const target = parseTarget(rest.startsWith("/") ? rest : `/${rest}`);
    if (!target.ok) return `the URI: ${target.detail}`;
  }
  return URL.canParse(uri) && new URL(uri).href === uri ? null : "the URI is not in its normal form";
}

/** Reads a template: literals and `{name}`, each for one or more characters other than `/` and `?`. */
export function parseTemplate(text: string): ParsedTemplate {
  const literals: string[] = [];
  const variables: string[] = [];
  for (const [index, part] of text.split(/\{([^{}]*)\}/).entries()) {
    if (index % 2 === 0) literals.push(part);
    else if (!VARIABLE.test(part)) return refuse("a variable is `{name}`, of letters, digits and `_`");
    else if (variables.includes(part)) return refuse(`the variable \`${part}\` stands twice`);
    else variables.push(part);
  }
  if (literals.some((literal) => /[{}]/.test(literal))) return refuse("`{` and `}` stand around variables only");
  if (!SCHEME.test(literals[0] ?? "")) return refuse("a URI starts with a scheme in lower case, such as `ticket://`");
  if (literals.slice(1, -1).some((literal) => !/[/?]/.test(literal))) {
    return refuse("two variables in one segment: readers could split it differently");
  }
  const problem = uriProblem(literals.join("x"));
  if (problem !== null) return refuse(`no request can have this URI: ${problem}`);
  const pattern = new RegExp(`^${literals.map(escapePattern).join("([^/?#]+)")}$`);
  return { ok: true, template: { text, variables, literals, pattern } };
}

/** The values of the variables in a URI that `uriProblem` passed; `null` where it is no URI of the template. */
export function matchTemplate(template: UriTemplate, uri: string): readonly string[] | null {
  return template.pattern.exec(uri)?.slice(1) ?? null;
}

/** True where some URI may be of both templates, were case ignored. Exact but for URIs that are refused anyway. */
export function templatesOverlap(one: UriTemplate, other: UriTemplate): boolean {
  const left = segmentsOf(one);
  const right = segmentsOf(other);
  return left.length === right.length && left.every((segment, index) => segmentsMeet(segment, right[index] ?? ""));
}

/** Stands for a variable; no template has it in a literal. */
export const HOLE = "\0";

function segmentsOf({ literals }: UriTemplate): readonly string[] {
  return fold(literals.join(HOLE)).split(/([/?])/);
}

function segmentsMeet(one: string, other: string): boolean {
  const [start = "", end] = one.split(HOLE);
  const [otherStart = "", otherEnd] = other.split(HOLE);
  if (end === undefined) return otherEnd === undefined ? one === other : fits(one, otherStart, otherEnd);
  if (otherEnd === undefined) return fits(other, start, end);
  const starts = start.startsWith(otherStart) || otherStart.startsWith(start);
  return starts && (end.endsWith(otherEnd) || otherEnd.endsWith(end));
}

function fits(text: string, start: string, end: string): boolean {
  return text.length > start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

/** A regular expression for exactly this text. */
export function escapePattern(literal: string): string {
  return literal.replaceAll(/[^A-Za-z0-9/]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function refuse(message: string): ParsedTemplate {
  return { ok: false, message };
}
