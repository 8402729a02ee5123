import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type Provider from "oidc-provider";
import { z } from "zod";
import type { SignedIn } from "../signin/gate.ts";
import { readForm } from "../web/form.ts";
import { sendPage } from "../web/send.ts";
import { registerPageParsers } from "../web/server.ts";
import { approveWhileOpen } from "./approve-while-open.ts";
import { judgeDecision, type PostedDecision } from "./consent.ts";
import {
  auditOf,
  type ConsentPagesOptions,
  consentView,
  decisionFields,
  type Exchange,
  postedCsrf,
  say,
  sayClosed,
  STALE_FORM,
} from "./consent-pages.ts";
import { type ConsentRequest, readConsentRequest } from "./consent-request.ts";
import { consentPage } from "./pages/consent.ts";

type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

/** An authorization request that waits for this person's decision. */
interface Pending extends Exchange {
  readonly interaction: Interaction;
}

const INTERACTION = "Interaction";
const decisionForm = z.object(decisionFields);

const ENDED = {
  title: "This request has ended",
  text: "It was answered already, or it took too long. Go back to the app and start again there.",
};
const DONE_ALREADY = {
  title: "This was answered already",
  text: "Your first answer counts. Go back to the app; if it still waits, start again there.",
};
const BACK_TO_APP = "Back to the app";

/** GET and POST `interaction/:uid`: a person decides on an authorization request (RFC 6749, section 4.1.1). */
export function consentRoutes(options: ConsentPagesOptions): FastifyPluginAsync {
  const url = `${options.path}/interaction/:uid`;
  return async (scope) => {
    await registerPageParsers(scope);
    scope.get(url, (request, reply) => withPending(request, reply, options, showConsent));
    scope.post(url, (request, reply) => withPending(request, reply, options, decide));
  };
}

/** Sign-in first; then the request must be one that this browser started. */
async function withPending(
  request: FastifyRequest,
  reply: FastifyReply,
  options: ConsentPagesOptions,
  work: (pending: Pending, options: ConsentPagesOptions) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const who: SignedIn | null = await options.gate.current(request);
  const uid = uidOf(request);
  if (who === null) return reply.redirect(options.gate.signInUrl(actionOf(options, uid)), 303);
  const exchange = { request, reply, who };
  const interaction = await findInteraction(exchange, options);
  if (interaction === null || interaction.uid !== uid) return say(exchange, options, 400, ENDED);
  const stored = await options.documents.get(INTERACTION, options.digester.stored(uid));
  if (stored === null) return say(exchange, options, 400, ENDED);
  if (stored.consumedAt !== null) {
    return say(exchange, options, 409, { ...DONE_ALREADY, link: wayBack(interaction, who) });
  }
  return work({ ...exchange, interaction }, options);
}

function uidOf({ params }: FastifyRequest): string {
  return z.object({ uid: z.string().regex(/^[\w-]{1,128}$/) }).safeParse(params).data?.uid ?? "-";
}

function actionOf({ path }: ConsentPagesOptions, uid: string): string {
  return `${path}/interaction/${uid}`;
}

/** By the cookie of the authorization server; `null` where there is none, or it has ended. */
async function findInteraction(
  { request, reply }: Exchange,
  { server }: ConsentPagesOptions,
): Promise<Interaction | null> {
  try {
    return await server.provider.interactionDetails(request.raw, reply.raw);
  } catch (error) {
    if (error instanceof Error && error.name === "SessionNotFound") return null;
    throw error;
  }
}

/**
 * Of two quick clicks a browser drops the answer to the first, and with it the way to the client. As long as nobody took
 * it, whoever gave the answer can still go it.
 */
function wayBack({ result, returnTo }: Interaction, { person }: SignedIn): { label: string; href: string } | null {
  return result?.login?.accountId === person.id ? { label: BACK_TO_APP, href: returnTo } : null;
}

async function showConsent(pending: Pending, options: ConsentPagesOptions): Promise<FastifyReply> {
  const { interaction, who } = pending;
  const found = await readConsentRequest(interaction.params, who.person, options);
  if (found.kind !== "open") return sayClosed(pending, found, options);
  return sendConsent(pending, options, found, { status: 200, posted: null, problem: null });
}

