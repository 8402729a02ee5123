import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { findImports, type ImportSite } from "./imports.ts";
import { parseLayerTable, TableError, type LayerTable } from "./table.ts";

export const MAX_LINES = 320;
/** They face different callers, so none may reach the other's code, whatever the table says. */
const NEVER_ONE_ANOTHER: ReadonlySet<string> = new Set(["proxy", "oauth", "admin"]);
/** The one folder outside `src/` that a part may import: the demo service, from the command that starts it. */
const DEMO = "deploy/demo/";
const DOCUMENT = "ARCHITECTURE.md";

export interface Violation {
  /** Relative to the root, with `/`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

interface Edge {
  readonly file: string;
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Checks every TypeScript file under `src/` of the project at `root` against the table of its ARCHITECTURE.md.
 * Violations come in order of file and line; none means that the table is held.
 */
export async function checkLayers(root: string): Promise<readonly Violation[]> {
  let table: LayerTable;
  try {
    table = parseLayerTable(await readFile(path.join(root, DOCUMENT), "utf8"));
  } catch (error) {
    if (error instanceof TableError) return [{ file: DOCUMENT, line: error.line, message: error.message }];
    throw error;
  }
  const violations: Violation[] = tableViolations(table);
  const edges: Edge[] = [];
  for (const file of await sourceFiles(root)) {
    const source = await readFile(path.join(root, file), "utf8");
    checkFile(table, file, source, violations, edges);
  }
  violations.push(...folderCycles(edges));
  return violations.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function tableViolations(table: LayerTable): Violation[] {
  const violations: Violation[] = [];
  for (const rule of table.values()) {
    if (!NEVER_ONE_ANOTHER.has(rule.name)) continue;
    for (const part of NEVER_ONE_ANOTHER) {
      if (part === rule.name || (!rule.everything && !rule.allowed.has(part))) continue;
      violations.push({
        file: DOCUMENT,
        line: 1,
        message: `the table lets ${rule.name} import ${part}: they never may`,
      });
    }
  }
  return violations;
}

async function sourceFiles(root: string): Promise<string[]> {
  const entries = await readdir(path.join(root, "src"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
    .map((entry) => toPosix(path.relative(root, path.join(entry.parentPath, entry.name))))
    .toSorted();
}

function toPosix(file: string): string {
  return file.split(path.sep).join("/");
}

function checkFile(table: LayerTable, file: string, source: string, violations: Violation[], edges: Edge[]): void {
  const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
  if (lines > MAX_LINES) {
    violations.push({ file, line: MAX_LINES + 1, message: `${lines} lines; more than ${MAX_LINES} hold two subjects` });
  }
  if (!file.endsWith(".ts")) violations.push({ file, line: 1, message: "src/ holds TypeScript only" });
  const from = partOf(file);
  if (!table.has(from)) {
    violations.push({ file, line: 1, message: `src/${from} has no row in the table of ${DOCUMENT}` });
    return;
  }
  const imports = findImports(source);
  for (const { line, message } of imports.unreadable) violations.push({ file, line, message });
  for (const site of imports.sites) {
    const target = path.posix.join(path.posix.dirname(file), site.specifier);
    const message = refusal(table, from, target, site);
    if (message !== null) violations.push({ file, line: site.line, message });
    if (target.startsWith("src/")) edges.push({ file, line: site.line, from, to: partOf(target) });
  }
}

/** `src/core/ids.ts` → `core`, `src/app.ts` → `app.ts`. */
function partOf(file: string): string {
  return file.split("/")[1] ?? "";
}

function refusal(table: LayerTable, from: string, target: string, site: ImportSite): string | null {
  if (!target.startsWith("src/")) {
    if (target.startsWith(DEMO)) return from === "cli" ? null : `only src/cli may import from ${DEMO}`;
    return `src/ may not import ${target}, which stands outside`;
  }
  const to = partOf(target);
  if (from === to) return null;
  if (NEVER_ONE_ANOTHER.has(from) && NEVER_ONE_ANOTHER.has(to)) return `${from} may never import ${to}`;
  const rule = table.get(from);
  if (rule?.everything === true) return table.has(to) ? null : `src/${to} has no row in the table of ${DOCUMENT}`;
  const allowed = rule?.allowed.get(to);
  if (allowed === undefined) return `${from} may not import ${to}`;
  if (allowed === "types" && !site.typeOnly) return `${from} may import only types from ${to}: use \`import type\``;
  return null;
}

/** One violation for each import that closes a circle of folders. Types count: a circle of types is one, too. */
function folderCycles(edges: readonly Edge[]): Violation[] {
  const first = new Map<string, Edge>();
  for (const edge of edges) {
    const name = `${edge.from} ${edge.to}`;
    if (edge.from !== edge.to && !first.has(name)) first.set(name, edge);
  }
  const graph = [...first.values()];
  const violations: Violation[] = [];
  for (const edge of graph) {
    const back = shortestPath(graph, edge.to, edge.from);
    if (back === null) continue;
    violations.push({
      file: edge.file,
      line: edge.line,
      message: `circle of folders: ${[edge.from, ...back].join(" → ")}`,
    });
  }
  return violations;
}

function shortestPath(graph: readonly Edge[], start: string, goal: string): string[] | null {
  const seen = new Set([start]);
  const queue: string[][] = [[start]];
  for (const trail of queue) {
    const last = trail.at(-1);
    if (last === goal) return trail;
    for (const edge of graph) {
      if (edge.from !== last || seen.has(edge.to)) continue;
      seen.add(edge.to);
      queue.push([...trail, edge.to]);
    }
  }
  return null;
}
