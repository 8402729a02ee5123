import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Env } from "./environment.ts";
import type { Problem } from "../core/problem.ts";
import { YamlTree } from "./yaml.ts";

export interface ReadFile {
  readonly tree: YamlTree;
  /** First 12 hex digits of the SHA-256 of the bytes. */
  readonly hash: string;
}

/** Reads a YAML file, or says why it cannot be read. What is wrong inside is in `tree.problems`. */
export async function readYamlFile(file: string, env: Env): Promise<ReadFile | Problem> {
  const bytes = await readFile(file).catch((error: unknown) => describe(error));
  if (typeof bytes === "string") return { file, line: 1, column: 1, message: bytes };
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { tree: new YamlTree(file, text, env), hash };
  } catch {
    return { file, line: 1, column: 1, message: "not UTF-8, or nested too deep to read" };
  }
}

function describe(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  return code === "ENOENT" ? "no such file" : `cannot read the file: ${code}`;
}
