import { type JsonValue, parseStrictJson } from "../core/json.ts";
import { isMethodName } from "../core/mcp-methods.ts";
import { foldJsonKey } from "../policy/json-key.ts";
import { BATCH_VERSION, isStateless, type ProtocolVersion } from "./version.ts";

export type JsonObject = Readonly<Record<string, JsonValue>>;
export type RequestId = string | number;

/** One JSON-RPC message of a client. */
export type McpMessage =
  | {
      readonly kind: "request";
      readonly id: RequestId;
      readonly method: string;
      readonly params: JsonObject | null;
    }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject | null }
  /** The answer to a request of the server. */
  | { readonly kind: "response"; readonly id: RequestId };

export interface MessageProblem {
  readonly ok: false;
  /** For operators; quotes nothing of the body. */
  readonly detail: string;
  /** Of the message, where one could be read. */
  readonly id: RequestId | null;
  /** Parse error, or invalid request (JSON-RPC 2.0, section 5.1). */
  readonly rpcCode: -32700 | -32600;
}

export type McpReading =
  | { readonly ok: true; readonly messages: readonly McpMessage[]; readonly batch: boolean }
  | MessageProblem;

const MAX_BATCH = 100;

/** Keys that are read, by where they stand. A key that only looks like one of them is refused. */
const MESSAGE_KEYS = keySet("jsonrpc", "id", "method", "params", "result", "error");
const PARAMS_KEYS = keySet(
  "name",
  "arguments",
  "uri",
  "_meta",
  "cursor",
  "ref",
  "argument",
  "context",
  "notifications",
);
const REF_KEYS = keySet("type", "name", "uri");
const META_KEYS = keySet("io.modelcontextprotocol/protocolVersion");
const NESTED_KEYS: ReadonlyMap<string, KeySet> = new Map([
  ["_meta", META_KEYS],
  ["ref", REF_KEYS],
  ["argument", keySet("name", "value")],
  ["context", keySet("arguments")],
  ["notifications", keySet("resourceSubscriptions")],
]);

interface KeySet {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
}

function keySet(...keys: readonly string[]): KeySet {
  return { exact: new Set(keys), folded: new Set(keys.map(foldJsonKey)) };
}

/**
 * Reads the body of a POST as JSON-RPC 2.0 the way every reader must read it, or says why it is refused:
 * what `parseStrictJson` refuses, keys that look like known ones, batches outside revision 2025-03-26 (1
 * to 100 messages there), members that JSON-RPC does not know, ids that are neither text nor safe integers.
 */
export function readMessages(bytes: Uint8Array, version: ProtocolVersion): McpReading {
  const json = parseStrictJson(bytes);
  if (!json.ok) return problem(`JSON at byte ${json.offset}: ${json.detail}`, null, -32700);
  if (isObject(json.value)) {
    const message = readMessage(json.value, version);
    return "ok" in message ? message : { ok: true, messages: [message], batch: false };
  }
  if (!isList(json.value)) return problem("the body is not an object");
  return version === BATCH_VERSION ? readBatch(json.value, version) : problem("this revision has no batches");
}

function readBatch(members: readonly JsonValue[], version: ProtocolVersion): McpReading {
  if (members.length === 0) return problem("a batch without messages");
  if (members.length > MAX_BATCH) return problem(`a batch of more than ${MAX_BATCH} messages`);
  const messages: McpMessage[] = [];
  const ids = new Set<RequestId>();
  for (const member of members) {
    if (!isObject(member)) return problem("a member of the batch is not an object");
    const message = readMessage(member, version);
    if ("ok" in message) return { ...message, id: null };
    if (message.kind === "request") {
      if (message.method === "initialize") return problem("`initialize` in a batch");
      if (ids.has(message.id)) return problem("two requests of the batch have the same id");
      ids.add(message.id);
    }
    messages.push(message);
  }
  return { ok: true, messages, batch: true };
}

function readMessage(object: JsonObject, version: ProtocolVersion): McpMessage | MessageProblem {
  const id = isRequestId(object["id"]) ? object["id"] : null;
  const refuse = (detail: string): MessageProblem => problem(detail, id);
  for (const key of Object.keys(object)) {
    if (MESSAGE_KEYS.exact.has(key)) continue;
    return refuse(looksKnown(key, MESSAGE_KEYS) ? "a key that looks like a known one" : "a key that JSON-RPC has not");
  }
  if (object["jsonrpc"] !== "2.0") return refuse("`jsonrpc` is not `2.0`");
  if (Object.hasOwn(object, "id") && id === null) return refuse("`id` is neither text nor a safe integer");
  if (!Object.hasOwn(object, "method")) return readResponse(object, id, version) ?? refuse("neither call nor answer");
  const { method, params } = object;
  if (typeof method !== "string" || !isMethodName(method)) return refuse("`method` is not the name of one");
  if (Object.hasOwn(object, "result") || Object.hasOwn(object, "error")) return refuse("call and answer at once");
  if (params !== undefined && !isObject(params)) return refuse("`params` is not an object");
  const read = params ?? null;
  const detail = read === null ? null : paramsProblem(read);
  if (detail !== null) return refuse(detail);
  return id === null ? { kind: "notification", method, params: read } : { kind: "request", id, method, params: read };
}

/** `null` where it is no answer, or where the revision lets clients send none. */
function readResponse(object: JsonObject, id: RequestId | null, version: ProtocolVersion): McpMessage | null {
  const one = Object.hasOwn(object, "result") !== Object.hasOwn(object, "error");
  if (!one || id === null || Object.hasOwn(object, "params") || isStateless(version)) return null;
  return isObject(object["result"] ?? object["error"] ?? null) ? { kind: "response", id } : null;
}

function paramsProblem(params: JsonObject): string | null {
  if (Object.hasOwn(params, "_meta") && !isObject(params["_meta"])) return "`_meta` is not an object";
  for (const key of Object.keys(params)) {
    if (!PARAMS_KEYS.exact.has(key)) {
      if (looksKnown(key, PARAMS_KEYS)) return "a key of `params` that looks like a known one";
      continue;
    }
    const known = NESTED_KEYS.get(key);
    const value = params[key];
    if (known === undefined || value === undefined || !isObject(value)) continue;
    if (Object.keys(value).some((inner) => !known.exact.has(inner) && looksKnown(inner, known))) {
      return `a key of \`${key}\` that looks like a known one`;
    }
  }
  return null;
}

function looksKnown(key: string, known: KeySet): boolean {
  return known.folded.has(foldJsonKey(key));
}

/** JSON-RPC allows fractions and `null`; MCP does not (2025-11-25, Requests). */
export function isRequestId(value: JsonValue | undefined): value is RequestId {
  return typeof value === "string" || Number.isSafeInteger(value);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function problem(
  detail: string,
  id: RequestId | null = null,
  rpcCode: MessageProblem["rpcCode"] = -32600,
): MessageProblem {
  return { ok: false, detail, id, rpcCode };
}
