import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { PersonRecord, Role } from "../../store/people.ts";
import type { Problems } from "../pages/form-fields.ts";
import { passwordIssuedPage, personEditPage, personFormPage, type PersonFormView } from "../pages/person-form.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { orProblems, postedVersion, readTexts, textOf, textsOf } from "./forms.ts";
import { newPassword, told, withPerson } from "./person-parts.ts";

/** The forms that add and change somebody. */
export function personFormRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  const tab = "people";
  scope.get(
    paths.newPerson,
    page(desk, (visit) => showNew(visit, 200, EMPTY, {})),
  );
  scope.post(paths.newPerson, action(desk, { tab, once: true, again: newAgain }, add));
  const one = `${paths.people}/:id/edit`;
  scope.get(one, page(desk, withPerson(showEdit)));
  scope.post(one, action(desk, { tab, again: withPerson(editAgain) }, withPerson(edit)));
}

const personForm = z.object({
  email: textOf(),
  name: textOf(),
  role: textOf(),
  scope: textsOf(),
  portal_kind: textOf(),
  portal: textsOf(1000),
  signin: textOf(),
});
type PersonForm = z.infer<typeof personForm>;
const EMPTY: PersonForm = {
  email: "",
  name: "",
  role: "member",
  scope: [],
  portal_kind: "all",
  portal: [],
  signin: "password",
};
const FIELDS = { email: "email", name: "name", scopes: "scope", portals: "portal" };

function formOf({ request }: Visit): PersonForm {
  return readTexts(request.body, personForm) ?? EMPTY;
}

function viewOf({ desk }: Visit, form: PersonForm, problems: Problems): PersonFormView {
  const { email, name, role, signin } = form;
  return {
    email,
    name,
    role,
    signin,
    scopes: form.scope,
    portalKind: form.portal_kind,
    portals: portalsOf(form),
    problems,
    catalogue: desk.administration.catalogue(),
  };
}

/** Boxes send one each; the field for ids sends them with spaces between. */
function portalsOf({ portal }: PersonForm): readonly string[] {
  return portal.flatMap((text) => text.split(/[\s,]+/)).filter((id) => id !== "");
}

function showNew(visit: Visit, status: number, form: PersonForm, problems: Problems): Promise<FastifyReply> {
  return visit.show(status, (frame) => personFormPage(frame, viewOf(visit, form, problems)));
}

const newAgain: Handler = (visit) => showNew(visit, 403, formOf(visit), { "": visit.notDone });

interface Rights {
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly portals: readonly string[] | "all";
  readonly problems: Problems;
}

/** What the person may do, and what is wrong with it. */
function rightsOf(form: PersonForm): Rights {
  const role = form.role === "admin" || form.role === "member" ? form.role : null;
  const portals = form.portal_kind === "all" ? "all" : portalsOf(form);
  const problems: Problems = {
    ...(role === null ? { role: "Choose a role." } : {}),
    ...(portals.length === 0 ? { portal: "Choose at least one portal, or all." } : {}),
    ...(form.portal_kind === "all" || form.portal_kind === "some" ? {} : { portal_kind: "Choose where." }),
  };
  return { role: role ?? "member", scopes: form.scope, portals, problems };
}

const add: Handler = async (visit) => {
  const { actor, desk, leadTo, show } = visit;
  const form = formOf(visit);
  const { problems, ...rights } = rightsOf(form);
  if (Object.keys(problems).length > 0) return showNew(visit, 422, form, problems);
  const password = form.signin === "company" ? null : newPassword(desk);
  const person = { email: form.email, name: form.name, ...rights, password };
  const made = await orProblems(() => desk.administration.people.add(actor, person), FIELDS);
  if (!made.ok) return showNew(visit, 422, form, made.problems);
  const { id, name, email } = made.value;
  if (password === null) return leadTo(desk.paths.person(id), "person_added");
  return show(200, (frame) => passwordIssuedPage(frame, { id, name, email, password }));
};

function showEdit(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { email, name, role, scopes, portals } = record;
  const form = {
    ...EMPTY,
    email,
    name,
    role,
    scope: scopes,
    portal_kind: portals === null ? "all" : "some",
    portal: portals ?? [],
  };
  return askEdit(visit, record, { status: 200, version: record.version, form, problems: {} });
}

interface Ask {
  readonly status: number;
  /** Of the record that the form was made from, not of the one that is now. */
  readonly version: number;
  readonly form: PersonForm;
  readonly problems: Problems;
}

function askEdit(visit: Visit, { id, email }: PersonRecord, ask: Ask): Promise<FastifyReply> {
  const { status, version, form, problems } = ask;
  const view = viewOf(visit, { ...form, email }, problems);
  return visit.show(status, (frame) => personEditPage(frame, { id, version }, view));
}

function editAgain(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const version = postedVersion(visit.request.body) ?? record.version;
  return askEdit(visit, record, { status: 403, version, form: formOf(visit), problems: { "": visit.notDone } });
}

async function edit(visit: Visit, record: PersonRecord): Promise<FastifyReply> {
  const { actor, desk, request } = visit;
  const form = formOf(visit);
  const version = postedVersion(request.body) ?? record.version;
  const { problems, ...rights } = rightsOf(form);
  if (Object.keys(problems).length > 0) return askEdit(visit, record, { status: 422, version, form, problems });
  const changes = { name: form.name, ...rights };
  const made = await orProblems(() => desk.administration.people.edit(actor, record.id, changes, version), FIELDS);
  if (!made.ok) return askEdit(visit, record, { status: 422, version, form, problems: made.problems });
  return told(visit, record, made.value, "person_saved");
}
