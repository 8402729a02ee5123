import { isScope, type Scope } from "../core/ids.ts";
import { commonScopes } from "../core/scopes.ts";
import type { ProtectedResource } from "../policy/resources.ts";

/** Every scope that a rule names, once. */
export function catalogueOf(resources: readonly ProtectedResource[]): readonly Scope[] {
  return [...new Set(resources.flatMap(({ scopes }) => scopes))];
}

/** What a client that names its scopes may be given at most: what we know of them. Without any, all. */
export function scopesAskedFor(scope: unknown, catalogue: readonly Scope[]): readonly Scope[] {
  const asked = typeof scope === "string" ? scope.split(" ").filter(isScope) : [];
  const known = commonScopes(asked, catalogue);
  return known.length === 0 ? catalogue : known;
}
