import { isPersonId, type PersonId } from "../core/ids.ts";
import type { PeopleService, PersonChange } from "../signin/people-service.ts";
import type { Sessions } from "../signin/sessions.ts";
import type { PersonRecord } from "../store/people.ts";
import type { ChangeLog } from "../store/types.ts";
import type { Actor } from "./actor.ts";
import type { PeopleAdministration, PersonChanged, PersonChanges, SessionView } from "./administration.ts";
import { personFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { Authority } from "./authority.ts";
import { checked, orConflict } from "./invalid.ts";
import { cursorAs, pageOf, scan } from "./paging.ts";

/** Hexadecimal digits of a session's digest that name it. */
const SESSION_DIGITS = 24;

export interface PeopleAdministrationDeps {
  readonly people: PeopleService;
  readonly sessions: Pick<Sessions, "list" | "endAll">;
  readonly trail: AuditTrail;
  readonly authority: Authority;
  readonly changes: Pick<ChangeLog, "settled">;
}

/** People in the hands of an administrator. */
export function createPeopleAdministration(deps: PeopleAdministrationDeps): PeopleAdministration {
  const { authority, changes: log, people, sessions, trail } = deps;

  async function change(actor: Actor, action: string, id: PersonId, work: Promise<PersonChange>) {
    const outcome = toChanged(await orConflict(work));
    // Whoever made it so may still wait for other instances, or have failed while they did.
    if (outcome.kind === "unchanged") await log.settled();
    if (outcome.kind !== "changed") return outcome;
    const { before, record } = outcome;
    trail.record(actor, { action, target: id, before: personFields(before), after: personFields(record) });
    return outcome;
  }

  return {
    async list({ after, limit, search }) {
      const page = cursorAs(after, isPersonId);
      if (search === undefined || search === "") {
        return pageOf(await people.list({ ...page, limit: limit + 1 }), limit, ({ id }) => id);
      }
      const keep = finder(search);
      return scan({ read: (part) => people.list(part), keep, idOf: ({ id }) => id, page, limit });
    },
    get: (idOrEmail) => people.get(idOrEmail),
    async add(actor, person) {
      trail.requireRecord();
      if (person.role === "admin") authority.requireOf(actor, "person.add", null);
      const record = await checked(people.add({ ...person, createdBy: actor.subject }));
      trail.record(actor, { action: "person.add", target: record.id, before: null, after: personFields(record) });
      return record;
    },
    async edit(actor, id, changes, version) {
      trail.requireRecord();
      const wanted = await editable(actor, id, changes, deps);
      return change(actor, "person.edit", id, people.edit(id, given(wanted), version));
    },
    async setPassword(actor, id, password, version) {
      trail.requireRecord();
      authority.requireOf(actor, "person.password", id);
      return change(actor, "person.password", id, people.setPassword(id, password, version));
    },
    disable: (actor, id, version) => change(actor, "person.disable", id, people.disable(id, version)),
    async enable(actor, id, version) {
      trail.requireRecord();
      if (await isAdministrator(people, id)) authority.requireOf(actor, "person.enable", id);
      return change(actor, "person.enable", id, people.enable(id, version));
    },
    sessions: (id) => viewSessions(sessions, id),
    async endSessions(actor, id) {
      const person = await people.get(id);
      if (person === null) return { kind: "not_found" };
      const count = await sessions.endAll(id);
      const counted = { before: { sessions: count }, after: { sessions: 0 } };
      if (count > 0) trail.record(actor, { action: "person.end_sessions", target: id, ...counted });
      return { kind: "ended", count };
    },
  };
}

/** The changes, where the actor may make them. Throws as `Authority.requireOf`. */
async function editable(
  actor: Actor,
  id: PersonId,
  changes: PersonChanges,
  { authority, people }: PeopleAdministrationDeps,
): Promise<PersonChanges> {
  if (changes.role !== "admin") return changes;
  // A role that is so already is left out: it could undo what somebody else does meanwhile.
  if (await isAdministrator(people, id)) return { ...changes, role: undefined };
  authority.requireOf(actor, "person.edit", id);
  return changes;
}

async function isAdministrator(people: Pick<PeopleService, "get">, id: PersonId): Promise<boolean> {
  return (await people.get(id))?.role === "admin";
}

async function viewSessions(sessions: Pick<Sessions, "list">, id: PersonId): Promise<readonly SessionView[]> {
  const stored = await sessions.list(id);
  return stored.map(({ sessionId, ...times }) => ({ id: `ses_${sessionId.slice(0, SESSION_DIGITS)}`, ...times }));
}

type Outcome = PersonChange | { readonly kind: "conflict" };

function toChanged(outcome: Outcome): PersonChanged {
  switch (outcome.kind) {
    case "changed":
      return { kind: "changed", before: outcome.before, record: outcome.person };
    case "unchanged":
    case "last_administrator":
      return { kind: outcome.kind, record: outcome.person };
    case "not_found":
    case "conflict":
      return { kind: outcome.kind };
  }
}

function given({ name, role, scopes, portals }: PersonChanges) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(role === undefined ? {} : { role }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(portals === undefined ? {} : { portals }),
  };
}

function finder(search: string): (person: PersonRecord) => boolean {
  const part = search.trim().toLowerCase();
  return ({ id, email, name }) => id === search || email.includes(part) || name.toLowerCase().includes(part);
}
