/** The parts of a request target, or why it is refused. */
export type Target =
  | { readonly ok: true; readonly path: string; readonly query: string }
  | { readonly ok: false; readonly detail: string };

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const SUB_DELIMS = "!$&'()*+,;=";

/** What a byte is in a path or query. 0 is refused, so a code beyond the table is refused too. */
const PLAIN = 1;
const SLASH = 2;
const PERCENT = 3;
const QUESTION = 4;
const SEMICOLON = 5;

function classes(plain: string, others: Readonly<Record<string, number>>): Uint8Array {
  const table = new Uint8Array(128);
  for (const char of plain) table[char.charCodeAt(0)] = PLAIN;
  for (const [char, kind] of Object.entries(others)) table[char.charCodeAt(0)] = kind;
  return table;
}

/** pchar of RFC 3986, section 3.3. */
const PATH = classes(`${UNRESERVED}${SUB_DELIMS}:@`, { "/": SLASH, "%": PERCENT, "?": QUESTION, ";": SEMICOLON });
/** RFC 3986, section 3.4, and six that clients send without encoding. */
const QUERY = classes(`${UNRESERVED}${SUB_DELIMS}:@/?[]{}|^`, { "%": PERCENT });
const IS_UNRESERVED = classes(UNRESERVED, {});

/** Value of a hex digit by its code; 255 is none. */
const HEX = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

const refuse = (detail: string): Target => ({ ok: false, detail });

const NOT_ORIGIN_FORM = refuse("the target does not start with `/`");
const EMPTY_SEGMENT = refuse("empty segment in the path");
const HIDDEN_DOT_SEGMENT = refuse("a segment that is empty, `.` or `..` before its `;`");
const DOT_SEGMENT = refuse("`.` or `..` segment in the path");
const PATH_CHARACTER = refuse("a character that a path may not have");
const QUERY_CHARACTER = refuse("a character that a query may not have");
const PATH_ENCODING = refuse("percent-encoding in the path that is broken or not in its normal form");
const QUERY_ENCODING = refuse("broken percent-encoding in the query");

/**
 * Splits a request target in origin form (RFC 9112, section 3.2.1) and refuses whatever is not in its
 * normal form (RFC 3986, section 6.2.2), so that no reader behind can see another path. Changes nothing:
 * `path` and `query` are slices. One pass; length is the caller's to bound.
 */
export function parseTarget(target: string): Target {
  const end = target.length;
  if (end === 0 || target.charCodeAt(0) !== 0x2f) return NOT_ORIGIN_FORM;
  let start = 1;
  let at = 1;
  for (; at < end; at++) {
    const kind = PATH[target.charCodeAt(at)];
    if (kind === PLAIN) continue;
    if (kind === SLASH) {
      if (at === start) return EMPTY_SEGMENT;
      if (isDotSegment(target, start, at)) return DOT_SEGMENT;
      start = at + 1;
    } else if (kind === PERCENT) {
      const length = encodedLength(target, at);
      if (length === 0) return PATH_ENCODING;
      if (byteAt(target, at) === 0x3b && hidesDotSegment(target, start, at)) return HIDDEN_DOT_SEGMENT;
      at += length - 1;
    } else if (kind === SEMICOLON) {
      if (hidesDotSegment(target, start, at)) return HIDDEN_DOT_SEGMENT;
    } else if (kind === QUESTION) {
      break;
    } else {
      return PATH_CHARACTER;
    }
  }
  if (isDotSegment(target, start, at)) return DOT_SEGMENT;
  if (at === end) return { ok: true, path: target, query: "" };
  return checkQuery(target, at + 1) ?? { ok: true, path: target.slice(0, at), query: target.slice(at + 1) };
}

function checkQuery(target: string, from: number): Target | null {
  for (let at = from; at < target.length; at++) {
    const kind = QUERY[target.charCodeAt(at)];
    if (kind === PLAIN) continue;
    if (kind !== PERCENT) return QUERY_CHARACTER;
    if (byteAt(target, at) <= 0) return QUERY_ENCODING;
    at += 2;
  }
  return null;
}

function isDotSegment(target: string, start: number, end: number): boolean {
  if (end - start > 2 || target.charCodeAt(start) !== 0x2e) return false;
  return end - start === 1 || (end - start === 2 && target.charCodeAt(start + 1) === 0x2e);
}

/** Servlet containers drop `;…` from a segment first and resolve `..` then. `semicolon` may be encoded. */
function hidesDotSegment(target: string, start: number, semicolon: number): boolean {
  return semicolon === start || isDotSegment(target, start, semicolon);
}

/** The byte that `%XX` at `at` stands for; -1 where it is broken. */
function byteAt(target: string, at: number): number {
  if (target.charCodeAt(at) !== 0x25) return -1;
  const high = HEX[target.charCodeAt(at + 1)] ?? 255;
  const low = HEX[target.charCodeAt(at + 2)] ?? 255;
  return high === 255 || low === 255 ? -1 : high * 16 + low;
}

/** As `byteAt`, and -1 where a digit is lower case: the normal form has upper case. */
function normalByteAt(target: string, at: number): number {
  return target.charCodeAt(at + 1) >= 0x61 || target.charCodeAt(at + 2) >= 0x61 ? -1 : byteAt(target, at);
}

/**
 * Length of the encoded character at `at`, all its `%XX` together; 0 where a path may not have it:
 * broken, not upper case, unreserved, `/`, `\`, a control (C0, DEL, C1), or not UTF-8 (RFC 3629, section 4).
 */
function encodedLength(target: string, at: number): number {
  const lead = normalByteAt(target, at);
  if (lead < 0x80) {
    const refused = lead < 0x20 || lead === 0x7f || lead === 0x2f || lead === 0x5c || IS_UNRESERVED[lead] === PLAIN;
    return refused ? 0 : 3;
  }
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const count = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = normalByteAt(target, at + 3);
  if (second < lowestSecond(lead) || second > highestSecond(lead)) return 0;
  for (let next = 2; next < count; next++) {
    const byte = normalByteAt(target, at + next * 3);
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return count * 3;
}

/** Rules out overlong forms, and C1 controls behind 0xC2. */
function lowestSecond(lead: number): number {
  if (lead === 0xc2 || lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

/** Rules out surrogates, and code points beyond U+10FFFF. */
function highestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}