function sendConsent(
  { interaction, reply, who }: Pending,
  options: ConsentPagesOptions,
  found: Extract<ConsentRequest, { kind: "open" }>,
  shown: { readonly status: number; readonly posted: PostedDecision | null; readonly problem: string | null },
): FastifyReply {
  const redirectUri = String(interaction.params["redirect_uri"]);
  const view = consentView(found, options, {
    who,
    action: actionOf(options, interaction.uid),
    redirectHost: new URL(redirectUri).host,
    posted: shown.posted,
    problem: shown.problem,
  });
  return sendPage(reply, shown.status, consentPage(options.gate.chrome(who), view), { formAction: [redirectUri] });
}

async function decide(pending: Pending, options: ConsentPagesOptions): Promise<FastifyReply> {
  const { interaction, request, who } = pending;
  const found = await readConsentRequest(interaction.params, who.person, options);
  const form = readForm(request.body, decisionForm);
  const posted = form.ok ? form.value : null;
  const denied = posted?.decision === "deny";
  const genuine = options.gate.checkCsrf(who, postedCsrf(request.body));
  if (genuine && denied) return deny(pending, options);
  if (found.kind !== "open") return sayClosed(pending, found, options);
  if (!genuine) return sendConsent(pending, options, found, { status: 403, posted, problem: STALE_FORM });
  if (posted === null) {
    const problem = "The form was not complete. Please choose again.";
    return sendConsent(pending, options, found, { status: 400, posted, problem });
  }
  const decision = judgeDecision(posted, found.offer);
  switch (decision.kind) {
    case "denied":
      return deny(pending, options);
    case "invalid":
      return sendConsent(pending, options, found, { status: 400, posted, problem: decision.problem });
    case "approved":
      return approve(pending, options, found, decision);
  }
}

/** One of many answers wins, over all processes. */
async function claim({ interaction }: Pending, { documents, digester, clock }: ConsentPagesOptions): Promise<boolean> {
  return documents.consume(INTERACTION, digester.stored(interaction.uid), clock.now());
}

async function deny(pending: Pending, options: ConsentPagesOptions): Promise<FastifyReply> {
  if (!(await claim(pending, options))) return say(pending, options, 409, DONE_ALREADY);
  auditOf(
    pending,
    options.audit,
  )({
    action: "consent.deny",
    target: String(pending.interaction.params["client_id"]),
    decision: "deny",
    reason: "person_denied",
  });
  return finish(pending, options, {
    error: "access_denied",
    error_description: "the person denied the request",
    decidedBy: pending.who.person.id,
  });
}

async function approve(
  pending: Pending,
  options: ConsentPagesOptions,
  { asked, client, resource }: Extract<ConsentRequest, { kind: "open" }>,
  decision: Extract<ReturnType<typeof judgeDecision>, { kind: "approved" }>,
): Promise<FastifyReply> {
  if (!(await claim(pending, options))) return say(pending, options, 409, DONE_ALREADY);
  const { interaction, who } = pending;
  const { scopes, portal } = decision;
  const { oidcScopes } = asked;
  const flow = "authorization_code";
  const approval = { person: who.person, client, scopes, oidcScopes, portal, resource, flow } as const;
  const made = await approveWhileOpen(approval, interaction.params, options);
  if (made.kind !== "granted") return sayClosed(pending, made, options);
  const { grant } = made;
  // From here on it is as if no more had been asked for: what was not ticked is not asked for again.
  interaction.params["scope"] = [...oidcScopes, ...scopes].join(" ");
  await interaction.persist();
  auditOf(
    pending,
    options.audit,
  )({
    action: "consent.approve",
    target: grant.id,
    detail: `client ${client.id}; scopes ${scopes.join(" ")}; ${portal === null ? "all portals" : `portal ${portal}`}`,
  });
  return finish(pending, options, {
    login: { accountId: who.person.id, remember: false, ts: Math.floor(who.signedInAt / 1000) },
    consent: { grantId: grant.id },
  });
}

/** Hands the result to the authorization server and sends the browser back to it. */
async function finish(
  { request, reply }: Pending,
  { server }: ConsentPagesOptions,
  result: Parameters<Provider["interactionResult"]>[2],
): Promise<FastifyReply> {
  const merge = { mergeWithLastSubmission: false };
  const next = await server.provider.interactionResult(request.raw, reply.raw, result, merge);
  return reply.redirect(next, 303);
}
