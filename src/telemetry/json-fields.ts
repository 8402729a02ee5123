import type { PlainFields } from "../core/activity.ts";
import { jsonText } from "./json-text.ts";

/** Bound of the fields before a change, and of those after it. */
export const MAX_FIELDS_BYTES = 2048;

const MAX_NAME = 64;
const MAX_TEXT = 512;
const MAX_DEPTH = 4;
/** Stands for what was cut, as a value, as the end of a list, or as the name that tells how many fields are missing. */
const CUT = '"\\u2026"';
/** Room for a comma, `CUT` as a name, and a number. */
const REST_BYTES = 24;

/**
 * Fields as a JSON object of plain ASCII, of `maxBytes` at most: names in order, so that equal fields give equal text;
 * texts redacted and cut as in `jsonText`. Fields that have no room are counted under the name `…`, lists that have
 * none end in `…`. Fields that are undefined are left out; what JSON does not have is `null`.
 */
export function jsonFields(fields: PlainFields, maxBytes: number): string {
  return objectText(fields, maxBytes, 0);
}

function objectText(fields: object, maxBytes: number, depth: number): string {
  const entries = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  let text = "";
  for (const [index, [name, value]] of entries.entries()) {
    const head = `${index === 0 ? "" : ","}${jsonText(name, MAX_NAME)}:`;
    const room = maxBytes - REST_BYTES - 2 - text.length - head.length;
    const member = room < CUT.length ? null : valueText(value, room, depth + 1);
    if (member === null) return `{${text}${index === 0 ? "" : ","}${CUT}:${entries.length - index}}`;
    text += head + member;
  }
  return `{${text}}`;
}

/** `null` where there is no room even for a part of it. */
function valueText(value: unknown, room: number, depth: number): string | null {
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    if (depth >= MAX_DEPTH || room < REST_BYTES + CUT.length + 2) return room < CUT.length ? null : CUT;
    return Array.isArray(value) ? listText(value, room, depth) : objectText(value, room, depth);
  }
  const text = plainText(value);
  if (text.length <= room) return text;
  return room < CUT.length ? null : CUT;
}

function plainText(value: unknown): string {
  if (typeof value === "string") return jsonText(value, MAX_TEXT);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "null" : `"${value.toISOString()}"`;
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" && Number.isFinite(value) ? String(value) : "null";
}

function listText(values: readonly unknown[], room: number, depth: number): string {
  let text = "";
  for (const [index, value] of values.entries()) {
    const comma = index === 0 ? "" : ",";
    const left = room - REST_BYTES - text.length - comma.length;
    const item = left < CUT.length ? null : valueText(value, left, depth + 1);
    if (item === null) return `[${text}${comma}${CUT}]`;
    text += comma + item;
  }
  return `[${text}]`;
}
