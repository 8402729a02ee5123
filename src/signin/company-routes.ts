import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { aboutOf } from "../web/server.ts";
import type { CompanyRefusal, CompanyOutcome } from "./company.ts";
import { SIGN_IN_MS } from "./company.ts";
import { COMPANY_COOKIE, presentedCookie } from "./cookies.ts";
import { networkOf } from "./network.ts";
import { type RouteParts, waitText } from "./route-parts.ts";

const startQuery = z.object({ return_to: z.string().optional(), again: z.literal("1").optional().catch(undefined) });

/** Each start leaves a document behind: so many in 15 minutes an address. */
const STARTS = 100;
const WINDOW_MS = 900_000;
const ACTION = "signin.company";

/** Sign-in through the company's provider: `/company` leads there, `/company/callback` is where it sends back to. */
export function companyRoutes(scope: FastifyInstance, parts: RouteParts): void {
  const { company, cookies, counters, path } = parts;
  if (company === null) return;
  const name = cookies.name(COMPANY_COOKIE);

  // A HEAD would start a sign-in that nobody ends.
  scope.get(`${path}/company`, { exposeHeadRoute: false }, async (request, reply) => {
    const query = startQuery.safeParse(request.query);
    const starts = await counters.add(`signin:company:${networkOf(aboutOf(request).clientIp)}`, WINDOW_MS);
    if (starts.count > STARTS) {
      parts.record(request, { action: ACTION, decision: "deny", reason: "throttled", detail: "by address" });
      const text = waitText(reply, starts.resetsAt - parts.clock.now());
      return parts.message(request, reply, { status: 429, title: "Too many attempts", text });
    }
    const start = await company.signin.start({
      returnTo: parts.returnTo(query.data?.return_to),
      again: query.data?.again !== undefined,
    });
    if (start.kind === "refused") return refuse(parts, request, reply, { ...start, person: null });
    return reply.setCookie(name, start.cookie, cookies.options(SIGN_IN_MS)).redirect(start.url, 303);
  });

  scope.get(`${path}/company/callback`, { exposeHeadRoute: false }, async (request, reply) => {
    const at = request.url.indexOf("?");
    const search = at === -1 ? "" : request.url.slice(at);
    const outcome = await company.signin.finish(search, presentedCookie(request, name));
    if (outcome.kind === "refused") return refuse(parts, request, reply, outcome);
    void reply.clearCookie(name, cookies.options(null));
    await parts.signIn(request, reply, { ...outcome, returnTo: parts.returnTo(outcome.returnTo) });
    parts.record(request, { action: ACTION, person: outcome.person });
    return reply;
  });
}

type Refused = Omit<Extract<CompanyOutcome, { kind: "refused" }>, "kind">;

function refuse(
  parts: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { reason, detail, person }: Refused,
): FastifyReply {
  parts.record(request, { action: ACTION, decision: "deny", reason, detail, person });
  return parts.message(request, reply, MESSAGES[reason]);
}

const AGAIN = "You are not signed in";

const MESSAGES: Readonly<Record<CompanyRefusal, { status: number; title: string; text: string }>> = {
  provider_unavailable: {
    status: 503,
    title: "The sign-in service is out of reach",
    text: "Your company's sign-in service does not answer. Try again in a moment.",
  },
  state_unknown: {
    status: 403,
    title: AGAIN,
    text: "The sign-in was not begun in this browser, took too long, or was finished before. Begin again.",
  },
  provider_refused: {
    status: 403,
    title: AGAIN,
    text: "Your company's sign-in service did not let you in. Begin again.",
  },
  answer_invalid: {
    status: 403,
    title: AGAIN,
    text: "The answer of your company's sign-in service is not valid. Begin again; if it happens again, tell an administrator.",
  },
  no_email: {
    status: 403,
    title: AGAIN,
    text: "Your company's sign-in service did not tell a confirmed email of yours. Ask your company's administrator.",
  },
  email_unverified: {
    status: 403,
    title: AGAIN,
    text: "Your company's sign-in service does not say that your email is confirmed. Confirm it there, or ask an administrator.",
  },
  no_group: {
    status: 403,
    title: "You have no access",
    text: "None of your groups in the company may sign in here. Ask an administrator to add you to one.",
  },
  email_taken: {
    status: 403,
    title: "Your email belongs to another account",
    text: "An account here already has your email, and it does not sign in through the company. Use its password, or ask an administrator.",
  },
  disabled: {
    status: 403,
    title: "Your account is disabled",
    text: "An administrator disabled your account here. Ask an administrator.",
  },
};
