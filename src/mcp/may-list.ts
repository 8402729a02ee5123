import type { AuthenticatedPrincipal, Principal } from "../core/principal.ts";
import type { McpRule, McpRules } from "../policy/types.ts";
import { holdsAll } from "../core/scopes.ts";
import { decideOperation } from "./decide.ts";
import { findByName, findTemplate } from "./lookup.ts";
import { operationByUri } from "./operation.ts";

/** What lists list, with what stands for each: its name, its URI or its template. */
export type ListedKind = "tool" | "prompt" | "resource" | "resource_template";

/**
 * Whether a list may show the caller a tool, prompt, resource or template: there is a rule for it, the
 * caller holds its scopes, and some call of it could pass the caller's portal restriction.
 */
export function mayList(rules: McpRules, principal: Principal, kind: ListedKind, name: string): boolean {
  if (principal.kind === "anonymous") return false;
  switch (kind) {
    case "tool":
    case "prompt": {
      const found = findByName(kind === "tool" ? rules.tools : rules.prompts, name);
      return found.kind === "rule" && couldPass(found.rule, principal);
    }
    case "resource":
      return decideOperation(operationByUri(rules, name), principal).allow;
    case "resource_template": {
      const rule = findTemplate(rules.resources, name);
      return rule !== null && couldPass(rule, principal);
    }
  }
}

function couldPass(rule: McpRule, principal: AuthenticatedPrincipal): boolean {
  return holdsAll(principal.scopes, rule.needs) && (rule.portal.kind !== "unrestricted" || principal.portal === null);
}
