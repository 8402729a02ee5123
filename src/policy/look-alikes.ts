import { fold } from "../core/fold.ts";
import type { PathPattern, Segment } from "./pattern.ts";
import { Trie } from "./trie.ts";

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

/** Empty segments are dropped and dot segments resolved, because many services do; no segment is left of `/`. */
function foldPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.slice(1).split("/").map(foldSegment)) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments.map((segment) => `/${segment}`).join("");
}

function foldPattern(pattern: PathPattern): PathPattern {
  const segments: Segment[] = [];
  for (const segment of pattern.segments) {
    const folded = segment.kind === "static" ? { kind: segment.kind, text: foldSegment(segment.text) } : segment;
    if (folded.kind === "param" || folded.text !== "") segments.push(folded);
  }
  return { text: pattern.text, segments, open: pattern.open };
}
