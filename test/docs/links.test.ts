import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const names = (folder: string) => readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".md"));
const documents = [...names("."), ...names("docs").map((name) => `docs/${name}`)];

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function anchorsOf(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (?<heading>.+)$/gm);
  return new Set(Array.from(headings, ({ groups }) => anchorOf(groups?.["heading"] ?? "")));
}

test.each(documents)("%s links to what is there", (document) => {
  const text = readFileSync(join(ROOT, document), "utf8").replaceAll(/^```.*?^```/gms, "");
  const links = Array.from(text.matchAll(/\]\((?<target>[^)\s]+)\)/g), ({ groups }) => groups?.["target"] ?? "");
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? join(ROOT, document) : resolve(ROOT, dirname(document), path);
    return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).has(anchor));
  });
  expect(broken).toEqual([]);
});
