import type { Problem } from "../core/problem.ts";
import type { RouteSource, RulesSource } from "../config/rules.ts";
import { suggestion } from "../core/suggest.ts";
import { isRouteId, type Scope } from "../core/ids.ts";
import { checkMcpRoute, compileMcp, MCP_HTTP_METHODS } from "./compile-mcp.ts";
import { compileScopes, type Report, type RuleContext } from "./compile-scopes.ts";
import { parsePattern, type PathPattern } from "./pattern.ts";
import { parseSelector } from "./selector.ts";
import type { ScopeSet, Shared } from "./shared.ts";
import type { McpRules, PortalSelector, Route } from "./types.ts";

/** A rule, as far as it could be understood. */
export interface RouteResult {
  readonly pattern: PathPattern | null;
  /** `null` where the rule has a problem. */
  readonly route: Route | null;
}

/** What the rules of one file share while they are compiled. */
export interface CompileContext {
  readonly catalogue: ReadonlySet<Scope>;
  readonly problems: Problem[];
  readonly shared: Shared;
}

/** Checks one rule and compiles it. Every problem goes to `problems`. */
export function compileRoute(
  source: RulesSource,
  index: number,
  { catalogue, problems, shared }: CompileContext,
): RouteResult {
  const before = problems.length;
  const report: Report = (path, message, part) => {
    problems.push({ ...source.position(["routes", index, ...path], part), message });
  };
  const read = source.routes[index];
  if (read === undefined || !read.isMapping) return { pattern: null, route: null };
  const pattern = compilePath(read, report);
  checkUpstream(source, index, read, report);
  const context: RuleContext = { source, index, catalogue, report };
  const scopes = compileScopes(context, ["scopes"], source.scopesOf(index));
  const portal = compilePortal(read, pattern, report);
  const mcp = read.draft.mcp === undefined ? null : compileMcp(context, read.draft.mcp);
  if (source.has(["routes", index, "mcp"])) checkMcpRoute(context, read.draft.match?.methods);
  else checkAccess(source, index, read, report);
  if (read.rules === null || pattern === null || problems.length > before) return { pattern, route: null };
  return {
    pattern,
    route: makeRoute(source, index, read.rules, {
      scopes: shared.scopes(scopes),
      portal: portal && shared.selector(portal),
      mcp,
    }),
  };
}

interface Access {
  readonly scopes: ScopeSet;
  readonly portal: PortalSelector | null;
  readonly mcp: McpRules | null;
}

function makeRoute(
  source: RulesSource,
  index: number,
  rules: NonNullable<RouteSource["rules"]>,
  { scopes, portal, mcp }: Access,
): Route | null {
  if (!isRouteId(rules.id) || (mcp === null) !== (rules.mcp === undefined)) return null;
  return {
    id: rules.id,
    index,
    pattern: rules.match.path,
    methods: rules.match.methods ?? (mcp === null ? null : MCP_HTTP_METHODS),
    upstream: rules.upstream,
    public: rules.public === true,
    needs: scopes.needs,
    scopes: scopes.scopes,
    scopeText: scopes.text,
    portal,
    mcp,
    readsBody: portal?.kind === "json",
    bodyBytes: rules.body_bytes ?? null,
    source: source.position(["routes", index]),
  };
}

function compilePath({ draft }: RouteSource, report: Report): PathPattern | null {
  const path = draft.match?.path;
  if (path === undefined) return null;
  const parsed = parsePattern(path);
  if (!parsed.ok) {
    report(["match", "path"], parsed.message);
    return null;
  }
  if (path.includes(";") && draft.path_parameters === "refuse") {
    report(["match", "path"], "no request can have this path: `;` needs `path_parameters: allow`");
  }
  return parsed.pattern;
}

function checkUpstream(source: RulesSource, index: number, { draft }: RouteSource, report: Report): void {
  if (draft.upstream === undefined || source.upstreamNames.has(draft.upstream)) return;
  const written = source.written(["routes", index, "upstream"]);
  report(["upstream"], `unknown upstream \`${written}\`${suggestion(written, source.upstreamNames)}`);
}

function compilePortal({ draft }: RouteSource, pattern: PathPattern | null, report: Report): PortalSelector | null {
  if (draft.portal === undefined) return null;
  const parsed = parseSelector(draft.portal, pattern);
  if (parsed.ok) return parsed.selector;
  report(["portal"], parsed.message);
  return null;
}

/** Nobody forgets who may pass: a rule is public, or has scopes and a portal. */
function checkAccess(source: RulesSource, index: number, { draft }: RouteSource, report: Report): void {
  const has = (key: string): boolean => source.has(["routes", index, key]);
  if (draft.public === true) {
    if (has("scopes") || has("portal")) report(["public"], "a public rule has neither `scopes` nor `portal`", "key");
    return;
  }
  if (has("public") && draft.public === undefined) return;
  if (!has("scopes")) report([], "the rule needs `scopes` and `portal`, or `public: true`");
  else if (!has("portal")) {
    report(["scopes"], "a rule with `scopes` needs `portal`: say where the portal is named, or `unrestricted`", "key");
  }
}
