import type { ChangeTag } from "./change-tag.ts";

/**
 * Which keys carry a tag. Most tags are of one entry, so that a single key is kept as it is and a set is made for
 * the second one only. A tag that no key carries takes no room.
 */
export class TagIndex {
  readonly #keys = new Map<ChangeTag, string | Set<string>>();
  #pairs = 0;

  /** How many tags are carried by any key. */
  get tags(): number {
    return this.#keys.size;
  }

  /** How many pairs of tag and key there are. */
  get pairs(): number {
    return this.#pairs;
  }

  add(tag: ChangeTag, key: string): void {
    const held = this.#keys.get(tag);
    if (held === key) return;
    if (held === undefined) {
      this.#keys.set(tag, key);
    } else if (typeof held === "string") {
      this.#keys.set(tag, new Set([held, key]));
    } else {
      if (held.has(key)) return;
      held.add(key);
    }
    this.#pairs += 1;
  }

  remove(tag: ChangeTag, key: string): void {
    const held = this.#keys.get(tag);
    if (held === undefined) return;
    if (typeof held === "string") {
      if (held !== key) return;
      this.#keys.delete(tag);
    } else {
      if (!held.delete(key)) return;
      if (held.size === 0) this.#keys.delete(tag);
    }
    this.#pairs -= 1;
  }

  /** The keys that carry the tag; a copy, so that they can be removed meanwhile. */
  keysOf(tag: ChangeTag): readonly string[] {
    const held = this.#keys.get(tag);
    if (held === undefined) return [];
    return typeof held === "string" ? [held] : [...held];
  }
}
