import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { AdminTokenView } from "../../administration/administration.ts";
import type { Problems } from "../pages/form-fields.ts";
import { withQuery } from "../pages/paths.ts";
import { tokenFormPage, tokenIssuedPage, tokenListPage, tokenRevokePage } from "../pages/tokens.ts";
import { action, type Desk, type Handler, page, type Visit, withFreshSignin } from "./desk.ts";
import { orProblems, readExpiry, readTexts, textOf, textParameter } from "./forms.ts";
import { pageOfList } from "./lists.ts";
import { tokenRow } from "./views.ts";

/** Tokens for the admin API. */
export function tokenRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths } = desk;
  const tab = "tokens";
  scope.get(paths.tokens, page(desk, list));
  scope.get(
    paths.newToken,
    page(
      desk,
      withFreshSignin((visit) => showForm(visit, 200, EMPTY, {})),
    ),
  );
  scope.post(paths.newToken, action(desk, { tab, once: true, again: formAgain }, create));
  const one = `${paths.tokens}/:id/revoke`;
  scope.get(one, page(desk, withToken(showRevoke)));
  scope.post(one, action(desk, { tab }, withToken(revoke)));
}

const list: Handler = async ({ desk, request, show }) => {
  const { administration, clock, paths } = desk;
  const after = textParameter(request.query, "after");
  const found = await pageOfList((part) => administration.tokens.list(part), after);
  const view = {
    tokens: found.items.map((record) => tokenRow(record, clock.now())),
    first: found.isFirst ? null : paths.tokens,
    next: found.next === null ? null : withQuery(paths.tokens, { after: found.next }),
  };
  return show(200, (frame) => tokenListPage(frame, view));
};

const tokenForm = z.object({ name: textOf(), expiry: textOf(), expires_on: textOf() });
type TokenForm = z.infer<typeof tokenForm>;
const EMPTY: TokenForm = { name: "", expiry: "90", expires_on: "" };
const FIELDS = { name: "name", expires_in: "expiry" };

function showForm({ show }: Visit, status: number, form: TokenForm, problems: Problems): Promise<FastifyReply> {
  const { name, expiry, expires_on: expiresOn } = form;
  return show(status, (frame) => tokenFormPage(frame, { name, expiry, expiresOn, problems }));
}

function formOf({ request }: Visit): TokenForm {
  return readTexts(request.body, tokenForm) ?? EMPTY;
}

const formAgain: Handler = (visit) => showForm(visit, 403, formOf(visit), { "": visit.notDone });

const create: Handler = async (visit) => {
  const { actor, desk, show } = visit;
  const form = formOf(visit);
  const expiry = readExpiry(form, desk.clock.now());
  const unnamed: Problems = form.name.trim() === "" ? { name: "Give the token a name." } : {};
  if (!expiry.ok) return showForm(visit, 422, form, { ...unnamed, ...expiry.problems });
  if (unnamed["name"] !== undefined) return showForm(visit, 422, form, unnamed);
  const wanted = { name: form.name, expiresInMs: expiry.expiresInMs };
  const made = await orProblems(() => desk.administration.tokens.create(actor, wanted), FIELDS);
  if (!made.ok) return showForm(visit, 422, form, made.problems);
  const { record, token } = made.value;
  return show(200, (frame) => tokenIssuedPage(frame, { name: record.name, token, apiUrl: desk.examples().adminApi }));
};

function withToken(work: (visit: Visit, token: AdminTokenView) => Promise<FastifyReply>): Handler {
  return async (visit) => {
    const { desk, request, stop } = visit;
    const id = textParameter(request.params, "id");
    const token = await desk.administration.tokens.get(id);
    if (token !== null) return work(visit, token);
    const link = { label: "See the API tokens", href: desk.paths.tokens };
    return stop(404, { tab: "tokens", title: "There is no such token", text: "Its id is not known here.", link });
  };
}

async function showRevoke({ desk, leadTo, show }: Visit, token: AdminTokenView): Promise<FastifyReply> {
  if (token.revokedAt !== null) return leadTo(desk.paths.tokens, "unchanged");
  return show(200, (frame) => tokenRevokePage(frame, tokenRow(token, desk.clock.now())));
}

async function revoke({ actor, desk, leadTo }: Visit, token: AdminTokenView): Promise<FastifyReply> {
  const outcome = await desk.administration.tokens.revoke(actor, token.id);
  return leadTo(desk.paths.tokens, outcome.kind === "changed" ? "token_revoked" : "unchanged");
}
