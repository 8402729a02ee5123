import type { FastifyReply, FastifyRequest } from "fastify";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newSecret } from "../credentials/new-ids.ts";
import type { Cookies } from "../web/cookies.ts";
import type { Csrf } from "../web/csrf.ts";
import { presentedCookie, VISIT_COOKIE } from "./cookies.ts";

/** Binds the forms of somebody who has not signed in to their browser, by a cookie of its own. */
export interface Visits {
  /** A token for a form on the page that `reply` brings. Sets the cookie where the browser has none. */
  csrfToken(request: FastifyRequest, reply: FastifyReply): string;
  checkCsrf(request: FastifyRequest, token: unknown): boolean;
  /** At sign-in: the forms of before are worth nothing after it. */
  end(reply: FastifyReply): void;
}

export function createVisits(options: {
  readonly csrf: Csrf;
  readonly cookies: Cookies;
  readonly randomBytes: RandomBytes;
}): Visits {
  const { csrf, cookies, randomBytes } = options;
  const name = cookies.name(VISIT_COOKIE);
  return {
    csrfToken(request, reply) {
      const present = presentedCookie(request, name);
      const visit = present ?? newSecret(randomBytes);
      if (present === null) void reply.setCookie(name, visit, cookies.options(null));
      return csrf.token(bindingOf(visit));
    },
    checkCsrf(request, token) {
      const visit = presentedCookie(request, name);
      return visit !== null && csrf.check(bindingOf(visit), token);
    },
    end: (reply) => void reply.clearCookie(name, cookies.options(null)),
  };
}

function bindingOf(visit: string): string {
  return `visit ${visit}`;
}
