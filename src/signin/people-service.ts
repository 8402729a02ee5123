import type { Clock } from "../core/clock.ts";
import type { FieldProblem } from "../core/field-problem.ts";
import { isPersonId, type PersonId, type PortalId, type Scope } from "../core/ids.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import { checkName, type Rights } from "../core/request-checks.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { Grants } from "../store/grants.ts";
import type { People, PersonRecord, Role } from "../store/people.ts";
import { requireVersion, rewrite } from "../store/typed-document.ts";
import { hasActiveAdministrator } from "./administrators.ts";
import { type Passwords, passwordProblem } from "./password.ts";
import { checkPortals, checkScopesOrAll, normalizedEmail } from "./person-fields.ts";
import { newPersonId } from "./person-id.ts";
import type { Sessions } from "./sessions.ts";

/** What a new person should be, as it came in: nothing in it is trusted. */
export interface PersonRequest {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** What the person may grant to a client. */
  readonly scopes: readonly string[] | "all";
  readonly portals: readonly string[] | "all";
  /** `null` for somebody who signs in elsewhere. */
  readonly password: string | null;
  readonly createdBy: string;
}

/** What is to change; what is left out stays. */
export interface PersonEdit {
  readonly name?: string;
  readonly role?: Role;
  readonly scopes?: readonly string[] | "all";
  readonly portals?: readonly string[] | "all";
}

export function emailTaken(email: string): InvalidRequest {
  return new InvalidRequest([{ field: "email", text: `the email ${email} is taken` }]);
}

/** Somebody who is not in the store yet. */
export type NewPerson = Omit<PersonRecord, "version">;

export type PersonChange =
  | { readonly kind: "changed"; readonly before: PersonRecord; readonly person: PersonRecord }
  /** It was so already. */
  | { readonly kind: "unchanged"; readonly person: PersonRecord }
  | { readonly kind: "not_found" }
  /** Nobody else is an administrator who may sign in. */
  | { readonly kind: "last_administrator"; readonly person: PersonRecord };

/**
 * Life of people. Every method rejects with `StoreUnavailable` where the store does not answer. With a `version`, a
 * change rejects with `VersionConflict` where the record has another.
 */
export interface PeopleService {
  /**
   * The record that `add` would store, for who has more to do before. Rejects with `InvalidRequest` that names
   * every problem, and with `PasswordsBusy`.
   */
  prepare(request: PersonRequest): Promise<NewPerson>;
  /** Rejects with `PasswordsBusy`, and with `InvalidRequest` that names every problem; an email that is taken is one. */
  add(request: PersonRequest): Promise<PersonRecord>;
  /**
   * Sets the password, and ends sessions and grants: whoever knew the old one may have allowed a client. Rejects with
   * `InvalidRequest`.
   */
  setPassword(id: PersonId, password: string, version?: number): Promise<PersonChange>;
  /** Ends sessions and grants, and with them every token. */
  disable(id: PersonId, version?: number): Promise<PersonChange>;
  enable(id: PersonId, version?: number): Promise<PersonChange>;
  /** The new rights count from the next request on. Rejects with `InvalidRequest`. */
  edit(id: PersonId, changes: PersonEdit, version?: number): Promise<PersonChange>;
  /** Newest first. */
  list(page: { readonly after?: PersonId; readonly limit: number }): Promise<readonly PersonRecord[]>;
  /** By id or by email, however that is written. */
  get(idOrEmail: string): Promise<PersonRecord | null>;
}

export interface PeopleServiceOptions {
  readonly people: People;
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly passwords: Passwords;
  /** The catalogue in force: scope → what it means. */
  readonly scopes: () => ReadonlyMap<Scope, string>;
  /** The portals that the rules list; where they list none, any portal id will do. */
  readonly portals: () => readonly { readonly id: PortalId }[];
}

/** See `PeopleService`. */
export function createPeopleService(options: PeopleServiceOptions): PeopleService {
  const { people, sessions, clock, randomBytes, passwords } = options;
  const change = changer(people);
  const rights = (): Rights => ({ scopes: options.scopes(), portals: options.portals() });

  async function prepare(request: PersonRequest): Promise<NewPerson> {
    const checked = checkRequest(request, rights());
    return {
      ...checked,
      id: newPersonId(randomBytes),
      password: request.password === null ? null : await passwords.hash(request.password),
      company: null,
      createdAt: clock.now(),
      disabledAt: null,
      lastSignInAt: null,
    };
  }

  return {
    prepare,
    async add(request) {
      const record = await prepare(request);
      const made = await people.create(record);
      if (made !== null) return made;
      throw emailTaken(record.email);
    },
    setPassword: (id, password, version) => setPassword(id, password, version, options),
    async disable(id, version) {
      const changed = await change(id, version, (person) =>
        person.disabledAt === null ? { disabledAt: clock.now() } : null,
      );
      // A repeated call does what an earlier one may have left undone.
      if (changed.kind === "changed" || changed.kind === "unchanged") {
        await endAccess(id, options);
      }
      return changed;
    },
    async enable(id, version) {
      // A sign-in that ran while the person was being disabled may have left a session, which must not come back.
      await sessions.endAll(id);
      return change(id, version, (person) =>
        person.disabledAt === null ? null : { disabledAt: null, enabledAt: clock.now() },
      );
    },
    async edit(id, changes, version) {
      const checked = checkEdit(changes, rights());
      return change(id, version, (person) => (isSame(person, checked) ? null : checked));
    },
    list: (page) => people.list(page),
    get: (idOrEmail) => findPerson(people, idOrEmail),
  };
}

