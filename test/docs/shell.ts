import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { outputOf, spawnProcess } from "../support/processes.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** The fenced blocks of a document, of one language. */
export function blocksIn(document: string, language: string): readonly string[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return Array.from(text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs")), ([, block = ""]) => block);
}

/** Runs lines of a shell. Resolves with what they print; rejects where they fail. */
export async function shell(lines: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const bash = spawnProcess("bash", ["-c", `set -eu\n${lines}`], { cwd: ROOT, env });
  const { code } = await bash.exited;
  if (code !== 0) throw new Error(`exit ${String(code)}: ${outputOf(bash)}`);
  return bash.stdout();
}
