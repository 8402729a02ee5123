import { COMPLETE, LISTEN, PROMPT_GET, RESOURCE_METHODS, TOOL_CALL } from "../core/mcp-methods.ts";
import type { McpRules } from "../policy/types.ts";

/** Requests whose answers list things: what a caller may not use is taken out. */
export const LIST_METHODS: ReadonlySet<string> = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "prompts/list",
]);

/** Requests that any authenticated caller may make, unless `methods:` says otherwise. */
export const FREE_REQUESTS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  ...LIST_METHODS,
  "logging/setLevel",
]);

export const NOTIFICATION = "notifications/";

const KNOWN: ReadonlySet<string> = new Set([
  ...FREE_REQUESTS,
  ...RESOURCE_METHODS,
  TOOL_CALL,
  PROMPT_GET,
  LISTEN,
  COMPLETE,
  "notifications/cancelled",
  "notifications/initialized",
  "notifications/progress",
  "notifications/roots/list_changed",
]);

/** Label of audit and metrics: a method that is known or that the rules name, else `other`. */
export function methodLabel(rules: McpRules, method: string): string {
  return KNOWN.has(method) || rules.methods.has(method) ? method : "other";
}

/** True where the revision's schema names the method, so that it is known what it carries. */
export function isKnownMethod(method: string): boolean {
  return KNOWN.has(method);
}
