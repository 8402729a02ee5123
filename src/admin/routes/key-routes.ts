import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { KeyQuery, KeyState } from "../../administration/administration.ts";
import { isCredentialId } from "../../core/ids.ts";
import type { ApiKeyRecord } from "../../store/types.ts";
import { html } from "../../web/html.ts";
import { fullMoment } from "../pages/parts.ts";
import type { Problems } from "../pages/form-fields.ts";
import { keyPage, keyRevokePage, keyRotatePage, OVERLAPS } from "../pages/key-detail.ts";
import { keyFormPage, keyIssuedPage } from "../pages/key-form.ts";
import { keyListPage } from "../pages/key-list.ts";
import { withQuery } from "../pages/paths.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { orProblems, readExpiry, readTexts, textOf, textParameter, textsOf } from "./forms.ts";
import { pageOfList } from "./lists.ts";
import { keyView } from "./views.ts";

/** API keys. */
export function keyRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  const tab = "keys";
  scope.get(paths.keys, page(desk, list));
  scope.get(
    paths.newKey,
    page(desk, (visit) => showForm(visit, 200, EMPTY, {})),
  );
  scope.post(paths.newKey, action(desk, { tab, once: true, again: formAgain }, create));
  const one = `${paths.keys}/:id`;
  scope.get(one, page(desk, withKey(showKey)));
  scope.get(`${one}/revoke`, page(desk, withKey(showRevoke)));
  scope.post(`${one}/revoke`, action(desk, { tab }, withKey(revoke)));
  scope.get(
    `${one}/rotate`,
    page(
      desk,
      withKey((visit, record) => showRotate(visit, record, 200, { overlap: "1d", problems: {} })),
    ),
  );
  scope.post(`${one}/rotate`, action(desk, { tab, once: true }, withKey(rotate)));
}

const STATES: readonly KeyState[] = ["active", "expired", "revoked"];
const listQuery = z.object({ search: textOf(100), state: textOf(), after: textOf(2048) });

const list: Handler = async (visit) => {
  const { desk, request, show } = visit;
  const { administration, paths } = desk;
  const query = readTexts(request.query, listQuery) ?? { search: "", state: "", after: "" };
  const search = query.search.trim();
  const state = STATES.find((each) => each === query.state);
  const asked: Omit<KeyQuery, "after" | "limit"> = { search: search === "" ? undefined : search, state };
  const found = await pageOfList((part) => administration.keys.list({ ...asked, ...part }), query.after);
  const here = (after: string | null): string => withQuery(paths.keys, { search, state, after });
  const view = {
    search,
    state: state ?? null,
    keys: found.items.map((record) => keyView(record, administration)),
    first: found.isFirst ? null : here(null),
    next: found.next === null ? null : here(found.next),
  };
  return show(200, (frame) => keyListPage(frame, view));
};

const keyForm = z.object({
  name: textOf(),
  scope: textsOf(),
  portal: textOf(),
  expiry: textOf(),
  expires_on: textOf(),
});
type KeyForm = z.infer<typeof keyForm>;
const EMPTY: KeyForm = { name: "", scope: [], portal: "", expiry: "90", expires_on: "" };
const FIELDS = { name: "name", scopes: "scope", portal: "portal", expires_in: "expiry" };

function showForm({ desk, show }: Visit, status: number, form: KeyForm, problems: Problems): Promise<FastifyReply> {
  const { name, scope, portal, expiry, expires_on: expiresOn } = form;
  const catalogue = desk.administration.catalogue();
  return show(status, (frame) =>
    keyFormPage(frame, { name, scopes: scope, portal, expiry, expiresOn, problems, catalogue }),
  );
}

function formOf({ request }: Visit): KeyForm {
  return readTexts(request.body, keyForm) ?? EMPTY;
}

const formAgain: Handler = (visit) => showForm(visit, 403, formOf(visit), { "": visit.notDone });

