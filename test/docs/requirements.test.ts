import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

interface Named {
  /** Relative to test/. */
  readonly file: string;
  readonly title: string;
}

/** The tests that a line of a table names in its last column. */
function namedIn(line: string): readonly Named[] {
  const cell =
    line
      .split(" | ")
      .at(-1)
      ?.replace(/\s*\|$/, "") ?? "";
  return cell
    .split(/;? ?(?=`[\w/-]+\.test\.ts`: )/)
    .filter((part) => part !== "")
    .map((part) => {
      const [, file, title] = /^`([\w/-]+\.test\.ts)`: (.+)$/s.exec(part) ?? [];
      if (file === undefined || title === undefined) throw new Error(`not FILE: TITLE: ${part}`);
      return { file, title };
    });
}

/** The rows of the tables in a text, without their heads. */
function rowsOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.startsWith("| ") && !line.endsWith("| test |"));
}

const rows = rowsOf(readFileSync(join(ROOT, "docs/requirements.md"), "utf8"));
const named = rows.flatMap(namedIn);

/** How a line begins on which the title of a test, or of a group of them, may stand. */
const BEFORE_TITLE = /^\s*(?:(?:describe|it|test)\b.*|\].*)?"/;

function has({ file, title }: Named): boolean {
  const lines = readFileSync(join(ROOT, "test", file), "utf8").split("\n");
  return lines.some((line) => line.includes(JSON.stringify(title)) && BEFORE_TITLE.test(line));
}

describe("the table of requirements", () => {
  test("names a test in every row", () => {
    expect(rows.length).toBeGreaterThan(60);
    for (const row of rows) expect([row, namedIn(row).length > 0]).toEqual([row, true]);
  });

  test("names tests that are there", () => {
    expect(named.filter(({ file }) => !existsSync(join(ROOT, "test", file)))).toEqual([]);
    expect(named.filter((each) => !has(each))).toEqual([]);
  });
});

describe("the table of threats to OAuth", () => {
  test("names tests that are there", () => {
    const [, part = ""] = readFileSync(join(ROOT, "docs/threats.md"), "utf8").split("\n## OAuth and sign-in\n");
    const threats = rowsOf(part);
    expect(threats.length).toBeGreaterThan(25);
    expect(threats.flatMap(namedIn).filter((each) => !has(each))).toEqual([]);
  });
});
