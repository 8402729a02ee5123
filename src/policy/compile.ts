import { type Loaded, type Problem, sortProblems } from "../core/problem.ts";
import { METHODS } from "../core/methods.ts";
import type { RulesSource } from "../config/rules.ts";
import { isPortalId, isScope, type Scope } from "../core/ids.ts";
import type { ReservedPaths } from "../core/reserved-paths.ts";
import { MCP_HTTP_METHODS } from "./compile-mcp.ts";
import { compileRoute, type RouteResult } from "./compile-route.ts";
import { createMatcher, type Matchable } from "./matcher.ts";
import { type PathPattern, patternKey } from "./pattern.ts";
import { reservedProblem } from "./reserved.ts";
import { Shared } from "./shared.ts";
import type { Policy } from "./types.ts";

/**
 * Compiles the rules, or reports everything that is wrong with them, what the schema found included. A
 * rule that cannot be understood, or two that could both be meant, make no policy. No rule may be for paths that
 * are `reserved`, because it would never be asked; one that is for others too is as good as any.
 */
export function compilePolicy(source: RulesSource, reserved: ReservedPaths | null = null): Loaded<Policy> {
  const problems: Problem[] = [...source.problems];
  const scopes = new Map<Scope, string>();
  for (const [scope, words] of source.scopes) if (isScope(scope)) scopes.set(scope, words);
  const catalogue = new Set(scopes.keys());
  const portals = compilePortals(source, problems);
  const context = { catalogue, problems, shared: new Shared() };
  const results = source.routes.map((_, index) => compileRoute(source, index, context));
  checkIds(source, problems);
  if (reserved !== null) checkReserved(source, results, { reserved, problems });
  checkOverlaps(
    source,
    results.map(({ pattern }) => pattern),
    problems,
  );
  if (problems.length > 0) return { ok: false, problems: sortProblems(problems) };
  const rules: Matchable[] = results.flatMap(({ route, pattern }, index) => {
    const draft = source.routes[index]?.draft;
    const pathParameters = draft?.path_parameters === "allow";
    const methodOverride = draft?.method_override === "allow";
    return route === null || pattern === null ? [] : [{ route, pattern, pathParameters, methodOverride }];
  });
  if (rules.length < source.routes.length) return { ok: false, problems: [notUnderstood(source)] };
  const routes = rules.map(({ route }) => route);
  const match = createMatcher(rules);
  return { ok: true, value: { hash: source.hash, routes, upstreams: source.upstreams, scopes, portals, match } };
}

/** Never seen unless a check above is missing: then it is refused all the same. */
function notUnderstood(source: RulesSource): Problem {
  return { ...source.position(["routes"]), message: "a rule was not understood" };
}

function checkReserved(
  source: RulesSource,
  results: readonly RouteResult[],
  { problems, reserved }: { readonly reserved: ReservedPaths; readonly problems: Problem[] },
): void {
  for (const [index, { pattern }] of results.entries()) {
    const message = pattern === null ? null : reservedProblem(reserved, pattern);
    if (message !== null) problems.push({ ...source.position(["routes", index, "match", "path"]), message });
    if (source.routes[index]?.draft.id !== OWN_ID) continue;
    const taken = `the id \`${OWN_ID}\` stands for what Portcullis serves itself; choose another`;
    problems.push({ ...source.position(["routes", index, "id"]), message: taken });
  }
}

/** The route of our own endpoints, in audit and metrics. */
const OWN_ID = "portcullis";

function checkIds(source: RulesSource, problems: Problem[]): void {
  const seen = new Map<string, number>();
  for (const [index, { draft }] of source.routes.entries()) {
    if (draft.id === undefined) continue;
    const first = seen.get(draft.id);
    if (first === undefined) {
      seen.set(draft.id, index);
      continue;
    }
    const { line } = source.position(["routes", first, "id"]);
    const message = `the id \`${source.written(["routes", index, "id"])}\` stands twice; first on line ${line}`;
    problems.push({ ...source.position(["routes", index, "id"]), message });
  }
}

/** Two rules for the same paths and a method in common: nobody could tell which one is meant. */
function checkOverlaps(source: RulesSource, patterns: readonly (PathPattern | null)[], problems: Problem[]): void {
  const taken = new Map<string, number>();
  for (const [index, pattern] of patterns.entries()) {
    if (pattern === null) continue;
    const match = source.routes[index]?.draft.match;
    const all = source.has(["routes", index, "mcp"]) ? MCP_HTTP_METHODS : METHODS;
    // A list of methods that is wrong itself is left alone; it has been reported.
    if (match?.methods === undefined && source.has(["routes", index, "match", "methods"])) continue;
    const clashes = new Map<number, string[]>();
    for (const method of new Set(match?.methods ?? all)) {
      const key = `${method} ${patternKey(pattern)}`;
      const other = taken.get(key);
      if (other === undefined) taken.set(key, index);
      else clashes.set(other, [...(clashes.get(other) ?? []), method]);
    }
    const position = source.position(["routes", index, "match", "path"]);
    for (const [other, methods] of clashes) {
      const { line } = source.position(["routes", other, "match", "path"]);
      const lines = `line ${position.line} and line ${line}`;
      problems.push({ ...position, message: `two rules for ${methods.join(", ")} on the same paths: ${lines}` });
    }
  }
}

/** The portals of a policy, each once. */
function compilePortals(source: RulesSource, problems: Problem[]) {
  const seen = new Map<string, number>();
  return source.portals.flatMap(({ id, name }, index) => {
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else if (id !== "") {
      const { line } = source.position(["portals", first, "id"]);
      const message = `the portal \`${source.written(["portals", index, "id"])}\` stands twice; first on line ${line}`;
      problems.push({ ...source.position(["portals", index, "id"]), message });
    }
    return isPortalId(id) ? [{ id, name }] : [];
  });
}
