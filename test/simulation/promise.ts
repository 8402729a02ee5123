import type { ChangeTag } from "../../src/core/change-tag.ts";
import type { Seen, SimCredential } from "./subjects.ts";

/** What has been promised: the version of each record that whoever asks from now on must be judged by, or a later one. */
export class Promises {
  readonly #promised = new Map<ChangeTag, number>();
  #losses = 0;

  /** How often the store lost what it had acknowledged. What was promised before may be void. */
  get losses(): number {
    return this.#losses;
  }

  /** A call on this record returned success. */
  made(tag: ChangeTag, version: number): void {
    this.#promised.set(tag, Math.max(version, this.#promised.get(tag) ?? 0));
  }

  /** The store has this version of a record now, and perhaps lost later ones. */
  lost(stored: (tag: ChangeTag) => number): void {
    this.#losses += 1;
    for (const [tag, version] of this.#promised) this.#promised.set(tag, Math.min(version, stored(tag)));
  }

  /** What holds for a credential now. */
  of({ tags }: SimCredential): Terms {
    return { losses: this.#losses, versions: new Map(tags.map((tag) => [tag, this.#promised.get(tag) ?? 0])) };
  }

  /** Which record of those that an answer was made of is older than the terms allow; `null` is none. */
  broken(terms: Terms, seen: Seen): ChangeTag | null {
    if (terms.losses !== this.#losses) return null;
    for (const [tag, version] of terms.versions) {
      if ((seen.get(tag)?.version ?? 0) < version) return tag;
    }
    return null;
  }
}

/** What was promised for a credential at some moment. */
export interface Terms {
  readonly losses: number;
  readonly versions: ReadonlyMap<ChangeTag, number>;
}
