/** A place where a source file names another by a relative path. */
export interface ImportSite {
  /** From 1. */
  readonly line: number;
  readonly specifier: string;
  /** True for `import type … from` and `export type … from` only: nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** An import that can't be told from the text, so that no rule could be held. */
export interface UnreadableImport {
  readonly line: number;
  readonly message: string;
}

export interface Imports {
  readonly sites: readonly ImportSite[];
  readonly unreadable: readonly UnreadableImport[];
}

const RELATIVE = /(["'`])(\.{1,2}\/[^"'`\n]*)\1/g;
const COMPUTED = /\bimport\s*\(\s*(?!["'`\s])|\brequire\s*\(|\bcreateRequire\b/g;
const BEFORE_ANY = /\b(?:from|import|import\s*\()\s*$/;
const BEFORE_TYPE =
  /(?:^|\n|;)[ \t]*(?:import|export)\s+type\b\s*(?:\{[^}"'`]*\}|\*(?:\s+as\s+[\w$]+)?|[\w$]+)\s*from\s*$/;

/**
 * Finds what a file imports from its own project. It errs on the side of finding too much: every quoted
 * relative path that ends in `.ts` counts (worker scripts too), as does any relative path that stands behind
 * `from`, `import` or `import(`. Packages and built-in modules aren't looked at.
 */
export function findImports(source: string): Imports {
  const lineAt = lineCounter(source);
  const sites: ImportSite[] = [];
  const unreadable: UnreadableImport[] = [];
  for (const match of source.matchAll(RELATIVE)) {
    const specifier = match[2] ?? "";
    const before = source.slice(0, match.index);
    if (!specifier.endsWith(".ts") && !BEFORE_ANY.test(before)) continue;
    const line = lineAt(match.index);
    if (specifier.includes("${")) unreadable.push({ line, message: "an import must name its file in plain text" });
    else sites.push({ line, specifier, typeOnly: BEFORE_TYPE.test(before) });
  }
  for (const match of source.matchAll(COMPUTED)) {
    unreadable.push({ line: lineAt(match.index), message: "an import must name its file in plain text" });
  }
  return { sites, unreadable };
}

/** Line numbers of rising or falling offsets, without a scan from the start for each. */
function lineCounter(source: string): (offset: number) => number {
  const starts = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}
