import type { RulesSource } from "../config/rules.ts";
import { isScope, type Scope } from "../core/ids.ts";
import { inCatalogue } from "../core/scopes.ts";
import { suggestion } from "../core/suggest.ts";

/** Notes a problem at a path inside the rule. */
export type Report = (path: readonly (string | number)[], message: string, part?: "key" | "value") => void;

/** What the checks of one rule share. */
export interface RuleContext {
  readonly source: RulesSource;
  /** Position of the rule, from 0. */
  readonly index: number;
  readonly catalogue: ReadonlySet<Scope>;
  readonly report: Report;
}

/** The scopes listed at `path` of a rule; `texts` keeps their places, `""` where one is no text. */
export function compileScopes(
  { source, index, catalogue, report }: RuleContext,
  path: readonly (string | number)[],
  texts: readonly string[],
): readonly Scope[] {
  const scopes = new Set<Scope>();
  for (const [at, text] of texts.entries()) {
    // What is no scope at all has been reported by the schema.
    if (!isScope(text)) continue;
    const written = source.written(["routes", index, ...path, at]);
    if (scopes.has(text)) report([...path, at], `the scope \`${written}\` stands twice`);
    else if (!inCatalogue(catalogue, text)) {
      report([...path, at], `unknown scope \`${written}\`${suggestion(written, catalogue)}`);
    }
    scopes.add(text);
  }
  return [...scopes];
}
