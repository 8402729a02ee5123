import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { ClientChanged } from "../../administration/administration.ts";
import { isClientId } from "../../core/ids.ts";
import type { ClientRecord } from "../../store/clients.ts";
import {
  clientApprovePage,
  clientDisablePage,
  clientIssuedPage,
  clientPage,
  clientSecretPage,
} from "../pages/client-detail.ts";
import { clientFormPage, redirectField } from "../pages/client-form.ts";
import { clientListPage } from "../pages/client-list.ts";
import type { Problems } from "../pages/form-fields.ts";
import { type ClientAct, withQuery } from "../pages/paths.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { orProblems, postedVersion, readTexts, textOf, textParameter, textsOf } from "./forms.ts";
import { pageOfList } from "./lists.ts";
import type { NoticeCode } from "./notices.ts";
import { clientView } from "./views.ts";

/** OAuth clients. */
export function clientRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  const tab = "clients";
  const at = (act: ClientAct | "client"): string => `${paths.clients}/${act}`;
  scope.get(paths.clients, page(desk, list));
  scope.get(
    paths.newClient,
    page(desk, (visit) => showForm(visit, 200, EMPTY, {})),
  );
  scope.post(paths.newClient, action(desk, { tab, once: true, again: formAgain }, add));
  scope.get(at("client"), page(desk, withClient(showClient)));
  scope.get(at("approve"), page(desk, withClient(showApprove)));
  scope.post(at("approve"), action(desk, { tab }, withClient(approve)));
  scope.get(at("disable"), page(desk, withClient(showDisable)));
  scope.post(at("disable"), action(desk, { tab }, withClient(disable)));
  scope.get(at("enable"), page(desk, withClient(backToClient)));
  scope.post(at("enable"), action(desk, { tab }, withClient(enable)));
  scope.get(at("secret"), page(desk, withClient(showSecret)));
  scope.post(at("secret"), action(desk, { tab, once: true }, withClient(newSecret)));
}

const list: Handler = async ({ desk, request, show }) => {
  const { administration, paths } = desk;
  const after = textParameter(request.query, "after");
  const found = await pageOfList((part) => administration.clients.list(part), after);
  const view = {
    clients: found.items.map((record) => clientView(record, administration)),
    first: found.isFirst ? null : paths.clients,
    next: found.next === null ? null : withQuery(paths.clients, { after: found.next }),
  };
  return show(200, (frame) => clientListPage(frame, view));
};

const clientForm = z.object({
  name: textOf(),
  kind: textOf(),
  redirect_uri: textsOf(30),
  grant_type: textsOf(),
  scope: textsOf(),
  portal: textOf(),
  more: textOf(),
});
type ClientForm = z.infer<typeof clientForm>;
const EMPTY: ClientForm = {
  name: "",
  kind: "confidential",
  redirect_uri: [],
  grant_type: [],
  scope: [],
  portal: "",
  more: "",
};
const FIELDS = {
  name: "name",
  redirect_uris: "redirect_uri",
  grant_types: "grant_type",
  scopes: "scope",
  portal: "portal",
};

function showForm({ desk, show }: Visit, status: number, form: ClientForm, problems: Problems): Promise<FastifyReply> {
  const view = {
    ...form,
    redirectUris: form.redirect_uri,
    grantTypes: form.grant_type,
    scopes: form.scope,
    problems,
    catalogue: desk.administration.catalogue(),
  };
  return show(status, (frame) => clientFormPage(frame, view));
}

function formOf({ request }: Visit): ClientForm {
  return readTexts(request.body, clientForm) ?? EMPTY;
}

const formAgain: Handler = (visit) => showForm(visit, 403, formOf(visit), { "": visit.notDone });

const add: Handler = async (visit) => {
  const { actor, desk, leadTo, show } = visit;
  const form = formOf(visit);
  // One more field is no error, and makes nothing: the form may be sent once it is filled in.
  if (form.more !== "") return showForm(visit, 422, { ...form, redirect_uri: [...form.redirect_uri, ""] }, {});
  if (form.kind !== "confidential" && form.kind !== "public") {
    return showForm(visit, 422, form, { kind: "Choose what kind it is." });
  }
  const given = form.redirect_uri
    .map((uri, index) => ({ uri: uri.trim(), field: redirectField(index) }))
    .filter(({ uri }) => uri !== "");
  const wanted = {
    name: form.name,
    confidential: form.kind === "confidential",
    redirectUris: given.map(({ uri }) => uri),
    grantTypes: form.grant_type,
    scopes: form.scope,
    portal: form.portal === "" ? null : form.portal,
  };
  const made = await orProblems(() => desk.administration.clients.add(actor, wanted), {
    ...FIELDS,
    ...Object.fromEntries(given.map(({ field }, index) => [`redirect_uris.${index}`, field])),
  });
  if (!made.ok) return showForm(visit, 422, form, made.problems);
  const { record, secret } = made.value;
  if (secret === null) return leadTo(desk.paths.client(record.id), "client_added");
  return show(200, (frame) => clientIssuedPage(frame, issued(desk, record, secret)));
};

