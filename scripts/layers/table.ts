/** What one row of the import table of ARCHITECTURE.md says. */
export interface FolderRule {
  /** A folder under `src/`, or a file that stands there alone, such as `app.ts`. */
  readonly name: string;
  /** Every part may be imported. */
  readonly everything: boolean;
  /** Parts that may be imported, and whether only their types may be. */
  readonly allowed: ReadonlyMap<string, "values" | "types">;
}

export type LayerTable = ReadonlyMap<string, FolderRule>;

/** The table can't be understood; the check must fail then, for it would hold nothing. */
export class TableError extends Error {
  /** Line in ARCHITECTURE.md, from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = "TableError";
    this.line = line;
  }
}

const HEADER = /^\|\s*folder\s*\|.*\|\s*may import\s*\|\s*$/;
const FIRST_CELL = /^`src\/([\w.-]+?)\/?`$/;
const PART = /^([\w.-]+)(?:\s+\((types)\))?$/;

/**
 * Reads the table with the columns "folder" and "may import" from the text of ARCHITECTURE.md.
 * @throws {TableError} where there is no such table, or a cell isn't `nothing`, `everything` or a list of known parts.
 */
export function parseLayerTable(markdown: string): LayerTable {
  const lines = markdown.split("\n");
  const header = lines.findIndex((line) => HEADER.test(line));
  if (header === -1) throw new TableError(1, "there is no table with the columns `folder` and `may import`");
  const table = new Map<string, FolderRule>();
  const lineOf = new Map<string, number>();
  for (let index = header + 2; lines[index]?.startsWith("|") === true; index += 1) {
    const rule = parseRow(lines[index] ?? "", index + 1);
    if (table.has(rule.name)) throw new TableError(index + 1, `${rule.name} stands in the table twice`);
    table.set(rule.name, rule);
    lineOf.set(rule.name, index + 1);
  }
  if (table.size === 0) throw new TableError(header + 1, "the table has no rows");
  for (const rule of table.values()) {
    for (const part of rule.allowed.keys()) {
      if (!table.has(part)) throw new TableError(lineOf.get(rule.name) ?? 1, `${part} has no row of its own`);
    }
  }
  return table;
}

function parseRow(row: string, line: number): FolderRule {
  const cells = row.split("|").map((cell) => cell.trim());
  const name = FIRST_CELL.exec(cells[1] ?? "")?.[1];
  const imports = cells.at(-2);
  if (name === undefined || imports === undefined) {
    throw new TableError(line, "a row starts with a folder such as `src/core/`");
  }
  const allowed = new Map<string, "values" | "types">();
  if (imports === "everything") return { name, everything: true, allowed };
  for (const text of imports === "nothing" ? [] : imports.split(",")) {
    const match = PART.exec(text.trim());
    if (match?.[1] === undefined)
      throw new TableError(line, `cannot read ${JSON.stringify(text.trim())} in the row of ${name}`);
    allowed.set(match[1], match[2] === undefined ? "values" : "types");
  }
  return { name, everything: false, allowed };
}
