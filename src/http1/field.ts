/**
 * Field lines of HTTP/1.1 (RFC 9112 §5), read strictly: CRLF only, no line folding, no white space
 * before the colon, no control characters. What is odd is refused, never repaired.
 */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A bare CR, a bare LF, NUL, or another control character but HTAB. */
// oxlint-disable-next-line no-control-regex
const ODD_BYTES = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;

/** True for a `token` of RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** True where a head in Latin-1 holds a byte or line end that may not stand in one. */
export function hasOddBytes(head: string): boolean {
  return ODD_BYTES.test(head);
}

/**
 * Adds the field lines of `text` from `start` to `end` to `fields`, name and value by turns. Each line
 * ends in CRLF. The caller has checked `hasOddBytes`. Returns what is wrong, or `null`.
 */
export function readFields(text: string, start: number, end: number, fields: string[]): string | null {
  let at = start;
  while (at < end) {
    const lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (lineEnd < 0 || lineEnd > end) return "a field line does not end in CRLF";
    if (colon <= at || colon > lineEnd) return "a field line has no name";
    const name = text.slice(at, colon);
    // Folded lines start with white space, which is no token: refused here too.
    if (!isToken(name)) return "a field name is not a token";
    fields.push(name, trimWhiteSpace(text, colon + 1, lineEnd));
    at = lineEnd + 2;
  }
  return null;
}

function trimWhiteSpace(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isWhiteSpace(text.charCodeAt(from))) from++;
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isWhiteSpace(code: number): boolean {
  return code === 32 || code === 9;
}
