/**
 * A field value without the spaces and tabs around it (OWS, RFC 9110, section 5.6.3). In linear time: a
 * pattern such as `[ \t]+$` takes quadratic time where the value has long runs of spaces inside.
 */
export function trimFieldValue(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isWhiteSpace(value.charCodeAt(start))) start++;
  while (end > start && isWhiteSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isWhiteSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
