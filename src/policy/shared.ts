import type { Scope } from "../core/ids.ts";
import { type ScopeNeed, scopeNeeds } from "../core/scopes.ts";
import type { PortalSelector } from "./types.ts";

/** What a rule needs, in the forms that it is used in. */
export interface ScopeSet {
  readonly scopes: readonly Scope[];
  readonly needs: readonly ScopeNeed[];
  /** With single spaces between. */
  readonly text: string;
}

/**
 * One object for what many rules say alike: of thousands of rules most need the same scopes and name the
 * portal in the same place, and what is shared stays in the processor's caches.
 */
export class Shared {
  readonly #scopes = new Map<string, ScopeSet>();
  readonly #selectors = new Map<string, PortalSelector>();

  scopes(scopes: readonly Scope[]): ScopeSet {
    const text = scopes.join(" ");
    const known = this.#scopes.get(text);
    if (known !== undefined) return known;
    const set = { scopes, needs: scopeNeeds(scopes), text };
    this.#scopes.set(text, set);
    return set;
  }

  selector(selector: PortalSelector): PortalSelector {
    const key = JSON.stringify(selector);
    const known = this.#selectors.get(key);
    if (known !== undefined) return known;
    this.#selectors.set(key, selector);
    return selector;
  }
}
