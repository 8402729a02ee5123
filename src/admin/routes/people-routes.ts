import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { PersonRecord } from "../../store/people.ts";
import { withQuery } from "../pages/paths.ts";
import { peopleListPage } from "../pages/people-list.ts";
import { personDisablePage, personPage, personPasswordPage } from "../pages/person-detail.ts";
import { passwordIssuedPage } from "../pages/person-form.ts";
import { action, type Desk, type Handler, page, type Visit, withFreshSignin } from "./desk.ts";
import { postedVersion, readTexts, textOf } from "./forms.ts";
import { pageOfList } from "./lists.ts";
import { LAST_ADMINISTRATOR, newPassword, personNotFound, told, withPerson } from "./person-parts.ts";
import { personFormRoutes } from "./person-form-routes.ts";
import { personView } from "./views.ts";

/** Who may sign in. */
export function peopleRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  const tab = "people";
  scope.get(paths.people, page(desk, list));
  personFormRoutes(scope, desk);
  const one = `${paths.people}/:id`;
  scope.get(one, page(desk, withPerson(showPerson)));
  scope.get(`${one}/password`, page(desk, withFreshSignin(withPerson(showPassword))));
  scope.post(`${one}/password`, action(desk, { tab, once: true }, withPerson(setPassword)));
  scope.get(`${one}/disable`, page(desk, withPerson(showDisable)));
  scope.post(`${one}/disable`, action(desk, { tab }, withPerson(disable)));
  scope.get(`${one}/enable`, page(desk, withPerson(backToPerson)));
  scope.post(`${one}/enable`, action(desk, { tab }, withPerson(enable)));
  scope.get(`${one}/sessions`, page(desk, withPerson(backToPerson)));
  scope.post(`${one}/sessions`, action(desk, { tab }, withPerson(endSessions)));
}

const list: Handler = async ({ desk, request, show }) => {
  const { administration, paths } = desk;
  const query = readTexts(request.query, z.object({ search: textOf(254), after: textOf(2048) }));
  const search = query?.search.trim() ?? "";
  const asked = { search: search === "" ? undefined : search };
  const found = await pageOfList((part) => administration.people.list({ ...asked, ...part }), query?.after ?? "");
  const here = (after: string | null): string => withQuery(paths.people, { search, after });
  const view = {
    search,
    people: found.items.map((record) => personView(record, [], administration)),
    first: found.isFirst ? null : here(null),
    next: found.next === null ? null : here(found.next),
  };
  return show(200, (frame) => peopleListPage(frame, view));
};

async function showPerson({ desk, show }: Visit, record: PersonRecord): Promise<FastifyReply> {
  const sessions = await desk.administration.people.sessions(record.id);
  return show(200, (frame) => personPage(frame, personView(record, sessions, desk.administration)));
}

async function backToPerson({ desk, reply }: Visit, record: PersonRecord): Promise<FastifyReply> {
  return reply.redirect(desk.paths.person(record.id), 303);
}

function showPassword(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { desk, show } = visit;
  if (record.company !== null) return backToPerson(visit, record);
  return show(200, (frame) => personPasswordPage(frame, personView(record, [], desk.administration)));
}

async function setPassword(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { actor, desk, request, show } = visit;
  if (record.company !== null) return backToPerson(visit, record);
  const password = newPassword(desk);
  const version = postedVersion(request.body);
  const outcome = await desk.administration.people.setPassword(actor, record.id, password, version);
  // No password is the same as one that was just made: `unchanged` does not come.
  if (outcome.kind !== "changed") return told(visit, record, outcome, "unchanged");
  const { id, name, email } = outcome.record;
  return show(200, (frame) => passwordIssuedPage(frame, { id, name, email, password }));
}

function showDisable({ desk, show }: Visit, record: PersonRecord): Promise<FastifyReply> {
  return show(200, (frame) => personDisablePage(frame, personView(record, [], desk.administration), null));
}

async function disable(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { actor, desk, request, show } = visit;
  const outcome = await desk.administration.people.disable(actor, record.id, postedVersion(request.body));
  if (outcome.kind !== "last_administrator") return told(visit, record, outcome, "person_disabled");
  return show(409, (frame) =>
    personDisablePage(frame, personView(outcome.record, [], desk.administration), LAST_ADMINISTRATOR),
  );
}

async function enable(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { actor, desk, request } = visit;
  const outcome = await desk.administration.people.enable(actor, record.id, postedVersion(request.body));
  return told(visit, record, outcome, "person_enabled");
}

async function endSessions(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { actor, desk, leadTo } = visit;
  const outcome = await desk.administration.people.endSessions(actor, record.id);
  return outcome.kind === "not_found" ? personNotFound(visit) : leadTo(desk.paths.person(record.id), "sessions_ended");
}
