import { type Deny, deny } from "../core/decision.ts";
import type { JsonValue } from "../core/json.ts";
import type { RequestHead } from "../core/request.ts";
import { foldJsonKey } from "./json-key.ts";
import { readHeaderPortal } from "./portal-header.ts";
import { readHostPortal } from "./portal-host.ts";
import { readQueryPortal } from "./portal-query.ts";
import type { JsonPointer } from "./selector.ts";
import type { PortalSelector } from "./types.ts";

/** What a request names as its portal, not yet checked to be an id: a text, nothing, or a refusal. */
export type NamedPortal = string | null | Deny;

const JSON_LOOK_ALIKE = deny(
  "ambiguous_portal",
  "a key of the body differs only by case or separators from the one that is read",
);
const JSON_NOT_TEXT = deny("bad_request", "the portal in the body is not a string");

/** Reads the portal where the rule says. `body` is the strict JSON of the body; `null` where there is none. */
export function readPortal(selector: PortalSelector, head: RequestHead, body: JsonValue | null): NamedPortal {
  switch (selector.kind) {
    case "path":
      return segmentAt(head.path, selector.segment);
    case "query":
      return readQueryPortal(head.query, selector.name, selector.folded);
    case "header":
      return readHeaderPortal(head.rawHeaders, selector.name);
    case "host":
      return readHostPortal(head, selector.base);
    case "json":
      return readJsonPortal(body, selector);
    case "upstream":
    case "unrestricted":
      return null;
  }
}

/** The segment as sent; `null` beyond the end. Counts from 0. */
function segmentAt(path: string, index: number): string | null {
  let start = 1;
  for (let skipped = 0; skipped < index; skipped++) {
    const slash = path.indexOf("/", start);
    if (slash === -1) return null;
    start = slash + 1;
  }
  const end = path.indexOf("/", start);
  return path.slice(start, end === -1 ? path.length : end);
}

/** Follows a JSON pointer (RFC 6901, section 4). Readers that ignore case and separators of keys must find the same. */
export function readJsonPortal(body: JsonValue | null, { tokens, folded }: JsonPointer): NamedPortal {
  let value: JsonValue = body;
  for (const [index, token] of tokens.entries()) {
    if (typeof value !== "object" || value === null) return null;
    if (!isList(value) && hasLookAlike(value, token, folded[index] ?? "")) return JSON_LOOK_ALIKE;
    const next = isList(value) ? itemAt(value, token) : member(value, token);
    if (next === undefined) return null;
    value = next;
  }
  return typeof value === "string" ? value : JSON_NOT_TEXT;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function itemAt(list: readonly JsonValue[], token: string): JsonValue | undefined {
  return /^(?:0|[1-9]\d{0,9})$/.test(token) ? list[Number(token)] : undefined;
}

function member(object: Readonly<Record<string, JsonValue>>, token: string): JsonValue | undefined {
  return Object.hasOwn(object, token) ? object[token] : undefined;
}

function hasLookAlike(object: Readonly<Record<string, JsonValue>>, token: string, folded: string): boolean {
  return Object.keys(object).some((key) => key !== token && foldJsonKey(key) === folded);
}
