import type { FastifyRequest } from "fastify";
import type { PersonRecord } from "../store/people.ts";
import type { Chrome } from "../web/chrome.ts";
import type { Cookies } from "../web/cookies.ts";
import type { Csrf } from "../web/csrf.ts";
import { presentedCookie, SESSION_COOKIE } from "./cookies.ts";
import type { Sessions } from "./sessions.ts";

/** Somebody with a session, as read from the store for this request. */
export interface SignedIn {
  readonly person: PersonRecord;
  /** The digest under which the session is stored: forms are bound to it. */
  readonly sessionId: string;
  /** Wall clock, ms. */
  readonly signedInAt: number;
  /** When the person proved last who they are; wall clock ms. */
  readonly provedAt: number;
}

/** What pages that need a signed-in person use. */
export interface SigninGate {
  /**
   * Who makes the request; `null` for nobody, an ended session or a disabled person. Rejects with `StoreUnavailable`.
   */
  current(request: FastifyRequest): Promise<SignedIn | null>;
  /** Where to send somebody who has to sign in first. `returnTo` is a local path with its query. */
  signInUrl(returnTo: string): string;
  /** Where somebody who is signed in proves anew who they are. */
  signInAgainUrl(returnTo: string): string;
  /** For the forms of this session. */
  csrfToken(who: SignedIn): string;
  checkCsrf(who: SignedIn, token: unknown): boolean;
  /** What each page shows around its body: with a person, their name and the way out. */
  chrome(who: SignedIn | null): Chrome;
}

export interface SigninGateOptions {
  readonly sessions: Pick<Sessions, "find">;
  readonly csrf: Csrf;
  readonly cookies: Cookies;
  /** `signin.path` of the configuration. */
  readonly path: string;
  /** URL path of the stylesheet. */
  readonly stylesheet: string;
}

/** See `SigninGate`. */
export function createSigninGate({ sessions, csrf, cookies, path, stylesheet }: SigninGateOptions): SigninGate {
  const sessionCookie = cookies.name(SESSION_COOKIE);
  const csrfToken = (who: SignedIn): string => csrf.token(binding(who));
  return {
    async current(request) {
      const token = presentedCookie(request, sessionCookie);
      return token === null ? null : sessions.find(token);
    },
    signInUrl: (returnTo) => signInPath(path, { returnTo, again: false }),
    signInAgainUrl: (returnTo) => signInPath(path, { returnTo, again: true }),
    csrfToken,
    checkCsrf: (who, token) => csrf.check(binding(who), token),
    chrome: (who) => ({
      stylesheet,
      person: who === null ? null : { name: who.person.name, email: who.person.email },
      signOut: who === null ? null : { action: `${path}/out`, csrf: csrfToken(who) },
    }),
  };
}

/** A page of sign-in that leads on to `returnTo`; with `again` it asks whoever is signed in, too. */
export function signInPath(path: string, { again, returnTo }: { returnTo: string | null; again: boolean }): string {
  const query = new URLSearchParams();
  if (returnTo !== null) query.set("return_to", returnTo);
  if (again) query.set("again", "1");
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Apart from what binds the forms of those who have not signed in. */
function binding(who: SignedIn): string {
  return `session ${who.sessionId}`;
}
