import { z } from "zod";
import type { PersonId, PortalId, Scope } from "../core/ids.ts";
import { personId, portal, scope, time, version } from "./record-fields.ts";
import { hashedLookup, readAs, readAllAs } from "./typed-document.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, NewDocument } from "./types.ts";

export type Role = "admin" | "member";

/** Somebody who may sign in. Times are wall clock ms. */
export interface PersonRecord {
  readonly id: PersonId;
  /** In lower case; unique. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** What the person may grant to a client. */
  readonly scopes: readonly Scope[];
  /** The portals that the person may grant access to; `null` is all. */
  readonly portals: readonly PortalId[] | null;
  /** PHC string of scrypt; `null` where the person signs in elsewhere. */
  readonly password: string | null;
  /** Who the person is at the company's provider: issuer, a space, subject. */
  readonly company: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly disabledAt: number | null;
  /** When somebody who was disabled was last enabled again. */
  readonly enabledAt?: number | undefined;
  readonly lastSignInAt: number | null;
  /** Of the stored document: `update` writes only over the version that was read. */
  readonly version: number;
}

/** People in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface People {
  /** `null` where the id, the email or the company's subject is taken. */
  create(record: Omit<PersonRecord, "version">): Promise<PersonRecord | null>;
  get(id: PersonId): Promise<PersonRecord | null>;
  findByEmail(email: string): Promise<PersonRecord | null>;
  findByCompany(company: string): Promise<PersonRecord | null>;
  /** Newest first. */
  list(page: { readonly after?: PersonId; readonly limit: number }): Promise<readonly PersonRecord[]>;
  count(): Promise<number>;
  /**
   * Writes over the version that was read, with the tag of the person, and returns it as it is then; `null` where it has
   * changed since, or where the email or the company's subject is another's.
   */
  update(record: PersonRecord): Promise<PersonRecord | null>;
}

const KIND = "person";
const EVERYONE = "all";

const personSchema = z.strictObject({
  id: personId,
  email: z.string(),
  name: z.string(),
  role: z.enum(["admin", "member"]),
  scopes: z.array(scope),
  portals: z.array(portal).nullable(),
  password: z.string().nullable(),
  company: z.string().nullable(),
  createdAt: time,
  createdBy: z.string(),
  disabledAt: time.nullable(),
  enabledAt: time.optional(),
  lastSignInAt: time.nullable(),
  version,
});

/** See `People`. */
export function createPeople(documents: DocumentStore): People {
  return {
    async create(record) {
      const made = await documents.insert(documentOf(record), tagsOf(record));
      return made ? { ...record, version: 1 } : null;
    },
    get: async (id) => readAs(personSchema, await documents.get(KIND, id)),
    findByEmail: async (email) => readAs(personSchema, await documents.find(KIND, emailLookup(email))),
    findByCompany: async (company) => readAs(personSchema, await documents.find(KIND, companyLookup(company))),
    list: async (page) => readAllAs(personSchema, await documents.list(KIND, EVERYONE, page)),
    count: () => documents.count(KIND, EVERYONE),
    async update({ version: read, ...record }) {
      const written = await documents.replace(documentOf(record), read, tagsOf(record));
      return written ? { ...record, version: read + 1 } : null;
    },
  };
}

function documentOf({ id, createdAt, ...value }: Omit<PersonRecord, "version">): NewDocument {
  const lookups = [emailLookup(value.email)];
  if (value.company !== null) lookups.push(companyLookup(value.company));
  return { kind: KIND, id, value, createdAt, expiresAt: null, lookups, groups: [EVERYONE] };
}

function tagsOf({ id }: { readonly id: PersonId }): ChangeTag[] {
  return [`person:${id}`];
}

/** One person, however the address is written. */
function emailLookup(email: string): string {
  return hashedLookup("email", email.normalize("NFC").toLowerCase());
}

function companyLookup(company: string): string {
  return hashedLookup("company", company);
}
