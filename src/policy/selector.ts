import { requestFieldClass } from "../core/request-fields.ts";
import { foldJsonKey } from "./json-key.ts";
import type { PathPattern } from "./pattern.ts";
import { foldQueryName } from "./query-name.ts";
import type { PortalSelector } from "./types.ts";

export type ParsedSelector =
  | { readonly ok: true; readonly selector: PortalSelector }
  | { readonly ok: false; readonly message: string };

/** A JSON pointer (RFC 6901), unescaped, and what its tokens fold to. */
export interface JsonPointer {
  readonly tokens: readonly string[];
  readonly folded: readonly string[];
}

const EXPECTED =
  "expected path:NAME, query:NAME, header:NAME, host, host:BASE, json:/POINTER, upstream or unrestricted";
const QUERY_NAME = /^[A-Za-z0-9_~.-]{1,64}$/;
/** A token of RFC 9110 without the characters that nobody uses in names. */
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
export const POINTER_MESSAGE = "a JSON pointer starts with `/`, and has `~` only as `~0` or `~1`";
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;

/** Reads `portal:` of a rule. `pattern` is the rule's path; `null` where it is wrong itself. */
export function parseSelector(text: string, pattern: PathPattern | null): ParsedSelector {
  if (text === "upstream" || text === "unrestricted") return { ok: true, selector: { kind: text } };
  if (text === "host") return { ok: true, selector: { kind: text, base: null } };
  const colon = text.indexOf(":");
  const kind = text.slice(0, Math.max(colon, 0));
  const name = text.slice(colon + 1);
  switch (kind) {
    case "path":
      return pathSelector(name, pattern);
    case "query":
      if (!QUERY_NAME.test(name)) return refuse("a query name has 1 to 64 letters, digits, `_`, `~`, `.` or `-`");
      return { ok: true, selector: { kind, name, folded: foldQueryName(name) } };
    case "header":
      if (!HEADER_NAME.test(name)) return refuse("a header name has 1 to 64 letters, digits or `-`");
      if (!reachesUpstream(name.toLowerCase())) return refuse("this header does not reach the upstream as it was sent");
      return { ok: true, selector: { kind, name: name.toLowerCase() } };
    case "host":
      if (!isHostName(name))
        return refuse("a base is a host name in lower case, without port, such as desk.example.com");
      return { ok: true, selector: { kind, base: name } };
    case "json":
      return jsonSelector(name);
    default:
      return refuse(EXPECTED);
  }
}

/** Labels of letters, digits, `_` and `-`, 253 characters at most (RFC 1034, section 3.1). */
function isHostName(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => LABEL.test(label));
}

/** Of another class, the upstream might not see the portal that was checked. Cookies have a class, as they are many values in one. */
function reachesUpstream(lower: string): boolean {
  return requestFieldClass(lower) === "pass";
}

function pathSelector(name: string, pattern: PathPattern | null): ParsedSelector {
  if (name === "") return refuse(EXPECTED);
  if (pattern === null) return { ok: true, selector: { kind: "path", name, segment: 0 } };
  const segment = pattern.segments.findIndex((part) => part.kind === "param" && part.name === name);
  if (segment === -1) return refuse("the path has no parameter of this name");
  return { ok: true, selector: { kind: "path", name, segment } };
}

function jsonSelector(pointer: string): ParsedSelector {
  const parsed = parsePointer(pointer);
  if (parsed === null) return refuse(POINTER_MESSAGE);
  return { ok: true, selector: { kind: "json", pointer, ...parsed } };
}

/** Reads a JSON pointer (RFC 6901) that is not empty; `null` where it is none. */
export function parsePointer(pointer: string): JsonPointer | null {
  if (!POINTER.test(pointer)) return null;
  const tokens = pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  return pointerOf(tokens);
}

/** A pointer of tokens that are unescaped already. */
export function pointerOf(tokens: readonly string[]): JsonPointer {
  return { tokens, folded: tokens.map(foldJsonKey) };
}

function refuse(message: string): ParsedSelector {
  return { ok: false, message };
}
