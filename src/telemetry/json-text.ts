import { KEY_PREFIX } from "../core/key-prefix.ts";

/**
 * Text that others choose, made safe for one line of JSON. Output is plain ASCII: whatever stands in it cannot
 * end the line, steer a terminal or mislead the eye, and one character is one byte.
 */

const KEY = new RegExp(`${KEY_PREFIX}[0-9A-Za-z]{6,}`, "g");
const KEY_REDACTED = `${KEY_PREFIX}[redacted]`;
const UNSAFE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const BEYOND_ASCII = /[\x7f-\uffff]/g;

/** Replaces API keys in a text. A last line of defence: no caller of it should hold one. */
export function redactKeys(text: string): string {
  return text.includes(KEY_PREFIX) ? text.replace(KEY, KEY_REDACTED) : text;
}

/**
 * The text as a JSON string, quotes included: API keys redacted, then cut to `max` UTF-16 units with `…` as the
 * last one. Any input gives valid JSON, lone surrogates and control characters too.
 */
export function jsonText(text: string, max: number): string {
  let safe = redactKeys(text);
  if (safe.length > max) safe = `${safe.slice(0, max - 1)}\u2026`;
  if (!UNSAFE.test(safe)) return `"${safe}"`;
  return JSON.stringify(safe).replace(BEYOND_ASCII, escapeUnit);
}

/** `jsonText`, or `null` for nothing. */
export function jsonTextOrNull(text: string | null, max: number): string {
  return text === null ? "null" : jsonText(text, max);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
