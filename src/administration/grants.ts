import type { Clock } from "../core/clock.ts";
import { type ClientId, type GrantId, isGrantId, type PersonId } from "../core/ids.ts";
import type { Clients } from "../store/clients.ts";
import { type GrantRecord, type Grants, type GrantsOf, grantState } from "../store/grants.ts";
import type { People } from "../store/people.ts";
import type { Settings } from "../store/settings.ts";
import type { GrantQuery, GrantsAdministration, GrantView } from "./administration.ts";
import { grantFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { cursorAs, pageOf, scan } from "./paging.ts";

interface GrantsDeps {
  readonly grants: Pick<Grants, "get" | "list" | "revoke">;
  readonly people: Pick<People, "get">;
  readonly clientStore: Pick<Clients, "get">;
  readonly settings: { read(): Promise<Settings> };
  readonly clock: Pick<Clock, "now">;
  readonly trail: AuditTrail;
}

/** What people allowed clients, in the hands of an administrator. */
export function createGrantsAdministration(deps: GrantsDeps): GrantsAdministration {
  const { grants, settings, clock, trail } = deps;
  return {
    async list(query) {
      const current = await settings.read();
      const { items, next } = await listGrants(deps, query, current);
      return { items: await viewsOf(items, deps, current), next };
    },
    async get(id) {
      const record = await grants.get(id);
      return record === null ? null : ((await viewsOf([record], deps, await settings.read()))[0] ?? null);
    },
    async revoke(actor, id) {
      const before = await grants.get(id);
      const record = await grants.revoke(id, clock.now());
      if (before === null || record === null) return { kind: "not_found" };
      if (before.revokedAt !== null) return { kind: "unchanged", record };
      const fields = { before: grantFields(before), after: grantFields(record) };
      trail.record(actor, { action: "grant.revoke", target: id, ...fields });
      return { kind: "changed", before, record };
    },
  };
}

async function listGrants({ grants, clock }: GrantsDeps, query: GrantQuery, settings: Settings) {
  const { client, limit, person, state } = query;
  const page = cursorAs(query.after, isGrantId);
  const of: GrantsOf = person !== undefined ? { person } : client !== undefined ? { client } : "all";
  const bothAsked = person !== undefined && client !== undefined;
  if (state === undefined && !bothAsked) {
    return pageOf(await grants.list(of, { ...page, limit: limit + 1 }), limit, ({ id }) => id);
  }
  const now = clock.now();
  const keep = (grant: GrantRecord): boolean =>
    (client === undefined || grant.client === client) &&
    (state === undefined || grantState(grant, settings, now) === state);
  const read = (part: { readonly after?: GrantId; readonly limit: number }) => grants.list(of, part);
  return scan({ read, keep, idOf: ({ id }) => id, page, limit });
}

async function viewsOf(
  records: readonly GrantRecord[],
  { people, clientStore, clock }: GrantsDeps,
  settings: Settings,
): Promise<readonly GrantView[]> {
  const now = clock.now();
  const personOf = once(async (id: PersonId) => {
    const found = await people.get(id);
    return found === null ? null : { name: found.name, email: found.email };
  });
  const clientOf = once(async (id: ClientId) => {
    const found = await clientStore.get(id);
    return found === null ? null : { name: found.name };
  });
  return Promise.all(
    records.map(async (record) => ({
      record,
      state: grantState(record, settings, now),
      person: await personOf(record.person),
      client: await clientOf(record.client),
    })),
  );
}

/** Each id is looked up once. */
function once<Id, T>(find: (id: Id) => Promise<T>): (id: Id) => Promise<T> {
  const known = new Map<Id, Promise<T>>();
  return (id) => {
    const found = known.get(id) ?? find(id);
    known.set(id, found);
    return found;
  };
}
