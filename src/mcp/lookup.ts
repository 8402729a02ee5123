import { fold } from "../core/fold.ts";
import type { McpNames, McpResources, McpRule, McpTemplateRule } from "../policy/types.ts";
import { foldUri } from "../policy/uri-look-alikes.ts";
import { matchTemplate, uriProblem } from "../policy/uri-template.ts";

/** What a prefix may match: names as MCP asks for them (2025-11-25, Tool Names), so no look-alike by other letters. */
const PREFIXED = /^[A-Za-z0-9_./:-]{1,128}$/;

export type NameLookup =
  | { readonly kind: "rule"; readonly rule: McpRule }
  | { readonly kind: "none" }
  /** A prefix matches, but a service that ignores case could run what another rule is for. */
  | { readonly kind: "look_alike" };

const NONE: NameLookup = { kind: "none" };
const LOOK_ALIKE: NameLookup = { kind: "look_alike" };

/** The rule of a tool or prompt: exact before prefix, the longest prefix first. */
export function findByName(names: McpNames, name: string): NameLookup {
  const exact = names.exact.get(name);
  if (exact !== undefined) return { kind: "rule", rule: exact };
  if (names.prefixes.length === 0 || !PREFIXED.test(name)) return NONE;
  const found = names.prefixes.find(({ prefix }) => name.length > prefix.length && name.startsWith(prefix));
  if (found === undefined) return NONE;
  const folded = fold(name);
  if (names.foldedExact.has(folded)) return LOOK_ALIKE;
  const carelessly = names.prefixes.find(
    (entry) => folded.startsWith(entry.folded) && name.length > entry.prefix.length,
  );
  return carelessly === found ? { kind: "rule", rule: found.rule } : LOOK_ALIKE;
}

export type UriLookup =
  | { readonly kind: "rule"; readonly rule: McpRule; readonly values: readonly string[] }
  | { readonly kind: "none" }
  | { readonly kind: "odd"; readonly detail: string };

const URI_LOOK_ALIKE: UriLookup = {
  kind: "odd",
  detail: "look-alike: many services take this URI for one of another rule",
};
const NO_VALUES: readonly string[] = [];

/** The rule of a URI with the values of its template's variables. A URI that readers could read in two ways has none. */
export function findByUri(resources: McpResources, uri: string): UriLookup {
  const detail = uriProblem(uri);
  if (detail !== null) return { kind: "odd", detail };
  const rule = resources.literals.get(uri);
  if (rule !== undefined) return { kind: "rule", rule, values: NO_VALUES };
  for (const entry of resources.templates) {
    const values = matchTemplate(entry.template, uri);
    if (values === null) continue;
    return isLookAlike(resources, uri, entry) ? URI_LOOK_ALIKE : { kind: "rule", rule: entry.rule, values };
  }
  return { kind: "none" };
}

/** True where a URI of the template `found` would be another rule's for a careless service. */
function isLookAlike({ foldedLiterals, templates }: McpResources, uri: string, found: McpTemplateRule): boolean {
  if (foldedLiterals.size === 0 && templates.length === 1) return false;
  return foldUri(uri).some(
    (folded) => foldedLiterals.has(folded) || templates.some((entry) => entry !== found && entry.folded.test(folded)),
  );
}

/** The rule that is written with exactly this template. */
export function findTemplate({ templates }: McpResources, text: string): McpRule | null {
  return templates.find(({ template }) => template.text === text)?.rule ?? null;
}
