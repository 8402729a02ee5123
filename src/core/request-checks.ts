import type { FieldProblem } from "./field-problem.ts";
import { isPortalId, isScope, type PortalId, type Scope } from "./ids.ts";
import { inCatalogue } from "./scopes.ts";
import { suggestion } from "./suggest.ts";

/** What requests for keys, clients and people have in common. Each check adds what is wrong to `problems`. */

/** What the rules know. */
export interface Rights {
  /** The catalogue: scope → what it means. */
  readonly scopes: ReadonlyMap<Scope, string>;
  /** The portals that the rules list; where they list none, any portal id will do. */
  readonly portals: readonly { readonly id: PortalId }[];
}

const MAX_NAME = 100;
// Controls, line breaks, and what turns or hides text.
const UNSEEN = /[\p{C}\u2028\u2029]/u;

/** The name, trimmed. */
export function checkName(text: string, problems: FieldProblem[]): string {
  const name = text.trim();
  const add = (problem: string): void => void problems.push({ field: "name", text: problem });
  if (name === "") add("the name is empty");
  else if (name.length > MAX_NAME) add(`the name is longer than ${MAX_NAME} characters`);
  if (UNSEEN.test(name)) add("the name holds control characters, or others that cannot be seen");
  return name;
}

/** The scopes, each once. */
export function checkScopes(
  wanted: readonly string[],
  { scopes }: Pick<Rights, "scopes">,
  problems: FieldProblem[],
): readonly Scope[] {
  const catalogue = new Set(scopes.keys());
  const known = new Set<Scope>();
  for (const scope of wanted) {
    if (isScope(scope) && inCatalogue(catalogue, scope)) known.add(scope);
    else {
      const text = `unknown scope ${JSON.stringify(scope)}; the catalogue has: ${[...catalogue].join(", ")}`;
      problems.push({ field: "scopes", text });
    }
  }
  return [...known];
}

/** The portal; `null`, too, where it is none that there is. */
export function checkPortal(
  wanted: string,
  { portals }: Pick<Rights, "portals">,
  problems: FieldProblem[],
  field = "portal",
): PortalId | null {
  const listed = portals.map(({ id }) => id);
  const add = (text: string): void => void problems.push({ field, text });
  if (!isPortalId(wanted)) add(`${JSON.stringify(wanted)} is no portal id: 1 to 64 of A-Z a-z 0-9 . _ ~ -`);
  else if (listed.length === 0 || listed.includes(wanted)) return wanted;
  else add(`unknown portal ${JSON.stringify(wanted)}${suggestion(wanted, listed)}; known: ${listed.join(", ")}`);
  return null;
}
