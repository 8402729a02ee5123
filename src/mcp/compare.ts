import type { McpRules } from "../policy/types.ts";
import { findByName } from "./lookup.ts";

export interface ToolComparison {
  /** Tools of the server that no rule names: nobody can call them. In the server's order. */
  readonly without_rule: readonly string[];
  /** Names and prefixes of rules that no tool of the server is for. In the rules' order, exact names first. */
  readonly without_tool: readonly string[];
}

/** Compares the rules with the names of a server's `tools/list`, all pages. A look-alike that is refused has no rule. */
export function compareTools(rules: McpRules, toolNames: readonly string[]): ToolComparison {
  const used = new Set<string>();
  const without_rule: string[] = [];
  for (const name of new Set(toolNames)) {
    const found = findByName(rules.tools, name);
    if (found.kind === "rule") used.add(found.rule.name);
    else without_rule.push(name);
  }
  const names = [...rules.tools.exact.keys(), ...rules.tools.prefixes.map(({ rule }) => rule.name)];
  return { without_rule, without_tool: names.filter((name) => !used.has(name)) };
}
