import type { McpRules } from "../policy/types.ts";
import { completionOperation } from "./completion.ts";
import { isList, isObject, type JsonObject, type McpMessage } from "./message.ts";
import { COMPLETE, LISTEN, PROMPT_GET, RESOURCE_METHODS, TOOL_CALL } from "../core/mcp-methods.ts";
import { FREE_REQUESTS, methodLabel, NOTIFICATION } from "./methods.ts";
import {
  FREE,
  malformed,
  type Operation,
  operationByArguments,
  operationByName,
  operationByUri,
  unruled,
} from "./operation.ts";

const NO_METHOD = unruled("no rule names the method", null);
const NO_URIS = malformed("`resourceSubscriptions` is not a list of strings");
const NO_FILTER = malformed("`params.notifications` is not an object");
const UNKNOWN_FILTER = malformed("a key of `params.notifications` that is not known");
const NO_BOOLEAN = malformed("a notice of changed lists is neither `true` nor `false`");
/** Keys of `params.notifications` that ask for notice of changed lists (2026-07-28). */
const LIST_NOTICES: ReadonlySet<string> = new Set(["toolsListChanged", "promptsListChanged", "resourcesListChanged"]);
const NO_PARAMS: JsonObject = {};

/** Finds the rules that a message has to pass. Pure. A method is looked at alike with and without an id. */
export function operationOf(rules: McpRules, message: McpMessage): Operation {
  if (message.kind === "response") return FREE;
  const { method } = message;
  const params = message.params ?? NO_PARAMS;
  if (method === TOOL_CALL) return operationByName(rules.tools, params);
  if (RESOURCE_METHODS.has(method)) return operationByUri(rules, params["uri"]);
  if (method === PROMPT_GET) return operationByName(rules.prompts, params);
  if (method === COMPLETE) return completionOperation(rules, params);
  if (method === LISTEN) return listenOperation(rules, params);
  const rule = rules.methods.get(method);
  if (rule !== undefined) return operationByArguments(rule, params, null);
  const free = message.kind === "notification" ? method.startsWith(NOTIFICATION) : FREE_REQUESTS.has(method);
  return free ? FREE : NO_METHOD;
}

/** The label of a message's method: a method that is known or that the rules name, `response`, or `other`. */
export function labelOf(rules: McpRules, message: McpMessage): string {
  return message.kind === "response" ? "response" : methodLabel(rules, message.method);
}

/**
 * Each resource that is listened to is one that could be read; notice of changed lists is free (2026-07-28).
 * A key that is not known could be another spelling of one, or ask for what no rule was asked about.
 */
function listenOperation(rules: McpRules, params: JsonObject): Operation {
  const filter = params["notifications"];
  if (filter === undefined) return FREE;
  if (!isObject(filter)) return NO_FILTER;
  for (const [key, value] of Object.entries(filter)) {
    if (key === "resourceSubscriptions") continue;
    if (!LIST_NOTICES.has(key)) return UNKNOWN_FILTER;
    if (typeof value !== "boolean") return NO_BOOLEAN;
  }
  const uris = filter["resourceSubscriptions"];
  if (uris === undefined) return FREE;
  if (!isList(uris)) return NO_URIS;
  const each = uris.map((uri) => (typeof uri === "string" ? operationByUri(rules, uri) : NO_URIS));
  const tools = new Set(each.map(({ tool }) => tool));
  return {
    uses: each.flatMap(({ uses }) => uses),
    problem: each.find(({ problem }) => problem !== null)?.problem ?? null,
    tool: tools.size > 1 ? "other" : (each[0]?.tool ?? null),
  };
}
