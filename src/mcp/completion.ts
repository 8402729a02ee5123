import { deny } from "../core/decision.ts";
import { foldJsonKey } from "../policy/json-key.ts";
import { type NamedPortal, readJsonPortal } from "../policy/portal.ts";
import { pointerOf } from "../policy/selector.ts";
import type { McpRule, McpRules } from "../policy/types.ts";
import { findTemplate } from "./lookup.ts";
import { isObject, type JsonObject } from "./message.ts";
import { malformed, NO_RESOURCE, type Operation, ruleByName, ruled } from "./operation.ts";

const NO_REF = malformed("`params.ref` is not a reference to a prompt or resource");
const NO_ARGUMENT = malformed("`params.argument` is not a name with a value");
const NO_CONTEXT = malformed("`params.context` is not an object with `arguments`");
/** A service could match it to a template, and take the portal from `argument` or `context` and not from the URI. */
const CONCRETE_URI = malformed("`params.ref.uri` is neither a template nor a URI of the rules");
const TWO_PORTALS = deny("ambiguous_portal", "the completion names a portal as its argument and in its context");

/**
 * `completion/complete`: what is completed has the rule of its prompt or resource. A portal that the rule
 * reads from arguments, or from the URI of a template, stands in `context.arguments` here, or is itself
 * what is being completed.
 */
export function completionOperation(rules: McpRules, params: JsonObject): Operation {
  const { ref } = params;
  if (!isObject(ref)) return NO_REF;
  const { type, name, uri } = ref;
  if (type === "ref/prompt" && uri === undefined) {
    const rule = ruleByName(rules.prompts, name);
    return "uses" in rule ? rule : withContext(rule, params);
  }
  if (type !== "ref/resource" || name !== undefined || typeof uri !== "string") return NO_REF;
  const rule = findTemplate(rules.resources, uri) ?? rules.resources.literals.get(uri);
  if (rule !== undefined) return withContext(rule, params);
  return uri.includes("{") ? NO_RESOURCE : CONCRETE_URI;
}

function withContext(rule: McpRule, params: JsonObject): Operation {
  const { argument, context } = params;
  if (!isObject(argument)) return NO_ARGUMENT;
  const { name, value } = argument;
  if (typeof name !== "string" || typeof value !== "string") return NO_ARGUMENT;
  if (context !== undefined && !isObject(context)) return NO_CONTEXT;
  const args = context?.["arguments"];
  if (args !== undefined && !isObject(args)) return NO_CONTEXT;
  return ruled(rule, namedIn(rule, { name, value }, args ?? null));
}

function namedIn(
  { portal }: McpRule,
  argument: { readonly name: string; readonly value: string },
  context: JsonObject | null,
): NamedPortal {
  if (portal.kind !== "argument" && portal.kind !== "uri") return null;
  const pointer = portal.kind === "argument" ? portal : pointerOf([portal.name]);
  const named = readJsonPortal(context, pointer);
  if (foldJsonKey(argument.name) !== pointer.folded[0]) return named;
  return named === null ? argument.value : TWO_PORTALS;
}
