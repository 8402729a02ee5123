import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { InvalidRequest } from "../core/invalid-request.ts";
import { readForm } from "../web/form.ts";
import { sendPage } from "../web/send.ts";
import { presentedCookie, SETUP_COOKIE } from "./cookies.ts";
import { setupPage } from "./pages/setup.ts";
import { PasswordsBusy } from "./password.ts";
import { type RouteParts, waitText } from "./route-parts.ts";

const tokenQuery = z.object({ token: z.string() });
const csrfForm = z.object({ csrf: z.string() });
const setupForm = z.object({
  email: z.string().max(1024),
  name: z.string().max(1024),
  password: z.string().max(1024),
});
const shownForm = z.object({ email: z.string().max(1024).catch(""), name: z.string().max(1024).catch("") });

/** Long enough to fill in the form. */
const SETUP_MS = 3_600_000;
const BUSY_MS = 2000;

/**
 * The first administrator, by the one-time link that `serve` prints.
 *
 * A link can carry its token in the query or the fragment; a fragment needs a script, and our pages have none. The query
 * stays in the browser's history and may be sent on as a referrer, so that opening the link only trades the token for a
 * cookie and leads to the path without it: no page ever stands at an address with the token. Our audit leaves query
 * values out. The token opens nothing once there is an administrator.
 */
export function setupRoutes(scope: FastifyInstance, parts: RouteParts): void {
  const { cookies, setupLinks } = parts;
  const path = `${parts.path}/setup`;
  const name = cookies.name(SETUP_COOKIE);

  scope.get(path, async (request, reply) => {
    const query = tokenQuery.safeParse(request.query);
    const token = query.success ? query.data.token : presentedCookie(request, name);
    if (token === null || !(await setupLinks.isOpen(token))) return gone(parts, request, reply);
    if (query.success) return reply.setCookie(name, token, cookies.options(SETUP_MS)).redirect(path, 303);
    return showSetup(parts, reply, { token, status: 200, email: "", name: "", problems: {} });
  });

  scope.post(path, async (request, reply) => {
    const token = presentedCookie(request, name);
    if (token === null || !(await setupLinks.isOpen(token))) return gone(parts, request, reply);
    const shown = readForm(request.body, shownForm);
    const kept = shown.ok ? shown.value : { email: "", name: "" };
    const again = (status: number, problems: Readonly<Record<string, string>>): FastifyReply =>
      showSetup(parts, reply, { token, status, ...kept, problems });
    const proof = readForm(request.body, csrfForm);
    if (!proof.ok || !parts.csrf.check(binding(token), proof.value.csrf)) {
      parts.record(request, { action: "signin.setup", decision: "deny", reason: "csrf" });
      return again(403, { "": "The page was not good any more. Send it again." });
    }
    const form = readForm(request.body, setupForm);
    if (!form.ok) return again(422, form.problems);
    const { email, name: fullName, password } = form.value;
    try {
      const person = await setupLinks.redeem(token, { email, name: fullName, password });
      if (person === null) return gone(parts, request, reply);
      void reply.clearCookie(name, cookies.options(null));
      await parts.signIn(request, reply, { person, returnTo: null });
      parts.record(request, { action: "signin.setup", person, detail: "first administrator" });
      return reply;
    } catch (error) {
      if (error instanceof InvalidRequest) return again(422, problemsOf(error));
      if (error instanceof PasswordsBusy) return again(429, { "": waitText(reply, BUSY_MS) });
      throw error;
    }
  });
}

interface ShownSetup {
  readonly token: string;
  readonly status: number;
  readonly email: string;
  readonly name: string;
  readonly problems: Readonly<Record<string, string>>;
}

function showSetup(parts: RouteParts, reply: FastifyReply, { token, status, ...fields }: ShownSetup): FastifyReply {
  // The cookie holds the token: the page need not.
  const form = { action: `${parts.path}/setup`, csrf: parts.csrf.token(binding(token)), token: "", ...fields };
  return sendPage(reply, status, setupPage(parts.gate.chrome(null), form));
}

function gone(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  parts.record(request, { action: "signin.setup", decision: "deny", reason: "link_unknown" });
  return parts.message(request, reply, {
    status: 410,
    title: "This link no longer works",
    text: "It works once, for an hour, and only while there is no administrator. While there is nobody at all, a restart prints another; else use the command portcullis users add --admin.",
  });
}

function problemsOf(error: InvalidRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(
    error.fields.map(({ field, text }) => [field, `${text.charAt(0).toUpperCase()}${text.slice(1)}.`]),
  );
}

function binding(token: string): string {
  return `setup ${token}`;
}
