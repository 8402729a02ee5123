import { COMPLETE, isMethodName, LISTEN, PROMPT_GET, RESOURCE_METHODS, TOOL_CALL } from "../core/mcp-methods.ts";
import type { McpDraft } from "../config/rules-schema.ts";
import { fold } from "../core/fold.ts";
import { scopeNeeds } from "../core/scopes.ts";
import { compileScopes, type RuleContext } from "./compile-scopes.ts";
import { parsePointer, POINTER_MESSAGE, pointerOf } from "./selector.ts";
import type { McpNames, McpPortalSelector, McpResources, McpRule, McpRules, McpTemplateRule } from "./types.ts";
import { foldTemplate, foldUri } from "./uri-look-alikes.ts";
import { parseTemplate, templatesOverlap, type UriTemplate } from "./uri-template.ts";

type Table = "tools" | "prompts" | "resources" | "methods";
type Member = McpDraft["tools"][string];

/** HTTP methods of the Streamable HTTP transport. */
export const MCP_HTTP_METHODS = ["GET", "POST", "DELETE"] as const;

/** Methods whose messages name what they are about, with the table that is looked up. */
const RULED_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  [TOOL_CALL, "`tools:`"],
  [PROMPT_GET, "`prompts:`"],
  ...Array.from(RESOURCE_METHODS, (method) => [method, "`resources:`"] as const),
  [LISTEN, "`resources:`"],
  [COMPLETE, "`prompts:` and `resources:`"],
]);

/** No controls and no spaces at either end. */
const NAME = /^(?! )[^\p{C}*]{0,255}\*?(?<! )$/u;

/** Compiles `mcp:` of a rule. What is wrong is reported; a result with problems is not to be used. */
export function compileMcp(context: RuleContext, draft: McpDraft): McpRules {
  return {
    tools: compileNames(context, "tools", draft.tools),
    prompts: compileNames(context, "prompts", draft.prompts),
    resources: compileResources(context, draft.resources),
    methods: compileMethods(context, draft.methods),
    filterLists: draft.filter_lists,
    origins: new Set(draft.origins),
  };
}

/** What an MCP route must not have beside `mcp:`. */
export function checkMcpRoute({ source, index, report }: RuleContext, methods: readonly string[] | undefined): void {
  for (const key of ["scopes", "portal", "public"]) {
    if (!source.has(["routes", index, key])) continue;
    report(
      [key],
      `\`${key}\` does not go with \`mcp\`: each tool, prompt, resource and method has its own rule`,
      "key",
    );
  }
  for (const [at, method] of (methods ?? []).entries()) {
    if (MCP_HTTP_METHODS.some((known) => known === method)) continue;
    report(["match", "methods", at], `MCP is served over ${MCP_HTTP_METHODS.join(", ")} only`);
  }
}

function compileNames(context: RuleContext, table: Table, members: McpDraft["tools"]): McpNames {
  const exact = new Map<string, McpRule>();
  const prefixes: { prefix: string; folded: string; rule: McpRule }[] = [];
  for (const [name, member] of Object.entries(members)) {
    if (!NAME.test(name)) {
      const message = "expected a name, or a prefix with `*` at its end, 255 characters at most";
      context.report(["mcp", table, name], message, "key");
      continue;
    }
    const rule = compileMember(context, table, name, member, null);
    if (rule === null) continue;
    if (!name.endsWith("*")) exact.set(name, rule);
    else prefixes.push({ prefix: name.slice(0, -1), folded: fold(name.slice(0, -1)), rule });
  }
  return {
    exact,
    foldedExact: new Set([...exact.keys()].map(fold)),
    prefixes: prefixes.toSorted((a, b) => b.prefix.length - a.prefix.length),
  };
}

