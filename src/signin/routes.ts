import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { readForm } from "../web/form.ts";
import { sendPage } from "../web/send.ts";
import { registerPageParsers } from "../web/server.ts";
import { registerStylesheet } from "../web/stylesheet.ts";
import { aboutOf } from "../web/server.ts";
import { companyRoutes } from "./company-routes.ts";
import { DEVICE_COOKIE, presentedCookie, SESSION_COOKIE } from "./cookies.ts";
import { signInPath } from "./gate.ts";
import { accountPage } from "./pages/account.ts";
import { signInPage } from "./pages/sign-in.ts";
import { type RouteParts, routeParts, type SigninRoutesOptions, waitText } from "./route-parts.ts";
import { setupRoutes } from "./setup-routes.ts";

export type { SigninRoutesOptions };

/**
 * The sign-in pages under `signin.path`: the form or the account, sign-out, the first administrator, the company's
 * provider, and the stylesheet of all pages.
 */
export function signinRoutes(options: SigninRoutesOptions): FastifyPluginAsync {
  return async (scope) => {
    await registerPageParsers(scope);
    const parts = routeParts(options);
    registerStylesheet(scope, parts.path);
    passwordRoutes(scope, parts);
    signOutRoutes(scope, parts);
    setupRoutes(scope, parts);
    companyRoutes(scope, parts);
  };
}

/** `again` asks for the form though somebody is signed in. */
const pageQuery = z.object({ return_to: z.string().optional(), again: z.literal("1").optional().catch(undefined) });
const csrfForm = z.object({ csrf: z.string() });
/** What is tried may be longer than what may be chosen; what is longer still is nobody's password. */
const signInForm = z.object({
  email: z.string().max(1024),
  password: z.string().min(1).max(1024),
  return_to: z.string().optional(),
});
/** What can still be shown of a form that cannot be read. */
const shownForm = z.object({
  email: z.string().max(1024).catch(""),
  return_to: z.string().catch(""),
  again: z.string().catch(""),
});

function passwordRoutes(scope: FastifyInstance, parts: RouteParts): void {
  const { gate, path } = parts;

  scope.get(path, async (request, reply) => {
    const query = pageQuery.safeParse(request.query);
    const returnTo = parts.returnTo(query.data?.return_to);
    const again = query.data?.again !== undefined;
    const who = await gate.current(request);
    if (who === null || again) {
      const email = who?.person.email ?? "";
      return showForm(parts, request, reply, { status: 200, email, returnTo, again: who !== null, problem: null });
    }
    if (returnTo !== null) return reply.redirect(returnTo, 303);
    const { email, name, role } = who.person;
    return sendPage(reply, 200, accountPage(gate.chrome(who), { name, email, role, links: parts.links(who.person) }));
  });

  scope.post(path, async (request, reply) => {
    const shown = readForm(request.body, shownForm);
    const email = shown.ok ? shown.value.email : "";
    const returnTo = shown.ok ? parts.returnTo(shown.value.return_to) : null;
    const isAgain = shown.ok && shown.value.again === "1";
    const again = (status: number, problem: string): Promise<FastifyReply> =>
      showForm(parts, request, reply, { status, email, returnTo, again: isAgain, problem });
    const proof = readForm(request.body, csrfForm);
    if (!proof.ok || !parts.visits.checkCsrf(request, proof.value.csrf)) {
      parts.record(request, { action: "signin.password", decision: "deny", reason: "csrf" });
      return again(403, "This page was open too long, or cookies are switched off. Try again.");
    }
    const form = readForm(request.body, signInForm);
    if (!form.ok) return again(422, "Fill in your email and your password.");
    return signInWithPassword(parts, request, reply, { ...form.value, returnTo, again });
  });
}

interface SubmittedForm {
  readonly email: string;
  readonly password: string;
  readonly returnTo: string | null;
  readonly again: (status: number, problem: string) => Promise<FastifyReply>;
}

async function signInWithPassword(
  parts: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { again, email, password, returnTo }: SubmittedForm,
): Promise<FastifyReply> {
  const action = "signin.password";
  const outcome = await parts.passwordSignin.attempt({
    email,
    password,
    address: aboutOf(request).clientIp,
    device: presentedCookie(request, parts.cookies.name(DEVICE_COOKIE)),
  });
  if (outcome.kind === "wait") {
    const { detail, reason, waitMs } = outcome;
    parts.record(request, { action, decision: "deny", reason, detail });
    const why = reason === "busy" ? "Too many people are signing in." : "Too many attempts.";
    return again(429, `${why} ${waitText(reply, waitMs)}`);
  }
  const { person } = outcome;
  if (outcome.kind === "refused") {
    parts.record(request, { action, decision: "deny", reason: outcome.reason, person });
    // Not 401: that status asks for a challenge of HTTP authentication (RFC 9110, section 15.5.2).
    return again(403, "The email or the password is wrong.");
  }
  parts.setDevice(reply, outcome.device);
  await parts.signIn(request, reply, { person: outcome.person, returnTo });
  parts.record(request, { action, person });
  return reply;
}

interface ShownForm {
  readonly status: number;
  readonly email: string;
  readonly returnTo: string | null;
  /** Somebody is signed in already and is to prove it. */
  readonly again: boolean;
  readonly problem: string | null;
}

async function showForm(
  { clientName, company, gate, path, visits }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { again, email, problem, returnTo, status }: ShownForm,
): Promise<FastifyReply> {
  const companyHref = signInPath(`${path}/company`, { returnTo, again });
  const page = signInPage(gate.chrome(null), {
    action: path,
    csrf: visits.csrfToken(request, reply),
    email,
    returnTo: returnTo ?? "",
    again,
    problem,
    company: company === null ? null : { name: company.name, href: companyHref },
    clientName: returnTo === null ? null : await clientName(returnTo),
  });
  return sendPage(reply, status, page);
}

function signOutRoutes(scope: FastifyInstance, parts: RouteParts): void {
  const { cookies, gate, path, sessions } = parts;
  const name = cookies.name(SESSION_COOKIE);

  scope.post(`${path}/out`, async (request, reply) => {
    const who = await gate.current(request);
    const token = presentedCookie(request, name);
    if (who !== null && token !== null) {
      const proof = readForm(request.body, csrfForm);
      if (!proof.ok || !gate.checkCsrf(who, proof.value.csrf)) {
        parts.record(request, { action: "signin.out", decision: "deny", reason: "csrf", person: who.person });
        const text = "The page that you came from is no longer good. Open your account and sign out there.";
        return parts.message(request, reply, {
          status: 403,
          title: "You are still signed in",
          text,
          link: { label: "Your account", href: path },
        });
      }
      await sessions.end(token);
      parts.record(request, { action: "signin.out", person: who.person });
    }
    return reply.clearCookie(name, cookies.options(null)).redirect(path, 303);
  });
}