function issued(desk: Desk, { id, name }: ClientRecord, secret: string) {
  return { id, name, secret, tokenUrl: desk.examples().token };
}

function withClient(work: (visit: Visit, record: ClientRecord) => Promise<FastifyReply>): Handler {
  return async (visit) => {
    const id = textParameter(visit.request.query, "id");
    const record = isClientId(id) ? await visit.desk.administration.clients.get(id) : null;
    return record === null ? notFound(visit) : work(visit, record);
  };
}

function notFound({ desk, stop }: Visit): Promise<FastifyReply> {
  const link = { label: "See the clients", href: desk.paths.clients };
  const text = "Its id is not known here. Clients that wait are forgotten after seven days.";
  return stop(404, { tab: "clients", title: "There is no such client", text, link });
}

function showClient({ desk, show }: Visit, record: ClientRecord): Promise<FastifyReply> {
  return show(200, (frame) => clientPage(frame, clientView(record, desk.administration)));
}

async function backToClient({ desk, reply }: Visit, record: ClientRecord): Promise<FastifyReply> {
  return reply.redirect(desk.paths.client(record.id), 303);
}

function showApprove(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  if (record.status !== "waiting") return backToClient(visit, record);
  return askApproval(visit, record, 200, { scopes: record.scopes, portal: record.portal ?? "", problems: {} });
}

function askApproval(
  { desk, show }: Visit,
  record: ClientRecord,
  status: number,
  form: { readonly scopes: readonly string[]; readonly portal: string; readonly problems: Problems },
): Promise<FastifyReply> {
  const { administration } = desk;
  const client = clientView(record, administration);
  return show(status, (frame) => clientApprovePage(frame, { client, ...form, catalogue: administration.catalogue() }));
}

const approveForm = z.object({ scope: textsOf(), portal: textOf() });

async function approve(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { actor, desk, request } = visit;
  const { scope: scopes = [], portal = "" } = readTexts(request.body, approveForm) ?? {};
  const again = (problems: Problems): Promise<FastifyReply> =>
    askApproval(visit, record, 422, { scopes, portal, problems });
  if (scopes.length === 0) return again({ scope: "Choose at least one scope." });
  const limits = { scopes, portal: portal === "" ? null : portal };
  const version = postedVersion(request.body);
  const outcome = await orProblems(
    () => desk.administration.clients.approve(actor, record.id, limits, version),
    FIELDS,
  );
  return outcome.ok ? told(visit, record, outcome.value, "client_approved") : again(outcome.problems);
}

/** Leads to the client, or says why nothing was done. */
function told(
  visit: Visit,
  { id }: ClientRecord,
  outcome: ClientChanged,
  code: NoticeCode,
): Promise<FastifyReply> | FastifyReply {
  const { desk, leadTo, stop } = visit;
  const href = desk.paths.client(id);
  const title = "Somebody changed this meanwhile";
  switch (outcome.kind) {
    case "changed":
      return leadTo(href, code);
    case "unchanged":
      return leadTo(href, "unchanged");
    case "not_found":
      return notFound(visit);
    case "conflict":
    case "wrong_status": {
      const text = "Nothing was written. Look at how the client is now, and decide again.";
      return stop(409, { tab: "clients", title, text, link: { label: "See how it is now", href } });
    }
  }
}

function showDisable(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { desk, show } = visit;
  if (record.status === "disabled") return backToClient(visit, record);
  return show(200, (frame) => clientDisablePage(frame, clientView(record, desk.administration)));
}

async function disable(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { actor, desk, request } = visit;
  const outcome = await desk.administration.clients.disable(actor, record.id, postedVersion(request.body));
  return told(visit, record, outcome, "client_disabled");
}

async function enable(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { actor, desk, request } = visit;
  const outcome = await desk.administration.clients.enable(actor, record.id, postedVersion(request.body));
  return told(visit, record, outcome, "client_enabled");
}

function showSecret(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { desk, show } = visit;
  if (record.secretDigest === null) return backToClient(visit, record);
  return show(200, (frame) => clientSecretPage(frame, clientView(record, desk.administration)));
}

async function newSecret(visit: Visit, record: ClientRecord): Promise<FastifyReply> {
  const { actor, desk, show } = visit;
  const outcome = await desk.administration.clients.rotateSecret(actor, record.id);
  if (outcome.kind === "not_found") return notFound(visit);
  if (outcome.kind === "no_secret") return backToClient(visit, record);
  return show(200, (frame) => clientIssuedPage(frame, issued(desk, outcome.record, outcome.secret)));
}
