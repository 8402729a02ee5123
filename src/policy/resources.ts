import type { Scope } from "../core/ids.ts";
import type { McpNames, McpRule, McpRules, Policy, Route } from "./types.ts";

/** A resource that a token can be for (RFC 8707, RFC 9728). */
export interface ProtectedResource {
  /** `""` is the whole origin, else the path of an MCP route such as `/mcp`. */
  readonly path: string;
  /** Every scope that its rules name, wildcards as they are written; sorted. */
  readonly scopes: readonly Scope[];
  /** For people. */
  readonly name: string;
}

/** What people read of the whole origin. */
const ROOT_NAME = "All services";

/**
 * The resources of a policy: the whole origin first, then one for each path of an MCP route that has no parameter and
 * no `*`, in the order of the rules.
 */
export function protectedResources(policy: Pick<Policy, "routes">): readonly ProtectedResource[] {
  const root = new Set<Scope>();
  const byPath = new Map<string, { readonly name: string; readonly scopes: Set<Scope> }>();
  for (const route of policy.routes) {
    const scopes = route.public ? [] : scopesOf(route);
    for (const scope of scopes) root.add(scope);
    if (route.mcp === null || !isLiteral(route.pattern)) continue;
    const known = byPath.get(route.pattern) ?? { name: route.id, scopes: new Set<Scope>() };
    for (const scope of scopes) known.scopes.add(scope);
    byPath.set(route.pattern, known);
  }
  return [
    { path: "", scopes: sorted(root), name: ROOT_NAME },
    ...Array.from(byPath, ([path, { name, scopes }]) => ({ path, scopes: sorted(scopes), name })),
  ];
}

/** A path pattern that one path matches alone. That of `/` is the whole origin's. */
function isLiteral(pattern: string): boolean {
  return pattern !== "/" && pattern.split("/").every((segment) => segment !== "*" && !segment.startsWith(":"));
}

function scopesOf(route: Route): readonly Scope[] {
  return route.mcp === null ? route.scopes : membersOf(route.mcp).flatMap(({ scopes }) => scopes);
}

function membersOf({ methods, prompts, resources, tools }: McpRules): readonly McpRule[] {
  return [
    ...namedIn(tools),
    ...namedIn(prompts),
    ...resources.literals.values(),
    ...resources.templates.map(({ rule }) => rule),
    ...methods.values(),
  ];
}

function namedIn({ exact, prefixes }: McpNames): readonly McpRule[] {
  return [...exact.values(), ...prefixes.map(({ rule }) => rule)];
}

function sorted(scopes: ReadonlySet<Scope>): readonly Scope[] {
  return [...scopes].toSorted();
}