const create: Handler = async (visit) => {
  const { actor, desk, show } = visit;
  const form = formOf(visit);
  const expiry = readExpiry(form, desk.clock.now());
  const early = problemsOf(form);
  if (!expiry.ok) return showForm(visit, 422, form, { ...early, ...expiry.problems });
  if (Object.keys(early).length > 0) return showForm(visit, 422, form, early);
  const { name, scope: scopes, portal } = form;
  const wanted = { name, scopes, portal: portal === "" ? null : portal, expiresInMs: expiry.expiresInMs };
  const made = await orProblems(() => desk.administration.keys.create(actor, wanted), FIELDS);
  if (!made.ok) return showForm(visit, 422, form, made.problems);
  const { record, key } = made.value;
  return show(200, (frame) => keyIssuedPage(frame, { ...issued(desk, record, key), old: null }));
};

function issued({ examples }: Desk, record: ApiKeyRecord, key: string) {
  const { forKey, mcp, origin } = examples();
  return { id: record.id, name: record.name, key, origin, example: forKey(record), mcpUrl: mcp };
}

/** What a form is told in its own words, before anything else is asked. */
function problemsOf({ name, scope }: KeyForm): Problems {
  return {
    ...(name.trim() === "" ? { name: "Give the key a name." } : {}),
    ...(scope.length === 0 ? { scope: "Choose at least one scope." } : {}),
  };
}

function withKey(work: (visit: Visit, record: ApiKeyRecord) => Promise<FastifyReply>): Handler {
  return async (visit) => {
    const id = textParameter(visit.request.params, "id");
    const record = isCredentialId(id) ? await visit.desk.administration.keys.get(id) : null;
    return record === null ? notFound(visit) : work(visit, record);
  };
}

function notFound({ desk, stop }: Visit): Promise<FastifyReply> {
  const link = { label: "See the API keys", href: desk.paths.keys };
  return stop(404, { tab: "keys", title: "There is no such key", text: "Its id is not known here.", link });
}

function showKey({ desk, show }: Visit, record: ApiKeyRecord): Promise<FastifyReply> {
  return show(200, (frame) => keyPage(frame, keyView(record, desk.administration)));
}

async function showRevoke({ desk, reply, show }: Visit, record: ApiKeyRecord): Promise<FastifyReply> {
  const view = keyView(record, desk.administration);
  if (view.state === "revoked") return reply.redirect(desk.paths.key(record.id), 303);
  const open = desk.administration.openStreams(`credential:${record.id}`);
  return show(200, (frame) => keyRevokePage(frame, view, open));
}

async function revoke(visit: Visit, record: ApiKeyRecord): Promise<FastifyReply> {
  const { actor, desk, leadTo } = visit;
  const outcome = await desk.administration.keys.revoke(actor, record.id);
  if (outcome.kind === "not_found") return notFound(visit);
  return leadTo(desk.paths.keys, outcome.kind === "unchanged" ? "unchanged" : "key_revoked");
}

function showRotate(
  { desk, show }: Visit,
  record: ApiKeyRecord,
  status: number,
  form: { readonly overlap: string; readonly problems: Problems },
): Promise<FastifyReply> {
  return show(status, (frame) => keyRotatePage(frame, keyView(record, desk.administration), form));
}

async function rotate(visit: Visit, record: ApiKeyRecord): Promise<FastifyReply> {
  const { actor, desk, request, show, stop } = visit;
  const overlap = readTexts(request.body, z.object({ overlap: textOf() }))?.overlap ?? "";
  const choice = OVERLAPS.find(({ value }) => value === overlap);
  if (choice === undefined) {
    return showRotate(visit, record, 422, { overlap, problems: { overlap: "Choose how long the old key goes on." } });
  }
  const outcome = await desk.administration.keys.rotate(actor, record.id, { overlapMs: choice.ms });
  if (outcome.kind === "not_found") return notFound(visit);
  if (outcome.kind === "not_active") {
    const link = { label: "See the key", href: desk.paths.key(record.id) };
    const text = "Only an active key that was not rotated before can be rotated.";
    return stop(409, { tab: "keys", title: "This key cannot be rotated", text, link });
  }
  const { key, old } = outcome;
  return show(200, (frame) => {
    const ends =
      old.expiresAt === null || choice.ms === 0
        ? "stopped working."
        : html`stops working ${fullMoment(old.expiresAt, frame.now)}.`;
    return keyIssuedPage(frame, { ...issued(desk, outcome.record, key), old: html`The old key ${ends}` });
  });
}
