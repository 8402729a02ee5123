import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { actionWords } from "../../src/admin/pages/reason-words.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** How an action of the audit is written where it is made. */
const ACTION =
  /\b(?:action:|action =|ACTION =|refuse\(|change\(actor,|actions\.push\()\s*"(?<action>[a-z]+\.[a-z_]+)"/g;

test("docs/audit.md lists every action of the source, and no other", () => {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const made = files.flatMap((file) =>
    Array.from(readFileSync(join(ROOT, "src", file), "utf8").matchAll(ACTION), (match) => match.groups?.["action"]),
  );
  // These two stand behind a condition.
  expect(new Set(listedActions())).toEqual(new Set([...made, "mcp.on", "mcp.off"]));
});

test("the page of the activity has words for every action", () => {
  expect(listedActions().filter((action) => actionWords(action) === action)).toEqual([]);
});

function listedActions(): readonly string[] {
  const [, table = ""] = readFileSync(join(ROOT, "docs/audit.md"), "utf8").split("\n## Actions\n");
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => row.split(" | ")[1]?.match(/[a-z]+\.[a-z_]+/g) ?? []);
}
