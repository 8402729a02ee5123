import { z } from "zod";
import { isPortalId, isScope, type PortalId, type Scope } from "../core/ids.ts";
import { inCatalogue } from "../core/scopes.ts";
import { suggestion } from "../core/suggest.ts";

/** What there is to grant. */
export interface Rights {
  /** The catalogue: scope → what it means. */
  readonly scopes: ReadonlyMap<Scope, string>;
  /** The portals that the rules list; where they list none, any portal id will do. */
  readonly portals: readonly { readonly id: PortalId }[];
}

/** What is wrong with one field, as a sentence for people. */
export interface FieldProblem {
  readonly field: "email" | "name" | "scopes" | "portals" | "password";
  readonly text: string;
}

const MAX_EMAIL = 254;
const MAX_NAME = 100;
const MAX_PORTALS = 1000;
// Controls, line breaks, and what turns or hides text.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\u2028\u2029]/u;
const emailSchema = z.email().max(MAX_EMAIL);

/** Trimmed and in lower case; `null` where it is no email of at most 254 characters. */
export function normalizedEmail(text: string): string | null {
  if (text.length > 2 * MAX_EMAIL) return null;
  const parsed = emailSchema.safeParse(text.trim().toLowerCase());
  return parsed.success ? parsed.data : null;
}

/** The name, trimmed. Adds to `problems` what is wrong with it. */
export function checkName(text: string, problems: FieldProblem[]): string {
  const name = text.trim();
  const add = (problem: string): void => void problems.push({ field: "name", text: problem });
  if (name === "") add("the name is empty");
  else if (name.length > MAX_NAME) add(`the name is longer than ${MAX_NAME} characters`);
  if (UNSEEN.test(name)) add("the name holds characters that cannot be seen");
  return name;
}

/** The scopes, each once; `all` is the whole catalogue. Adds to `problems` those that it does not have. */
export function checkScopes(
  wanted: readonly string[] | "all",
  { scopes }: Rights,
  problems: FieldProblem[],
): readonly Scope[] {
  if (wanted === "all") return [...scopes.keys()];
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

/** The portals, each once; `all` is `null`. Adds to `problems` those that the rules do not list. */
export function checkPortals(
  wanted: readonly string[] | "all",
  { portals }: Rights,
  problems: FieldProblem[],
): readonly PortalId[] | null {
  if (wanted === "all") return null;
  const add = (text: string): void => void problems.push({ field: "portals", text });
  if (wanted.length === 0) add("name a portal, or all");
  if (wanted.length > MAX_PORTALS) add(`more than ${MAX_PORTALS} portals`);
  const listed = portals.map(({ id }) => id);
  const known = new Set<PortalId>();
  for (const portal of wanted.slice(0, MAX_PORTALS)) {
    if (!isPortalId(portal)) add(`${JSON.stringify(portal)} is no portal id: 1 to 64 of A-Z a-z 0-9 . _ ~ -`);
    else if (listed.length === 0 || listed.includes(portal)) known.add(portal);
    else add(`unknown portal ${JSON.stringify(portal)}${suggestion(portal, listed)}; known: ${listed.join(", ")}`);
  }
  return [...known];
}
