import type { PathPattern } from "./pattern.ts";

interface Node<T> {
  /** Made with the first static child. An object without prototype: half the cost of a Map for keys that are slices. */
  statics: Record<string, Node<T>> | null;
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
    let node: Node<T> | null = this.#root;
    for (const segment of pattern.segments) {
      if (segment.kind === "param" && node.statics !== null) return true;
      node = (segment.kind === "static" ? node.statics?.[segment.text] : node.param) ?? null;
      if (node === null) return false;
    }
    return pattern.open && (node.statics !== null || node.param !== null || node.exact !== null);
  }

  /** The most specific match of a path that `parseTarget` passed. */
  find(path: string): T | null {
    return findFrom(this.#root, path, 1);
  }
}

function emptyRecord<T>(): Record<string, T> {
  return Object.create(null);
}

function staticChild<T>(node: Node<T>, text: string): Node<T> {
  const first = node.statics === null;
  const statics = (node.statics ??= emptyRecord());
  const known = statics[text];
  if (known !== undefined) return known;
  const child = makeNode<T>();
  statics[text] = child;
  node.only = first ? { text, node: child } : null;
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
  return node.statics?.[path.slice(start, end)] ?? null;
}
