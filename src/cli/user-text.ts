import type { PersonRecord } from "../store/people.ts";
import { factLines, isoTime, plain } from "./list-text.ts";

/** A person as JSON for scripts: snake_case, ISO times, never the password. `portals` is `null` for all. */
export function personJson(person: PersonRecord): Record<string, unknown> {
  return {
    id: person.id,
    email: person.email,
    name: person.name,
    role: person.role,
    state: stateOf(person),
    signs_in_by: signsInBy(person),
    scopes: person.scopes,
    portals: person.portals,
    created_at: isoTime(person.createdAt),
    created_by: person.createdBy,
    disabled_at: isoTime(person.disabledAt),
    last_sign_in_at: isoTime(person.lastSignInAt),
  };
}

/** A person as one line of a list. Names may come from the company's provider. */
export function personLine(person: PersonRecord): string {
  const seen = person.lastSignInAt === null ? "never signed in" : `signed in ${isoTime(person.lastSignInAt)}`;
  return [
    person.id,
    stateOf(person).padEnd(8),
    person.role.padEnd(6),
    plain(person.email),
    portalsText(person),
    seen,
    plain(person.name),
  ].join("  ");
}

/** A person with one fact a line. */
export function personText(person: PersonRecord): string {
  return factLines({ ...personJson(person), portals: person.portals ?? "all" }, 15);
}

/** What a person may do, in one line. */
export function rightsText(person: PersonRecord): string {
  const scopes = person.scopes.length === 0 ? "no scopes" : `scopes ${person.scopes.join(" ")}`;
  return `${person.role}; ${scopes}; ${portalsText(person)}`;
}

function portalsText({ portals }: PersonRecord): string {
  if (portals === null) return "all portals";
  return portals.length === 1 ? `portal ${portals.join("")}` : `portals ${portals.join(",")}`;
}

function stateOf({ disabledAt }: PersonRecord): "active" | "disabled" {
  return disabledAt === null ? "active" : "disabled";
}

function signsInBy({ company, password }: PersonRecord): "company" | "password" | "nothing" {
  if (company !== null) return "company";
  return password === null ? "nothing" : "password";
}
