import { fold } from "../core/fold.ts";
import type { PathPattern, Segment } from "./pattern.ts";
import { Trie } from "./trie.ts";

/**
 * What a careless service may take for the same segment: decoded, in lower case, without `;…`, and without
 * dots and spaces at the end. Dot segments stay what they are.
 */
export function foldSegment(segment: string): string {
  const text = fold(segment.includes("%") ? decodeURIComponent(segment) : segment);
  const parameters = text.indexOf(";");
  const name = withoutEnd(parameters === -1 ? text : text.slice(0, parameters), " ");
  return name === "." || name === ".." ? name : withoutEnd(name, ". ");
}

/** `text` without the characters of `dropped` at its end. */
function withoutEnd(text: string, dropped: string): string {
  let end = text.length;
  while (end > 0 && dropped.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** A folded segment without the suffix that Rails and Spring take for a format; `null` where it has none. */
export function withoutFormat(segment: string): string | null {
  const dot = segment.lastIndexOf(".");
  return dot > 0 && FORMAT.test(segment.slice(dot + 1)) ? segment.slice(0, dot) : null;
}

const FORMAT = /^[a-z0-9]{1,8}$/;

/** Other paths fold to themselves and have no suffix: no upper case, no encoding, no `;`, no `.`, no `/` at the end. */
const ODD = /[A-Z%;.]|.\/$/;

/** Patterns that fold to the same. */
interface Alike<T> {
  readonly folded: PathPattern;
  readonly values: Set<T>;
}

/**
 * Finds look-alikes: paths that our rules tell apart and many services do not (other case, a slash, dot or
 * space at the end, a suffix such as `.json`, encoding where none is needed, `;…`). Holds the same patterns
 * as the trie, folded.
 */
export class LookAlikes<T> {
  readonly #folded = new Trie<Alike<T>>();
  /** Patterns are odd themselves, so that a plain path may be the look-alike of one. */
  #oddPatterns = false;

  add(pattern: PathPattern, value: T): void {
    if (pattern.segments.some((segment) => segment.kind === "static" && foldSegment(segment.text) !== segment.text))
      this.#oddPatterns = true;
    const last = pattern.segments.at(-1);
    if (pattern.segments.length > 1 && last?.kind === "static" && last.text === "") this.#oddPatterns = true;
    const folded = foldPattern(pattern);
    this.#folded.ensure(folded, () => ({ folded, values: new Set<T>() })).values.add(value);
  }

  /** True where paths of the pattern need `isLookAlike`. To be asked once all patterns are in. */
  needsCheck(pattern: PathPattern): boolean {
    return this.#folded.hasRivals(foldPattern(pattern));
  }

  /** True where the path, found to be `value`, would be another pattern's for a careless service. */
  isLookAlike(path: string, value: T): boolean {
    if (!this.#oddPatterns && !ODD.test(path)) return false;
    const segments = foldPath(path);
    const found = this.#folded.find(pathOf(segments));
    return (found !== null && !found.values.has(value)) || this.#isFormat(segments, value);
  }

  /** True where the last segment is the static text of another pattern with a suffix behind it. */
  #isFormat(segments: readonly string[], value: T): boolean {
    const stem = withoutFormat(segments.at(-1) ?? "");
    if (stem === null) return false;
    const found = this.#folded.find(pathOf([...segments.slice(0, -1), stem]));
    if (found === null || found.values.has(value)) return false;
    return found.folded.segments[segments.length - 1]?.kind === "static";
  }
}

/** Empty segments are dropped and dot segments resolved, because many services do. */
function foldPath(path: string): readonly string[] {
  const segments: string[] = [];
  for (const segment of path.slice(1).split("/").map(foldSegment)) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

/** No segment is left of `/`. */
function pathOf(segments: readonly string[]): string {
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
