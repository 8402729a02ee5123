import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { PersonRecord } from "../store/people.ts";
import type { CounterStore } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { EventRecord } from "../telemetry/audit-record.ts";
import type { Cookies } from "../web/cookies.ts";
import type { Csrf } from "../web/csrf.ts";
import { returnPath } from "../web/return-path.ts";
import { sendPage } from "../web/send.ts";
import { aboutOf } from "../web/server.ts";
import type { CompanySignin } from "./company.ts";
import { DEVICE_COOKIE, presentedCookie, SESSION_COOKIE } from "./cookies.ts";
import type { SigninGate } from "./gate.ts";
import { signinMessagePage } from "./message-page.ts";
import type { PasswordSignin } from "./password-signin.ts";
import type { Sessions } from "./sessions.ts";
import type { SetupLinks } from "./setup-link.ts";
import { createVisits, type Visits } from "./visit.ts";

/** What the sign-in pages work with. */
export interface SigninRoutesOptions {
  /** `signin.path` of the configuration. */
  readonly path: string;
  /** Life of a session, in ms. */
  readonly sessionMs: number;
  /** Paths that somebody may be sent back to, and under them. */
  readonly returnPrefixes: readonly string[];
  readonly gate: SigninGate;
  readonly sessions: Sessions;
  readonly passwordSignin: PasswordSignin;
  readonly setupLinks: SetupLinks;
  readonly company: { readonly name: string; readonly signin: CompanySignin } | null;
  readonly counters: CounterStore;
  readonly clock: Pick<Clock, "now">;
  readonly csrf: Csrf;
  readonly cookies: Cookies;
  readonly randomBytes: RandomBytes;
  readonly audit: Pick<AuditLog, "event">;
  /** Pages that the account page leads to. */
  readonly links: (person: PersonRecord) => readonly { readonly label: string; readonly href: string }[];
  /** Name of the client on whose behalf somebody is sent to sign in, by where they go back to. */
  readonly clientName: (returnTo: string) => Promise<string | null>;
}

/** What the groups of routes share. */
export interface RouteParts extends SigninRoutesOptions {
  readonly visits: Visits;
  /** Where to go back to; `null` where the text names no page of ours. */
  returnTo(text: unknown): string | null;
  /** Begins a session in place of the one that the browser came with, and leads on. */
  signIn(request: FastifyRequest, reply: FastifyReply, who: Proved): Promise<void>;
  setDevice(reply: FastifyReply, device: string): void;
  record(request: FastifyRequest, event: SigninEvent): void;
  message(request: FastifyRequest, reply: FastifyReply, message: Message): FastifyReply;
}

export interface Proved {
  readonly person: PersonRecord;
  /** When they proved who they are, wall clock ms; now where it is not given. */
  readonly provedAt?: number;
  readonly returnTo: string | null;
}

export type SigninEvent = Pick<EventRecord, "action" | "decision" | "reason" | "detail"> & {
  /** Whom it was about, where that is known. What was typed is not written: it may be a password. */
  readonly person?: PersonRecord | null;
};

export interface Message {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  /** Where to send the person, instead of back to sign-in. */
  readonly link?: { readonly label: string; readonly href: string };
}

/** As long as browsers keep a cookie. */
const DEVICE_MS = 400 * 86_400_000;

export function routeParts(options: SigninRoutesOptions): RouteParts {
  const { audit, cookies, gate, path, sessions } = options;
  const visits = createVisits(options);
  const sessionCookie = cookies.name(SESSION_COOKIE);
  return {
    ...options,
    visits,
    returnTo: (text) => returnPath(text, options.returnPrefixes),
    async signIn(request, reply, { person, provedAt, returnTo }) {
      const { token } = await sessions.begin(person, presentedCookie(request, sessionCookie), provedAt);
      visits.end(reply);
      void reply.setCookie(sessionCookie, token, cookies.options(options.sessionMs)).redirect(returnTo ?? path, 303);
    },
    setDevice(reply, device) {
      void reply.setCookie(cookies.name(DEVICE_COOKIE), device, cookies.options(DEVICE_MS));
    },
    record(request, { person, ...event }) {
      const { clientIp, requestId } = aboutOf(request);
      const who = person == null ? {} : { subject: person.email, target: person.id };
      audit.event({ event: "signin", ...event, ...who, clientIp, requestId });
    },
    message(request, reply, { status, title, text, link = { label: "Back to sign-in", href: path } }) {
      const { requestId } = aboutOf(request);
      return sendPage(reply, status, signinMessagePage(gate.chrome(null), { title, text, link, requestId }));
    },
  };
}

/** Says how long to wait, in words and for programs (RFC 9110, section 10.2.3). */
export function waitText(reply: FastifyReply, waitMs: number): string {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  void reply.header("retry-after", String(seconds));
  if (seconds < 60) return `Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
  const minutes = Math.ceil(seconds / 60);
  return `Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`;
}
