import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { Administration, GrantView } from "../../administration/administration.ts";
import { type ClientId, isClientId, isGrantId, isPersonId, type PersonId } from "../../core/ids.ts";
import { grantListPage, grantRevokePage } from "../pages/grants.ts";
import { withQuery } from "../pages/paths.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { readTexts, textOf, textParameter } from "./forms.ts";
import { pageOfList } from "./lists.ts";
import { grantRow } from "./views.ts";

/** What people allowed applications. */
export function grantRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  scope.get(paths.grants, page(desk, list));
  scope.get(`${paths.grants}/:id/revoke`, page(desk, withGrant(showRevoke)));
  scope.post(`${paths.grants}/:id/revoke`, action(desk, { tab: "grants" }, withGrant(revoke)));
}

const listQuery = z.object({ person: textOf(), client: textOf(), after: textOf(2048) });

const list: Handler = async ({ desk, request, show }) => {
  const { administration, paths } = desk;
  const query = readTexts(request.query, listQuery) ?? { person: "", client: "", after: "" };
  const person = isPersonId(query.person) ? query.person : undefined;
  const client = isClientId(query.client) ? query.client : undefined;
  const found = await pageOfList((part) => administration.grants.list({ person, client, ...part }), query.after);
  const here = (after: string | null): string => withQuery(paths.grants, { person, client, after });
  const of = await nameOf(administration, { person, client });
  const view = {
    grants: found.items.map((grant) => grantRow(grant, administration)),
    of,
    first: found.isFirst ? null : here(null),
    next: found.next === null ? null : here(found.next),
  };
  return show(200, (frame) => grantListPage(frame, view));
};

/** Whose apps are asked for, as people know them; `null` for everybody's. */
async function nameOf(
  { clients, people }: Administration,
  { client, person }: { readonly client: ClientId | undefined; readonly person: PersonId | undefined },
): Promise<string | null> {
  if (person !== undefined) return (await people.get(person))?.email ?? person;
  return client === undefined ? null : ((await clients.get(client))?.name ?? client);
}

function withGrant(work: (visit: Visit, grant: GrantView) => Promise<FastifyReply>): Handler {
  return async (visit) => {
    const { desk, request, stop } = visit;
    const id = textParameter(request.params, "id");
    const grant = isGrantId(id) ? await desk.administration.grants.get(id) : null;
    if (grant !== null) return work(visit, grant);
    const link = { label: "See the connected apps", href: desk.paths.grants };
    const text = "It has ended, or its id is not known here.";
    return stop(404, { tab: "grants", title: "There is no such access", text, link });
  };
}

async function showRevoke({ desk, leadTo, show }: Visit, grant: GrantView): Promise<FastifyReply> {
  if (grant.state !== "active") return leadTo(desk.paths.grants, "unchanged");
  return show(200, (frame) => grantRevokePage(frame, grantRow(grant, desk.administration)));
}

async function revoke({ actor, desk, leadTo }: Visit, { record }: GrantView): Promise<FastifyReply> {
  const outcome = await desk.administration.grants.revoke(actor, record.id);
  // One that has ended meanwhile is not found: it is as it was to be.
  return leadTo(desk.paths.grants, outcome.kind === "unchanged" ? "unchanged" : "grant_revoked");
}
