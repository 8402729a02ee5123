import type { FastifyReply, FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Actor } from "../../administration/actor.ts";
import type { Administration } from "../../administration/administration.ts";
import type { Clock } from "../../core/clock.ts";
import type { RandomBytes } from "../../credentials/key-format.ts";
import type { SignedIn, SigninGate } from "../../signin/gate.ts";
import type { AuditLog } from "../../telemetry/audit.ts";
import type { Html } from "../../web/html.ts";
import { sendPage } from "../../web/send.ts";
import { aboutOf } from "../../web/server.ts";
import { scriptPaths } from "../assets/assets.ts";
import type { Frame, Tab } from "../pages/frame.ts";
import { forbiddenPage, stoppedPage } from "../pages/messages.ts";
import { type AdminPaths, adminPaths } from "../pages/paths.ts";
import { type NoticeCode, noticeOf, withNotice } from "./notices.ts";

/** Addresses that the pages show for people to try; `null` where there is none. */
export interface Examples {
  /** Of a route that an API key can be tried at. */
  readonly api: string | null;
  /** Of an MCP route. */
  readonly mcp: string | null;
  /** Of the OAuth token endpoint. */
  readonly token: string | null;
  /** Of the keys in the admin API. */
  readonly adminApi: string | null;
}

export interface AdminPagesOptions {
  /** `""`, or a path such as `/admin`. */
  readonly prefix: string;
  readonly administration: Administration;
  readonly gate: SigninGate;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
  /** Attempts that are refused here are events; what is done, `administration` writes down. */
  readonly audit: Pick<AuditLog, "event">;
  /** Where somebody who is signed in finds their account. */
  readonly accountPath: string;
  readonly examples: () => Examples;
}

/** What the handlers of the pages share. */
export interface Desk extends AdminPagesOptions {
  readonly paths: AdminPaths;
  /** Forms that made something already, by their CSRF tokens: a double click makes one thing. */
  readonly usedForms: LRUCache<string, true>;
}

/** An administrator's request for one page. */
export interface Visit {
  readonly desk: Desk;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly who: SignedIn;
  readonly actor: Actor;
  /** Answers with a page. */
  readonly show: (status: number, page: (frame: Frame) => Html) => Promise<FastifyReply>;
  /** Leads on to another page, which says what was done. */
  readonly leadTo: (path: string, code: NoticeCode) => FastifyReply;
  /** Says why nothing was done, with the way on. */
  readonly stop: (status: number, about: Stop) => Promise<FastifyReply>;
}

export interface Stop {
  readonly tab: Tab;
  readonly title: string;
  readonly text: string;
  readonly link: { readonly label: string; readonly href: string };
}

export type Handler = (visit: Visit) => Promise<FastifyReply>;

const USED_FORMS = 10_000;
/** Somebody looks at a page that loads: it tells who is out rather than wait for a whole lease. */
const WAIT_MS = 3000;

export function createDesk(options: AdminPagesOptions): Desk {
  const paths = adminPaths(options.prefix);
  return { ...options, paths, usedForms: new LRUCache({ max: USED_FORMS }) };
}

/** Answers a GET with `handler` for administrators, and sends nobody to sign in and members away. */
export function page(desk: Desk, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const visit = await admit(desk, request, reply);
    return visit === null ? reply : handler(visit);
  };
}

export interface ActionOptions {
  readonly tab: Tab;
  /** Shows the form again, with what was sent, where its token is stale; without it the page says so. */
  readonly again?: Handler;
  /** True for what makes something at each call: the same form does it once. */
  readonly once?: boolean;
}

/** As `page`, for a POST: the form must be ours and of this session. */
export function action(desk: Desk, options: ActionOptions, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const visit = await admit(desk, request, reply);
    if (visit === null) return reply;
    const token = csrfField.safeParse(request.body).data?.csrf ?? "";
    if (!desk.gate.checkCsrf(visit.who, token)) {
      refuse(visit.desk, request, visit.who, "csrf");
      return (options.again ?? stale(options.tab))(visit);
    }
    try {
      const { value } = await desk.administration.report(WAIT_MS, (soFar) => {
        const { reply: answer } = visit;
        const leadTo: Visit["leadTo"] = (path, code) => answer.redirect(withNotice(path, code, soFar()), 303);
        const telling = { ...visit, leadTo };
        return options.once === true ? once(telling, options.tab, token, handler) : handler(telling);
      });
      return value;
    } catch (error) {
      const known = error instanceof Error ? KNOWN_ERRORS[error.name] : undefined;
      if (known === undefined) throw error;
      const link = { label: "Back to the overview", href: desk.paths.home };
      return visit.stop(known.status, { ...known, tab: options.tab, link });
    }
  };
}

