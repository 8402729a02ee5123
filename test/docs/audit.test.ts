import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { actionWords, reasonWords } from "../../src/admin/pages/reason-words.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** How an action of the audit is written where it is made. */
const ACTION =
  /\b(?:action:|action =|ACTION =|refuse\(|change\(actor,|actions\.push\()\s*"(?<action>[a-z]+\.[a-z_]+)"/g;
/** How a reason is written where an act is told: beside its decision, or as a refusal of the company's sign-in. */
const REASON = /\b(?:decision: "deny", reason: |CompanyRefusal =[^;]*?\| |refused\()"(?<reason>[a-z_]+)"/g;

test("docs/audit.md lists every action of the source, and no other", () => {
  const made = sources().flatMap((text) => Array.from(text.matchAll(ACTION), (match) => match.groups?.["action"]));
  // These two stand behind a condition.
  expect(new Set(listedActions())).toEqual(new Set([...made, "mcp.on", "mcp.off"]));
});

test("the page of the activity has words for every action", () => {
  expect(listedActions().filter((action) => actionWords(action) === action)).toEqual([]);
});

test("the page of the activity has words for every reason that is written where it is told", () => {
  const reasons = sources().flatMap((text) =>
    Array.from(text.matchAll(REASON), (match) => match.groups?.["reason"] ?? ""),
  );
  expect(reasons.length).toBeGreaterThan(10);
  expect(reasons.filter((reason) => reasonWords(reason).text === reason)).toEqual([]);
});

function sources(): readonly string[] {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".ts")).map((file) => readFileSync(join(ROOT, "src", file), "utf8"));
}

function listedActions(): readonly string[] {
  const [, table = ""] = readFileSync(join(ROOT, "docs/audit.md"), "utf8").split("\n## Actions\n");
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => row.split(" | ")[1]?.match(/[a-z]+\.[a-z_]+/g) ?? []);
}
