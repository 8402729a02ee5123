import { METHODS } from "../core/methods.ts";
import { type Deny, deny } from "../core/decision.ts";
import type { RequestHead } from "../core/request.ts";
import { LookAlikes } from "./look-alikes.ts";
import { overridesMethod } from "./method-override.ts";
import type { PathPattern } from "./pattern.ts";
import { Trie } from "./trie.ts";
import type { Match, Route } from "./types.ts";

/** One path pattern with its rules by method. */
interface Entry {
  readonly pattern: PathPattern;
  readonly byMethod: Map<string, Served>;
  /** The first of them, tried before the map: most patterns have one rule, asked for by one method. */
  firstMethod: string;
  first: Served | null;
  notAllowed: Match;
  /** Paths that match may be look-alikes of another pattern's. */
  guarded: boolean;
}

interface Served {
  readonly match: Match;
  readonly pathParameters: boolean;
  readonly methodOverride: boolean;
}

/** A rule to match. */
export interface Matchable {
  readonly route: Route;
  readonly pattern: PathPattern;
  /** `;` in the path is allowed. */
  readonly pathParameters: boolean;
  /** A parameter such as `_method` in the query is allowed. */
  readonly methodOverride: boolean;
}

const NO_ROUTE = refused(deny("no_route"));
const LOOK_ALIKE = refused(deny("bad_request", "look-alike: many services take this path for one of another rule"));
const PATH_PARAMETER = refused(deny("bad_request", "path parameter: the rule does not allow `;` in the path"));
const METHOD_OVERRIDE = refused(
  deny("bad_request", "the query names a method (`_method`), which some services obey; see `method_override`"),
);

function refused(reason: Deny, allowedMethods: readonly string[] = []): Match {
  return { found: false, deny: reason, allowedMethods };
}

/** Makes the matcher of a policy. All answers are made here, none per request. */
export function createMatcher(rules: readonly Matchable[]): (head: RequestHead) => Match {
  const trie = new Trie<Entry>();
  const lookAlikes = new LookAlikes<Entry>();
  const entries = new Set<Entry>();
  for (const rule of rules) {
    const entry = trie.ensure(rule.pattern, () => makeEntry(rule.pattern));
    if (!entries.has(entry)) lookAlikes.add(rule.pattern, entry);
    entries.add(entry);
    const { route, pathParameters, methodOverride } = rule;
    const served = { match: { found: true, route } as const, pathParameters, methodOverride };
    for (const method of rule.route.methods ?? METHODS) serve(entry, method, served);
    if (rule.pathParameters) entry.guarded = true;
  }
  for (const entry of entries) {
    entry.notAllowed = refused(
      deny("method_not_allowed"),
      METHODS.filter((method) => entry.byMethod.has(method)),
    );
    entry.guarded = isDynamic(entry.pattern) && (entry.guarded || lookAlikes.needsCheck(entry.pattern));
  }
  return ({ method, path, query }) => {
    const entry = trie.find(path);
    if (entry === null) return NO_ROUTE;
    const served = method === entry.firstMethod ? entry.first : entry.byMethod.get(method);
    if (served === undefined || served === null) return entry.notAllowed;
    if (!served.pathParameters && path.includes(";")) return PATH_PARAMETER;
    if (query !== "" && !served.methodOverride && overridesMethod(query)) return METHOD_OVERRIDE;
    return entry.guarded && lookAlikes.isLookAlike(path, entry) ? LOOK_ALIKE : served.match;
  };
}

function makeEntry(pattern: PathPattern): Entry {
  return { pattern, byMethod: new Map(), firstMethod: "", first: null, notAllowed: NO_ROUTE, guarded: false };
}

function serve(entry: Entry, method: string, served: Served): void {
  entry.byMethod.set(method, served);
  if (entry.first !== null) return;
  entry.firstMethod = method;
  entry.first = served;
}

/** A path that matches static text only was meant as it is written. */
function isDynamic(pattern: PathPattern): boolean {
  return pattern.open || pattern.segments.some((segment) => segment.kind === "param");
}
