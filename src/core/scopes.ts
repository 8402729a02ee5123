import { isScope, type Scope } from "./ids.ts";

/** A scope that an operation needs, with the wildcard that covers it, both computed once per rule. */
export interface ScopeNeed {
  readonly scope: Scope;
  readonly coveredBy: Scope;
}

/** The wildcard that covers a scope: `workflows:run` → `workflows:*`. A wildcard covers itself. */
export function wildcardOf(scope: Scope): Scope {
  const wildcard = `${scope.slice(0, scope.indexOf(":"))}:*`;
  return isScope(wildcard) ? wildcard : scope;
}

/** Prepares the scopes of a rule for `holdsAll`. */
export function scopeNeeds(scopes: readonly Scope[]): readonly ScopeNeed[] {
  return scopes.map((scope) => ({ scope, coveredBy: wildcardOf(scope) }));
}

/** True where every need is held, exactly or by its wildcard. Write does not imply read. */
export function holdsAll(held: ReadonlySet<Scope>, needs: readonly ScopeNeed[]): boolean {
  for (const need of needs) {
    if (!held.has(need.scope) && !held.has(need.coveredBy)) return false;
  }
  return true;
}

/** True where the catalogue names the scope, or a wildcard of the catalogue covers it. */
export function inCatalogue(catalogue: ReadonlySet<Scope>, scope: Scope): boolean {
  return catalogue.has(scope) || catalogue.has(wildcardOf(scope));
}

/**
 * What two sets of scopes have in common, in the order of `left`. A wildcard of one side meets what it covers on the
 * other: `workflows:*` and `workflows:run` have `workflows:run` in common.
 */
export function commonScopes(left: readonly Scope[], right: readonly Scope[]): readonly Scope[] {
  const common = new Set<Scope>();
  for (const scope of left) {
    const wildcard = wildcardOf(scope);
    if (right.includes(scope) || right.includes(wildcard)) common.add(scope);
    else if (scope === wildcard) for (const other of right) if (wildcardOf(other) === scope) common.add(other);
  }
  return [...common];
}
