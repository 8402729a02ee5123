import { foldFieldName } from "../core/field-name.ts";
import { trimFieldValue } from "../core/trim.ts";
import type { McpMessage, RequestId } from "./message.ts";
import { PROMPT_GET, RESOURCE_METHODS, TOOL_CALL } from "../core/mcp-methods.ts";
import { isKnownMethod } from "./methods.ts";
import { DEFAULT_VERSION, isProtocolVersion, isStateless, PROTOCOL_VERSIONS, type ProtocolVersion } from "./version.ts";

/** The header fields of MCP that say again what the body says. Values without spaces around them. */
export interface McpHeaders {
  readonly protocolVersion: string | null;
  readonly method: string | null;
  readonly name: string | null;
}

/** A refusal with 400 and this JSON-RPC error (2026-07-28, Server Validation and Versioning). */
export interface HeaderProblem {
  readonly ok: false;
  /** For operators. */
  readonly detail: string;
  /** Of the request that is meant, where it is one. */
  readonly id: RequestId | null;
  readonly rpcCode: typeof HEADER_MISMATCH | typeof UNSUPPORTED_VERSION;
  /** `error.message`, for the client. */
  readonly rpcMessage: string;
  /** `error.data`; `null` is none. */
  readonly data: { readonly supported: readonly string[]; readonly requested: string } | null;
}

export const HEADER_MISMATCH = -32020;
export const UNSUPPORTED_VERSION = -32022;

const META_VERSION = "io.modelcontextprotocol/protocolVersion";
const FIELDS: ReadonlyMap<string, keyof McpHeaders> = new Map([
  ["mcp-protocol-version", "protocolVersion"],
  ["mcp-method", "method"],
  ["mcp-name", "name"],
]);
const SHORTEST = "mcp-name".length;
const LONGEST = "mcp-protocol-version".length;

/**
 * Picks the fields out of `rawHeaders` (names and values by turns). One that stands twice, or under a
 * spelling that some services take for it (`_`, `.` or `~` for `-`), is a problem.
 */
export function readMcpHeaders(
  rawHeaders: readonly string[],
): { readonly ok: true; readonly headers: McpHeaders } | HeaderProblem {
  const headers: { -readonly [Key in keyof McpHeaders]: McpHeaders[Key] } = {
    protocolVersion: null,
    method: null,
    name: null,
  };
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const field = rawHeaders[at] ?? "";
    if (field.length < SHORTEST || field.length > LONGEST) continue;
    const lower = field.toLowerCase();
    if (!lower.startsWith("mcp")) continue;
    const key = FIELDS.get(lower);
    if (key === undefined) {
      if (FIELDS.has(foldFieldName(lower))) return mismatch("a header looks like one of MCP's");
      continue;
    }
    if (headers[key] !== null) return mismatch(`the header ${lower} stands twice`);
    headers[key] = trimFieldValue(rawHeaders[at + 1] ?? "");
  }
  return { ok: true, headers };
}

/** The revision that a request speaks; without the header it is 2025-03-26. For requests of every HTTP method. */
export function readVersion(
  value: string | null,
): { readonly ok: true; readonly version: ProtocolVersion } | HeaderProblem {
  if (value === null) return { ok: true, version: DEFAULT_VERSION };
  if (isProtocolVersion(value)) return { ok: true, version: value };
  return {
    ok: false,
    detail: "the protocol version is not known",
    id: null,
    rpcCode: UNSUPPORTED_VERSION,
    rpcMessage: "Unsupported protocol version",
    data: { supported: PROTOCOL_VERSIONS.toReversed(), requested: /^[\x20-\x7e]{0,64}$/.test(value) ? value : "" },
  };
}

/**
 * Holds the headers against the body. In 2026-07-28 `Mcp-Method` is on every request, `Mcp-Name` on those
 * that name a tool, prompt or resource, and `_meta` repeats the version; in older revisions they may be
 * left out. What is there has to agree, always. `null` where it does.
 */
export function checkHeaders(
  version: ProtocolVersion,
  headers: McpHeaders,
  messages: readonly McpMessage[],
): HeaderProblem | null {
  for (const message of messages) {
    const detail = disagreement(version, headers, message);
    if (detail !== null) return mismatch(detail, message.kind === "notification" ? null : message.id);
  }
  return null;
}

function disagreement(version: ProtocolVersion, headers: McpHeaders, message: McpMessage): string | null {
  if (message.kind === "response") {
    return headers.method === null && headers.name === null ? null : "Mcp-Method or Mcp-Name on an answer";
  }
  const needed = isStateless(version) && message.kind === "request";
  if (headers.method === null ? needed : headers.method !== message.method) {
    return headers.method === null ? "Mcp-Method is missing" : "Mcp-Method is not the method of the body";
  }
  return nameDisagreement(headers.name, message, needed) ?? versionDisagreement(version, message, needed);
}

type Call = Exclude<McpMessage, { readonly kind: "response" }>;

function nameDisagreement(header: string | null, { method, params }: Call, needed: boolean): string | null {
  const key = method === TOOL_CALL || method === PROMPT_GET ? "name" : RESOURCE_METHODS.has(method) ? "uri" : null;
  if (key === null) {
    // What a method that is not known names is not known either; nothing is decided by it.
    return header !== null && isKnownMethod(method) ? "Mcp-Name on a method that names nothing" : null;
  }
  if (header === null) return needed ? "Mcp-Name is missing" : null;
  const decoded = decodeValue(header);
  if (decoded === null) return "Mcp-Name is not encoded as it should be";
  return decoded === params?.[key] ? null : `Mcp-Name is not \`params.${key}\` of the body`;
}

/** A body that speaks another revision than the header could be read by other rules. */
function versionDisagreement(version: ProtocolVersion, { params }: Call, needed: boolean): string | null {
  const meta = params?.["_meta"];
  const named =
    typeof meta === "object" && meta !== null && META_VERSION in meta ? Reflect.get(meta, META_VERSION) : undefined;
  if (named === undefined) return needed ? "`_meta` does not name the protocol version" : null;
  return named === version ? null : "`_meta` names another protocol version than the header";
}

const SENTINEL = /^=\?base64\?(.*)\?=$/s;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const VISIBLE = /^[\x20-\x7e\t]*$/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that a header value stands for (2026-07-28, Value Encoding); `null` where it is malformed. */
function decodeValue(value: string): string | null {
  if (!VISIBLE.test(value)) return null;
  const encoded = SENTINEL.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, "base64");
  // Spare bits and other alphabets: what is decoded has one spelling only.
  if (!BASE64.test(encoded) || bytes.toString("base64") !== encoded) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function mismatch(detail: string, id: RequestId | null = null): HeaderProblem {
  return { ok: false, detail, id, rpcCode: HEADER_MISMATCH, rpcMessage: `Header mismatch: ${detail}`, data: null };
}