function compileMethods(context: RuleContext, members: McpDraft["methods"]): ReadonlyMap<string, McpRule> {
  const methods = new Map<string, McpRule>();
  for (const [name, member] of Object.entries(members)) {
    const elsewhere = RULED_ELSEWHERE.get(name);
    if (elsewhere !== undefined) {
      context.report(["mcp", "methods", name], `\`${name}\` is ruled by ${elsewhere}`, "key");
    } else if (!isMethodName(name)) {
      context.report(["mcp", "methods", name], "expected the exact name of a method", "key");
    } else {
      const rule = compileMember(context, "methods", name, member, null);
      if (rule !== null) methods.set(name, rule);
    }
  }
  return methods;
}

function compileResources(context: RuleContext, members: McpDraft["resources"]): McpResources {
  const literals = new Map<string, McpRule>();
  const templates: McpTemplateRule[] = [];
  const seen: UriTemplate[] = [];
  for (const [text, member] of Object.entries(members)) {
    const parsed = parseTemplate(text);
    if (!parsed.ok) context.report(["mcp", "resources", text], parsed.message, "key");
    const template = parsed.ok ? parsed.template : null;
    const rule = compileMember(context, "resources", text, member, template);
    if (template === null) continue;
    if (template.variables.length > 0) {
      checkOverlap(context, template, seen);
      seen.push(template);
    }
    if (rule === null) continue;
    if (template.variables.length === 0) literals.set(text, rule);
    else templates.push({ template, folded: foldTemplate(template), rule });
  }
  const foldedLiterals = new Set([...literals.keys()].map((uri) => foldUri(uri)[0] ?? uri));
  return { literals, foldedLiterals, templates };
}

/** Nobody could tell which of the two is meant. */
function checkOverlap({ source, index, report }: RuleContext, template: UriTemplate, seen: readonly UriTemplate[]) {
  const other = seen.find((earlier) => templatesOverlap(earlier, template));
  if (other === undefined) return;
  const { line } = source.position(["routes", index, "mcp", "resources", other.text], "key");
  report(["mcp", "resources", template.text], `the template on line ${line} can match the same URIs`, "key");
}

function compileMember(
  context: RuleContext,
  table: Table,
  name: string,
  member: Member,
  template: UriTemplate | null,
): McpRule | null {
  const path = ["mcp", table, name];
  const scopes = compileScopes(context, [...path, "scopes"], member.scopes);
  if (member.portal === undefined) return null;
  const portal = table === "resources" ? uriSelector(member.portal, template) : argumentSelector(member.portal);
  if (typeof portal === "string") {
    context.report([...path, "portal"], portal);
    return null;
  }
  const source = context.source.position(["routes", context.index, ...path], "key");
  return { name, needs: scopeNeeds(scopes), scopes, scopeText: scopes.join(" "), portal, source };
}

/** The selector, or what is wrong with it. */
function argumentSelector(text: string): McpPortalSelector | string {
  if (text === "upstream" || text === "unrestricted") return { kind: text };
  if (!text.startsWith("argument:")) return "expected argument:NAME, argument:/POINTER, upstream or unrestricted";
  const name = text.slice("argument:".length);
  if (name.startsWith("/")) {
    const pointer = parsePointer(name);
    return pointer === null ? POINTER_MESSAGE : { kind: "argument", text: name, ...pointer };
  }
  if (!/^[^\p{C}\p{Z}]{1,128}$/u.test(name)) return "the name of an argument has 1 to 128 characters and no spaces";
  return { kind: "argument", text: name, ...pointerOf([name]) };
}

/** `template` is `null` where it is wrong itself. */
function uriSelector(text: string, template: UriTemplate | null): McpPortalSelector | string {
  if (text === "upstream" || text === "unrestricted") return { kind: text };
  if (!text.startsWith("uri:")) return "expected uri:VARIABLE, upstream or unrestricted";
  const name = text.slice("uri:".length);
  const variable = template === null ? 0 : template.variables.indexOf(name);
  return variable === -1 ? "the template has no variable of this name" : { kind: "uri", name, variable };
}
