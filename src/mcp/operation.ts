import { deny, type Deny } from "../core/decision.ts";
import type { JsonValue } from "../core/json.ts";
import { type NamedPortal, readJsonPortal } from "../policy/portal.ts";
import type { McpNames, McpRule, McpRules } from "../policy/types.ts";
import { findByName, findByUri } from "./lookup.ts";
import { isObject, type JsonObject } from "./message.ts";

/** A rule that a message has to pass, and the portal that the message names for it. */
export interface RuleUse {
  readonly rule: McpRule;
  readonly named: NamedPortal;
}

/** What a message is about, looked up in the rules; nothing is decided yet. */
export interface Operation {
  /** All of them have to pass; none is for every authenticated caller. */
  readonly uses: readonly RuleUse[];
  /** Why it is refused whoever asks. */
  readonly problem: Deny | null;
  /** Name of the rule of a tool, prompt or resource, `other` where there is none or more than one; `null` for other methods. */
  readonly tool: string | null;
}

/** What every authenticated caller may do. */
export const FREE: Operation = { uses: [], problem: null, tool: null };

const NAME_NOT_TEXT = malformed("`params.name` is not a string");
const URI_NOT_TEXT = malformed("`params.uri` is not a string");
const NO_ARGUMENTS = malformed("`params.arguments` is not an object");
const LOOK_ALIKE = malformed("look-alike: many services take this name for one of another rule");
const NO_NAME = unruled("no rule names the tool or prompt");
export const NO_RESOURCE = unruled("no rule names the resource");

/** An operation that no rule names. */
export function unruled(detail: string, tool: string | null = "other"): Operation {
  return { uses: [], problem: deny("operation_forbidden", detail), tool };
}

/** An operation that cannot be read, or could be read in two ways. */
export function malformed(detail: string): Operation {
  return { uses: [], problem: deny("bad_request", detail), tool: "other" };
}

/** One rule to pass, and the portal that was named for it. */
export function ruled(rule: McpRule, named: NamedPortal, tool: string | null = rule.name): Operation {
  return { uses: [{ rule, named }], problem: null, tool };
}

/** A tool or prompt by its name. */
export function operationByName(names: McpNames, params: JsonObject): Operation {
  const found = ruleByName(names, params["name"]);
  return "uses" in found ? found : operationByArguments(found, params, found.name);
}

/** The rule of a tool or prompt, or the operation that there is without one. */
export function ruleByName(names: McpNames, name: JsonValue | undefined): McpRule | Operation {
  if (typeof name !== "string") return NAME_NOT_TEXT;
  const found = findByName(names, name);
  if (found.kind === "rule") return found.rule;
  return found.kind === "none" ? NO_NAME : LOOK_ALIKE;
}

/** A rule whose portal stands in `params.arguments`. */
export function operationByArguments(rule: McpRule, params: JsonObject, tool: string | null): Operation {
  const args = params["arguments"];
  if (args !== undefined && !isObject(args)) return NO_ARGUMENTS;
  return ruled(rule, rule.portal.kind === "argument" ? readJsonPortal(args ?? null, rule.portal) : null, tool);
}

/** A resource by its URI. */
export function operationByUri(rules: McpRules, uri: JsonValue | undefined): Operation {
  if (typeof uri !== "string") return URI_NOT_TEXT;
  const found = findByUri(rules.resources, uri);
  if (found.kind === "odd") return malformed(found.detail);
  if (found.kind === "none") return NO_RESOURCE;
  const { rule, values } = found;
  return ruled(rule, rule.portal.kind === "uri" ? (values[rule.portal.variable] ?? null) : null);
}