const csrfField = z.object({ csrf: z.string() });

/** What to do is said in words; the names are of classes that the layers below own. */
const KNOWN_ERRORS: Readonly<
  Record<string, { readonly status: number; readonly title: string; readonly text: string }>
> = {
  AuditUnavailable: {
    status: 503,
    title: "Nothing was changed",
    text: "The audit cannot be written now, and nothing may be changed without it.",
  },
  PasswordsBusy: {
    status: 503,
    title: "Nothing was changed",
    text: "Too many passwords are being checked. Try again in a moment.",
  },
};

/** `null` where the answer is given already. */
async function admit(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<Visit | null> {
  const { gate } = desk;
  const who = await gate.current(request);
  if (who === null) {
    void reply.redirect(gate.signInUrl(request.url), 303);
    return null;
  }
  if (who.person.role !== "admin") {
    refuse(desk, request, who, "forbidden");
    const about = { email: who.person.email, account: desk.accountPath };
    void sendPage(reply, 403, forbiddenPage(gate.chrome(who), about));
    return null;
  }
  return visitOf(desk, request, reply, who);
}

function visitOf(desk: Desk, request: FastifyRequest, reply: FastifyReply, who: SignedIn): Visit {
  const { clientIp, requestId } = aboutOf(request);
  const show: Visit["show"] = async (status, make) =>
    sendPage(reply, status, make(await frameOf(desk, request, who)), { scripts: true });
  return {
    desk,
    request,
    reply,
    who,
    actor: { subject: who.person.email, kind: "session", address: clientIp, requestId },
    show,
    leadTo: (path, code) => reply.redirect(withNotice(path, code, null), 303),
    stop: (status, about) => show(status, (frame) => stoppedPage(frame, about)),
  };
}

async function frameOf(desk: Desk, request: FastifyRequest, who: SignedIn): Promise<Frame> {
  const { administration, clock, gate, paths } = desk;
  const { waitingClients } = await administration.status();
  return {
    chrome: gate.chrome(who),
    paths,
    csrf: gate.csrfToken(who),
    waitingClients: waitingClients ?? 0,
    notice: noticeOf(request.query),
    scripts: scriptPaths(paths),
    now: clock.now(),
  };
}

function refuse({ audit }: Desk, request: FastifyRequest, { person }: SignedIn, reason: "csrf" | "forbidden"): void {
  const { clientIp, requestId } = aboutOf(request);
  audit.event({
    event: "admin",
    action: "page.refuse",
    subject: person.email,
    target: person.id,
    decision: "deny",
    reason,
    clientIp,
    requestId,
  });
}

/** What a form says whose token is stale. */
export const STALE_FORM = "This page was open too long. Nothing was changed; send the form again.";

function stale(tab: Tab): Handler {
  return ({ desk, request, stop }) =>
    stop(403, {
      tab,
      title: "Nothing was changed",
      text: "The page was open too long, or the form was not sent from here. Open it again.",
      link: { label: "Open the page again", href: safeBack(desk, request) },
    });
}

/** The page at the same address: each form is shown where it is sent to, or leads on from there. */
function safeBack({ paths }: Desk, { routeOptions, url }: FastifyRequest): string {
  return routeOptions.url === undefined ? paths.home : url;
}

async function once(visit: Visit, tab: Tab, token: string, handler: Handler): Promise<FastifyReply> {
  const { desk, reply, stop } = visit;
  const { usedForms, paths } = desk;
  if (usedForms.has(token)) {
    return stop(409, {
      tab,
      title: "This form was sent already",
      text: "What it asked for was made then. It is not made twice, and what was shown once is not shown again.",
      link: { label: "Back to the overview", href: paths.home },
    });
  }
  usedForms.set(token, true);
  let made = false;
  try {
    // A reply is awaited until it is sent.
    await handler(visit);
    made = reply.statusCode < 400;
  } finally {
    if (!made) usedForms.delete(token);
  }
  return reply;
}
