import { KEY_PREFIX } from "../core/key-prefix.ts";

/**
 * Text that others choose, made safe for one line of JSON. Output is plain ASCII: whatever stands in it cannot
 * end the line, steer a terminal or mislead the eye, and one character is one byte.
 */

/** API keys, and admin tokens. */
const KEY = new RegExp(`(${KEY_PREFIX}|noice_admin_)(?:(?!noice_)[0-9A-Za-z]){6,}`, "g");
const UNSAFE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const BEYOND_ASCII = /[\x7f-\uffff]/g;

/** Replaces API keys and admin tokens in a text. A last line of defence: no caller of it should hold one. */
export function redactKeys(text: string): string {
  return text.includes("noice_") ? text.replace(KEY, "$1[redacted]") : text;
}

/** The text with API keys redacted, cut to `max` UTF-16 units with `…` as the last one. */
export function boundedText(text: string, max: number): string {
  const safe = redactKeys(text);
  return safe.length > max ? `${safe.slice(0, max - 1)}\u2026` : safe;
}

/**
 * The text as a JSON string, quotes included: API keys redacted, then cut to `max` UTF-16 units with `…` as the
 * last one. Any input gives valid JSON, lone surrogates and control characters too.
 */
export function jsonText(text: string, max: number): string {
  const safe = boundedText(text, max);
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
