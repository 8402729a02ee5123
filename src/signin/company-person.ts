import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { PortalId, Scope } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { People, PersonRecord } from "../store/people.ts";
import { rewrite } from "../store/typed-document.ts";
import { newPersonId } from "./person-id.ts";

type Company = NonNullable<Config["signin"]["company"]>;
type Granted = Pick<PersonRecord, "role" | "scopes" | "portals">;

/** Who the company's provider says the person is. */
export interface CompanyIdentity extends Granted {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  readonly name: string;
}

export type CompanyPerson =
  | { readonly kind: "person"; readonly person: PersonRecord }
  | { readonly kind: "disabled"; readonly person: PersonRecord }
  /** Somebody else here has the email: a local account, which a provider must never take over. */
  | { readonly kind: "email_taken"; readonly email: string };

/**
 * What the groups of a person give: the union over those that the configuration names; `null` where it names none.
 * `all` of the scopes is the catalogue as it is now.
 */
export function rightsOfGroups(
  names: readonly string[],
  groups: Company["groups"],
  catalogue: ReadonlyMap<Scope, string>,
): Granted | null {
  const found = names.filter((name) => Object.hasOwn(groups, name)).map((name) => groups[name]);
  const given = found.filter((group) => group !== undefined);
  if (given.length === 0) return null;
  const scopes = new Set(given.flatMap((group) => (group.scopes === "all" ? [...catalogue.keys()] : group.scopes)));
  const portals = new Set<PortalId>();
  let everywhere = false;
  for (const group of given) {
    if (group.portals === "all") everywhere = true;
    else for (const portal of group.portals) portals.add(portal);
  }
  return {
    role: given.some(({ role }) => role === "admin") ? "admin" : "member",
    scopes: [...scopes],
    portals: everywhere ? null : [...portals],
  };
}

/**
 * Finds or makes the person, and writes what the provider says over what was known: rights follow the groups. One who
 * was disabled here stays disabled. Known by issuer and subject alone: an email may pass to somebody else.
 */
export async function personFromCompany(
  identity: CompanyIdentity,
  { people, clock, randomBytes }: { readonly people: People; readonly clock: Clock; readonly randomBytes: RandomBytes },
): Promise<CompanyPerson> {
  const { issuer, subject, ...said } = identity;
  const company = `${issuer} ${subject}`;
  const { before, written } = await rewrite(
    () => people.findByCompany(company),
    async (known) => {
      if (known !== null && known.disabledAt !== null) return null;
      const holder = await people.findByEmail(said.email);
      if (holder !== null && holder.id !== known?.id) return null;
      const now = clock.now();
      if (known !== null) return { ...known, ...said, lastSignInAt: now };
      const times = { createdAt: now, disabledAt: null, lastSignInAt: now };
      return { ...said, ...times, id: newPersonId(randomBytes), company, password: null, createdBy: "company sign-in" };
    },
    (person) => ("version" in person ? people.update(person) : people.create(person)),
  );
  if (written !== null) return { kind: "person", person: written };
  if (before !== null && before.disabledAt !== null) return { kind: "disabled", person: before };
  return { kind: "email_taken", email: said.email };
}
