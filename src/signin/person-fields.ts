import { z } from "zod";
import type { FieldProblem } from "../core/field-problem.ts";
import type { PortalId, Scope } from "../core/ids.ts";
import { checkPortal, checkScopes, type Rights } from "../core/request-checks.ts";

const MAX_EMAIL = 254;
const MAX_PORTALS = 1000;
const emailSchema = z.email().max(MAX_EMAIL);

/** Trimmed and in lower case; `null` where it is no email of at most 254 characters. */
export function normalizedEmail(text: string): string | null {
  if (text.length > 2 * MAX_EMAIL) return null;
  const parsed = emailSchema.safeParse(text.trim().toLowerCase());
  return parsed.success ? parsed.data : null;
}

/** As `checkScopes`; `all` is the whole catalogue. */
export function checkScopesOrAll(
  wanted: readonly string[] | "all",
  rights: Rights,
  problems: FieldProblem[],
): readonly Scope[] {
  return wanted === "all" ? [...rights.scopes.keys()] : checkScopes(wanted, rights, problems);
}

/** The portals, each once; `all` is `null`. Adds to `problems` those that the rules do not list. */
export function checkPortals(
  wanted: readonly string[] | "all",
  rights: Rights,
  problems: FieldProblem[],
): readonly PortalId[] | null {
  if (wanted === "all") return null;
  const add = (text: string): void => void problems.push({ field: "portals", text });
  if (wanted.length === 0) add("name a portal, or all");
  if (wanted.length > MAX_PORTALS) add(`more than ${MAX_PORTALS} portals`);
  const known = new Set<PortalId>();
  for (const portal of wanted.slice(0, MAX_PORTALS)) {
    const checked = checkPortal(portal, rights, problems, "portals");
    if (checked !== null) known.add(checked);
  }
  return [...known];
}
