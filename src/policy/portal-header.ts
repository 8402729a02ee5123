import { type Deny, deny } from "../core/decision.ts";
import { foldFieldName } from "../core/field-name.ts";
import { trimFieldValue } from "../core/trim.ts";

const TWICE = deny("ambiguous_portal", "the header that names the portal stands twice");
const LIST = deny("ambiguous_portal", "the header that names the portal has a list");
const LOOK_ALIKE = deny("ambiguous_portal", "a header is a look-alike of the one that is read");
const HOP_BY_HOP = deny("ambiguous_portal", "`Connection` names the header, so the upstream would not see it");

/** The value of one header, by its name in lower case. Two values, or two readings of one, are a refusal. */
export function readHeaderPortal(rawHeaders: readonly string[], name: string): string | null | Deny {
  let found: string | null = null;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const field = rawHeaders[at] ?? "";
    if (field.length !== name.length && field.length !== CONNECTION.length) continue;
    const lower = field.toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    if (lower === name) {
      if (found !== null) return TWICE;
      if (value.includes(",")) return LIST;
      found = trimFieldValue(value);
    } else if (lower === CONNECTION) {
      if (listHas(value, name)) return HOP_BY_HOP;
    } else if (foldFieldName(lower) === name) {
      return LOOK_ALIKE;
    }
  }
  return found;
}

const CONNECTION = "connection";

function listHas(value: string, name: string): boolean {
  return value
    .toLowerCase()
    .split(",")
    .some((token) => token.trim() === name);
}
