import { fold } from "../core/fold.ts";
import type { PathPattern, Segment } from "./pattern.ts";

interface Node<T> {
  /** Made with the first static child: most nodes are leaves, and a map that is empty still has to be read. */
  statics: Map<string, Node<T>> | null;
  /** The one static child, where there is one only: compared in place, without a slice to look it up by. */
  only: { readonly text: string; readonly node: Node<T> } | null;
  param: Node<T> | null;
  /** What ends here. */
  exact: T | null;
  /** What takes any rest from here, an empty one too. */
  open: T | null;
}

function makeNode<T>(): Node<T> {
  return { statics: null, only: null, param: null, exact: null, open: null };
}

/**
 * Path patterns by segments. Finds the most specific one: at each segment from the left, static goes before
 * parameter, and parameter before `*`. The path is matched as it is; nothing is decoded.
 */
export class Trie<T> {
  readonly #root: Node<T> = makeNode();

  /** The value at the pattern, made where there is none. */
  ensure(pattern: PathPattern, make: () => T): T {
    let node = this.#root;
    for (const segment of pattern.segments) {
      node = segment.kind === "static" ? staticChild(node, segment.text) : paramChild(node);
    }
    const slot = pattern.open ? "open" : "exact";
    const value = node[slot] ?? make();
    node[slot] = value;
    return value;
  }

  /** True where some path of the pattern could go to a more specific pattern, or to one that is as specific. */
  hasRivals(pattern: PathPattern): boolean {
    let node = this.#root;
    for (const segment of pattern.segments) {
      if (segment.kind === "param" && node.statics !== null) return true;
      node = segment.kind === "static" ? staticChild(node, segment.text) : paramChild(node);
    }
    return pattern.open && (node.statics !== null || node.param !== null || node.exact !== null);
  }

  /** The most specific match of a path that `parseTarget` passed. */
  find(path: string): T | null {
    return findFrom(this.#root, path, 1);
  }
}

function staticChild<T>(node: Node<T>, text: string): Node<T> {
  const statics = (node.statics ??= new Map<string, Node<T>>());
  const child = statics.get(text) ?? makeNode<T>();
  statics.set(text, child);
  node.only = statics.size === 1 ? { text, node: child } : null;
  return child;
}

function paramChild<T>(node: Node<T>): Node<T> {
  node.param ??= makeNode();
  return node.param;
}

/** `start` is the first character of a segment; beyond the end of the path there is none left. */
function findFrom<T>(node: Node<T>, path: string, start: number): T | null {
  if (start > path.length) return node.exact ?? node.open;
  const slash = path.indexOf("/", start);
  const end = slash === -1 ? path.length : slash;
  const child = staticMatch(node, path, start, end);
  if (child !== null) {
    const found = findFrom(child, path, end + 1);
    if (found !== null) return found;
  }
  if (node.param !== null && end > start) {
    const found = findFrom(node.param, path, end + 1);
    if (found !== null) return found;
  }
  return node.open;
}

function staticMatch<T>(node: Node<T>, path: string, start: number, end: number): Node<T> | null {
  const { only } = node;
  if (only !== null) return end - start === only.text.length && path.startsWith(only.text, start) ? only.node : null;
  return node.statics?.get(path.slice(start, end)) ?? null;
}

/** What a careless service may take for the same segment: decoded, in lower case, without `;…`. */
function foldSegment(segment: string): string {
  const text = segment.includes("%") ? decodeURIComponent(segment) : segment;
  const parameters = text.indexOf(";");
  return fold(parameters === -1 ? text : text.slice(0, parameters));
}

/** A path that folds to itself unless patterns have upper case: no upper case, no encoding, no `;`, no `/` at the end. */
const ODD = /[A-Z%;]|.\/$/;

/**
 * Finds look-alikes: paths that our rules tell apart and many services do not (other case, a slash at the
 * end, encoding where none is needed, `;…`). Holds the same patterns as the trie, folded.
 */
export class LookAlikes<T> {
  readonly #folded = new Trie<Set<T>>();
  /** Patterns are odd themselves, so that a plain path may be the look-alike of one. */
  #oddPatterns = false;

  add(pattern: PathPattern, value: T): void {
    if (pattern.segments.some((segment) => segment.kind === "static" && ODD.test(segment.text)))
      this.#oddPatterns = true;
    const last = pattern.segments.at(-1);
    if (pattern.segments.length > 1 && last?.kind === "static" && last.text === "") this.#oddPatterns = true;
    this.#folded.ensure(foldPattern(pattern), () => new Set<T>()).add(value);
  }

  /** True where paths of the pattern need `isLookAlike`. To be asked once all patterns are in. */
  needsCheck(pattern: PathPattern): boolean {
    return this.#folded.hasRivals(foldPattern(pattern));
  }

  /** True where the path, found to be `value`, would be another pattern's for a careless service. */
  isLookAlike(path: string, value: T): boolean {
    if (!this.#oddPatterns && !ODD.test(path)) return false;
    const found = this.#folded.find(foldPath(path));
    return found !== null && !found.has(value);
  }
}

/** Empty segments are dropped, because many services do; no segment is left of `/`. */
function foldPath(path: string): string {
  const segments = path.slice(1).split("/").map(foldSegment);
  return segments.map((segment) => (segment === "" ? "" : `/${segment}`)).join("");
}

function foldPattern(pattern: PathPattern): PathPattern {
  const segments: Segment[] = [];
  for (const segment of pattern.segments) {
    const folded = segment.kind === "static" ? { kind: segment.kind, text: foldSegment(segment.text) } : segment;
    if (folded.kind === "param" || folded.text !== "") segments.push(folded);
  }
  return { text: pattern.text, segments, open: pattern.open };
}