async function setPassword(
  id: PersonId,
  password: string,
  version: number | undefined,
  options: PeopleServiceOptions,
): Promise<PersonChange> {
  const { passwords, people } = options;
  const person = await people.get(id);
  if (person === null) return { kind: "not_found" };
  requireVersion(person, version);
  const problem = person.company === null ? passwordProblem(password, person.email) : COMPANY_PASSWORD;
  if (problem !== null) throw new InvalidRequest([{ field: "password", text: problem }]);
  const hashed = await passwords.hash(password);
  const changed = await changer(people)(id, version, () => ({ password: hashed }));
  await endAccess(id, options);
  return changed;
}

/** Sessions first: from then on nobody can grant anything. */
async function endAccess(person: PersonId, { clock, grants, sessions }: PeopleServiceOptions): Promise<void> {
  await sessions.endAll(person);
  await grants.revokeAll({ person }, clock.now());
}

const COMPANY_PASSWORD = "this person signs in through the company's provider and has no password here";

async function findPerson(people: People, idOrEmail: string): Promise<PersonRecord | null> {
  if (isPersonId(idOrEmail)) return people.get(idOrEmail);
  const email = normalizedEmail(idOrEmail);
  return email === null ? null : people.findByEmail(email);
}

/** What to write over a record; `null` where it is as it should be. */
type Next = (person: PersonRecord) => Partial<Omit<PersonRecord, "id" | "version">> | null;

/** Changes the person of an id, of a version where one is asked for. */
function changer(people: People) {
  return (id: PersonId, version: number | undefined, next: Next): Promise<PersonChange> =>
    changePerson(people, id, (person) => {
      requireVersion(person, version);
      return next(person);
    });
}

async function changePerson(people: People, id: PersonId, next: Next): Promise<PersonChange> {
  const changed = (person: PersonRecord | null): PersonRecord | null => {
    const changes = person === null ? null : next(person);
    return person === null || changes === null ? null : { ...person, ...changes };
  };
  const { before, written } = await rewrite(
    () => people.get(id),
    async (person) => {
      const wanted = changed(person);
      return (await losesTheLast(people, person, wanted)) ? null : wanted;
    },
    (wanted) => people.update(wanted),
  );
  if (before === null) return { kind: "not_found" };
  if (written === null) return { kind: changed(before) === null ? "unchanged" : "last_administrator", person: before };
  if (!(await losesTheLast(people, before, written))) return { kind: "changed", before, person: written };
  // Two administrators took each other away at once. Whoever looks last sees that none is left and takes it back.
  return { kind: "last_administrator", person: await restoreAdministrator(people, before) };
}

/** True where nobody is an administrator who may sign in once `before` is as `after`. */
async function losesTheLast(people: People, before: PersonRecord | null, after: PersonRecord | null): Promise<boolean> {
  if (before === null || after === null) return false;
  if (!isActiveAdministrator(before) || isActiveAdministrator(after)) return false;
  return !(await hasActiveAdministrator(people, before.id));
}

/** Whatever else was changed in the record meanwhile stays. */
async function restoreAdministrator(people: People, { id, role, disabledAt }: PersonRecord): Promise<PersonRecord> {
  const { written } = await rewrite(
    () => people.get(id),
    (current) => (current === null ? null : { ...current, role, disabledAt }),
    (restored) => people.update(restored),
  );
  // Nobody removes people.
  if (written === null) throw new Error(`the record of ${id} is gone`);
  return written;
}

function isActiveAdministrator(person: PersonRecord): boolean {
  return person.role === "admin" && person.disabledAt === null;
}

type Checked = Pick<PersonRecord, "email" | "name" | "role" | "scopes" | "portals" | "createdBy">;

function checkRequest(request: PersonRequest, rights: Rights): Checked {
  const problems: FieldProblem[] = [];
  const email = normalizedEmail(request.email);
  if (email === null) problems.push({ field: "email", text: "the email is none: expected NAME@HOST" });
  const name = checkName(request.name, problems);
  const scopes = checkScopesOrAll(request.scopes, rights, problems);
  const portals = checkPortals(request.portals, rights, problems);
  if (request.password !== null) {
    const problem = passwordProblem(request.password, email ?? "");
    if (problem !== null) problems.push({ field: "password", text: problem });
  }
  if (problems.length > 0 || email === null) throw new InvalidRequest(problems);
  return { email, name, role: request.role, scopes, portals, createdBy: request.createdBy };
}

type CheckedEdit = Partial<Pick<PersonRecord, "name" | "role" | "scopes" | "portals">>;

function checkEdit(changes: PersonEdit, rights: Rights): CheckedEdit {
  const problems: FieldProblem[] = [];
  const checked: CheckedEdit = {
    ...(changes.name === undefined ? {} : { name: checkName(changes.name, problems) }),
    ...(changes.role === undefined ? {} : { role: changes.role }),
    ...(changes.scopes === undefined ? {} : { scopes: checkScopesOrAll(changes.scopes, rights, problems) }),
    ...(changes.portals === undefined ? {} : { portals: checkPortals(changes.portals, rights, problems) }),
  };
  if (problems.length > 0) throw new InvalidRequest(problems);
  return checked;
}

function isSame(person: PersonRecord, { name, role, scopes, portals }: CheckedEdit): boolean {
  if (name !== undefined && name !== person.name) return false;
  if (role !== undefined && role !== person.role) return false;
  if (scopes !== undefined && scopes.join(" ") !== person.scopes.join(" ")) return false;
  return portals === undefined || (portals ?? ["all"]).join(" ") === (person.portals ?? ["all"]).join(" ");
}
