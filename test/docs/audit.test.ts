import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

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
  const [, table = ""] = readFileSync(join(ROOT, "docs/audit.md"), "utf8").split("\n## Actions\n");
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const listed = rows.flatMap((row) => row.split(" | ")[1]?.match(/[a-z]+\.[a-z_]+/g) ?? []);
  // These two stand behind a condition.
  expect(new Set(listed)).toEqual(new Set([...made, "mcp.on", "mcp.off"]));
});
