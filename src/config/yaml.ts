import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLParseError,
} from "yaml";
import { type Env, expandEnvironment } from "./environment.ts";
import type { Problem } from "../core/problem.ts";

/** Keys and list positions from the root of the file to a value. */
export type Path = readonly (string | number)[];

interface Place {
  readonly key: number | null;
  readonly value: number;
  /** The scalar before `${NAME}` was replaced, so that a message can quote it. */
  readonly written: string | null;
}

const MAX_DEPTH = 32;

/** A YAML file as plain values that know where they stand. */
export class YamlTree {
  readonly file: string;
  readonly problems: Problem[] = [];
  /** `undefined` where the file is not YAML. Objects have no `__proto__` key. */
  readonly value: unknown;
  readonly #lines = new LineCounter();
  readonly #places = new Map<string, Place>();
  /** Places whose value is known to be wrong: what a schema says of them adds nothing. */
  readonly #broken = new Set<string>();
  readonly #text: string;
  readonly #env: Env;

  /** Reads the text. Never throws: what is wrong is in `problems`, all of it. */
  constructor(file: string, text: string, env: Env) {
    this.file = file;
    this.#text = text;
    this.#env = env;
    this.value = this.#parse(text);
  }

  /** Where the value stands, or its key. For what is not there: where the nearest parent is. */
  position(path: Path, part: "key" | "value" = "value"): { file: string; line: number; column: number } {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place === undefined) continue;
      const asked = length === path.length ? part : "key";
      return this.#at(asked === "key" ? (place.key ?? place.value) : place.value);
    }
    return { file: this.file, line: 1, column: 1 };
  }

  /** True where the file has the value. */
  has(path: Path): boolean {
    return this.#places.has(JSON.stringify(path));
  }

  /** The scalar as it is written in the file: safe to quote, because nothing from the environment is in it. */
  written(path: Path): string {
    return this.#places.get(JSON.stringify(path))?.written ?? "";
  }

  /** True where the value could not be read, which has been reported. */
  isBroken(path: Path): boolean {
    return this.#broken.has(JSON.stringify(path));
  }

  #parse(text: string): unknown {
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, version: "1.2" });
    this.#reportErrors(document.errors);
    if (document.directives?.yaml.explicit === true) this.#report(0, "YAML directives are not allowed");
    if (document.errors.some((error) => error.code !== "DUPLICATE_KEY")) return undefined;
    if (document.contents === null) this.#report(0, "the file is empty");
    return document.contents === null ? undefined : this.#read(document.contents, [], null);
  }

  /** Of syntax errors only the first: those behind it mostly follow from it. */
  #reportErrors(errors: readonly YAMLParseError[]): void {
    const syntax = errors.find(({ code }) => code !== "DUPLICATE_KEY" && code !== "MULTIPLE_DOCS");
    for (const { code, pos } of errors) {
      if (code === "DUPLICATE_KEY") this.#report(pos[0], "the key stands twice");
      if (code === "MULTIPLE_DOCS") this.#report(pos[0], "a second document; one is allowed");
    }
    if (syntax === undefined) return;
    const hint = this.#lineAt(syntax.pos[0]).includes("${") ? '; inside { } and [ ] write "${NAME}", with quotes' : "";
    // The parser quotes the text, which may be a secret.
    this.#report(syntax.pos[0], `not YAML: ${syntax.message.replace(/:? *".*$/s, "")}${hint}`);
  }

  #lineAt(offset: number): string {
    return this.#text.split("\n")[this.#at(offset).line - 1] ?? "";
  }

  #read(node: Node | null, path: Path, keyOffset: number | null): unknown {
    const start = node?.range?.[0] ?? keyOffset ?? 0;
    const written = isScalar(node) && typeof node.value === "string" ? node.value : null;
    this.#places.set(JSON.stringify(path), { key: keyOffset, value: start, written });
    if (node === null) return null;
    if (isAlias(node)) return this.#refuse(path, start, "aliases are not allowed");
    if (node.anchor !== undefined) this.#report(start, "anchors are not allowed");
    if (node.tag !== undefined) this.#report(start, "tags are not allowed");
    if (path.length > MAX_DEPTH) return this.#refuse(path, start, "nested too deep");
    if (isMap(node)) return this.#readMap(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.#read(asNode(item), [...path, index], null));
    return isScalar(node) ? this.#readScalar(node, path, start) : this.#refuse(path, start, "not understood");
  }

  #readMap(items: readonly Pair[], path: Path): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const node = asNode(key);
      const offset = node?.range?.[0] ?? 0;
      if (!isScalar(node) || typeof node.value !== "string") this.#report(offset, "a key must be text");
      else if (node.value === "<<") this.#report(offset, "merge keys are not allowed");
      else if (node.value === "__proto__") this.#report(offset, "this key is not allowed");
      else {
        if (node.tag !== undefined || node.anchor !== undefined)
          this.#report(offset, "tags and anchors are not allowed");
        map[node.value] = this.#read(asNode(value), [...path, node.value], offset);
      }
    }
    return map;
  }

  #readScalar(node: Scalar, path: Path, start: number): unknown {
    if (typeof node.value !== "string") return node.value;
    const { text, broken } = expandEnvironment(node.value, this.#env);
    for (const { written, message } of broken) {
      const inside = this.#text.slice(start, node.range?.[1]).indexOf(written);
      this.#refuse(path, start + Math.max(inside, 0), message);
    }
    return text;
  }

  #refuse(path: Path, offset: number, message: string): undefined {
    this.#broken.add(JSON.stringify(path));
    this.#report(offset, message);
  }

  #report(offset: number, message: string): void {
    this.problems.push({ ...this.#at(offset), message });
  }

  #at(offset: number): { file: string; line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/** The parser types members loosely; what it makes are nodes. */
function asNode(value: unknown): Node | null {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : null;
}
