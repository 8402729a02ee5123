import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Actor } from "../../administration/actor.ts";
import type { Administration } from "../../administration/administration.ts";
import { AuditUnavailable } from "../../administration/audit-trail.ts";
import { isFreshProof, SigninStale } from "../../administration/authority.ts";
import type { Clock } from "../../core/clock.ts";
import type { RandomBytes } from "../../credentials/key-format.ts";
import type { CredentialExample } from "../../policy/request-example.ts";
import type { Policy } from "../../policy/types.ts";
import type { SignedIn, SigninGate } from "../../signin/gate.ts";
import { PasswordsBusy } from "../../signin/password.ts";
import type { ApiKeyRecord, DocumentStore } from "../../store/types.ts";
import type { AuditLog } from "../../telemetry/audit.ts";
import { notice } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";
import { sendPage } from "../../web/send.ts";
import { aboutOf } from "../../web/server.ts";
import { scriptPaths } from "../assets/assets.ts";
import type { Frame, Tab } from "../pages/frame.ts";
import { forbiddenPage, stoppedPage } from "../pages/messages.ts";
import { type AdminPaths, adminPaths } from "../pages/paths.ts";
import { type NoticeCode, noticeOf, withNotice } from "./notices.ts";
import { createUsedForms, type UsedForms } from "./used-forms.ts";

/** What the pages show for people to try. Addresses are `null` where there is none. */
export interface Examples {
  /** Of the service, for its callers. */
  readonly origin: string;
  /** What a key can be tried at. */
  readonly forKey: (key: ApiKeyRecord) => CredentialExample | null;
  /** Address of an MCP route. */
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
  readonly documents: Pick<DocumentStore, "insert" | "remove">;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
  /** Attempts that are refused here are events; what is done, `administration` writes down. */
  readonly audit: Pick<AuditLog, "event">;
  /** The rules in force. */
  readonly policy: () => Policy;
  /** Where somebody who is signed in finds their account. */
  readonly accountPath: string;
  readonly examples: () => Examples;
}

/** What the handlers of the pages share. */
export interface Desk extends AdminPagesOptions {
  readonly paths: AdminPaths;
  readonly usedForms: UsedForms;
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
  /** What a form says that is shown again and had nothing done with it. */
  readonly notDone: string;
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

/** What a page leaves somebody to fill in its form, where the form needs a fresh sign-in. */
const FILL_IN_MS = 5 * 60_000;
/** Somebody looks at a page that loads: it tells who is out rather than wait for a whole lease. */
const WAIT_MS = 3000;

export function createDesk(options: AdminPagesOptions): Desk {
  const paths = adminPaths(options.prefix);
  return { ...options, paths, usedForms: createUsedForms(options) };
}

/** Answers a GET with `handler` for administrators, and sends nobody to sign in and members away. */
export function page(desk: Desk, handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const visit = await admit(desk, request, reply);
    return visit === null ? reply : handler(visit);
  };
}

/** As `handler`, for a form that needs a fresh sign-in: it is asked for before somebody fills in the form. */
export function withFreshSignin(handler: Handler): Handler {
  return async (visit) => {
    const { desk, reply, request, who } = visit;
    if (isFreshProof(who.provedAt, desk.clock.now(), FILL_IN_MS)) return handler(visit);
    return reply.redirect(desk.gate.signInAgainUrl(request.url), 303);
  };
}

export interface ActionOptions {
  readonly tab: Tab;
  /** Shows the form again, with what was sent, where its token or the sign-in is stale; without it the page says so. */
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
      if (error instanceof SigninStale) return askSignIn(visit, options);
      const text = error instanceof Error ? KNOWN_FAILURES.get(error.constructor) : undefined;
      if (text === undefined) throw error;
      const link = { label: "Back to the overview", href: desk.paths.home };
      return visit.stop(503, { tab: options.tab, title: "Nothing was changed", text, link });
    }
  };
}

const csrfField = z.object({ csrf: z.string() });

/** Failures that are told in words for what to do. */
const KNOWN_FAILURES = new Map<unknown, string>([
  [AuditUnavailable, "The audit cannot be written now, and nothing may be changed without it."],
  [PasswordsBusy, "Too many passwords are being checked. Try again in a moment."],
]);

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
    actor: { subject: who.person.email, kind: "session", provedAt: who.provedAt, address: clientIp, requestId },
    show,
    leadTo: (path, code) => reply.redirect(withNotice(path, code, null), 303),
    notDone: STALE_FORM,
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

const STALE_FORM = "This page was open too long. Nothing was changed; send the form again.";

function stale(tab: Tab): Handler {
  return ({ desk, request, stop }) =>
    stop(403, {
      tab,
      title: "Nothing was changed",
      text: "The page was open too long, or the form was not sent from here. Open it again.",
      link: { label: "Open the page again", href: safeBack(desk, request) },
    });
}

/** Leads to sign in again, and keeps what was filled in meanwhile. */
function askSignIn(visit: Visit, { again, tab }: ActionOptions): Promise<FastifyReply> {
  const href = visit.desk.gate.signInAgainUrl(safeBack(visit.desk, visit.request));
  const text = "You signed in more than ten minutes ago. Nothing was changed.";
  if (again === undefined) {
    const link = { label: "Sign in again", href };
    return visit.stop(403, { tab, title: "Confirm that it is you", text, link });
  }
  const link = html`<a href="${href}" target="_blank">Sign in again in another tab</a>, then send this form again.`;
  const show: Visit["show"] = (status, make) =>
    visit.show(status, (frame) => make({ ...frame, notice: notice("warning", link) }));
  return again({ ...visit, show, notDone: text });
}

/** The page at the same address: each form is shown where it is sent to, or leads on from there. */
function safeBack({ paths }: Desk, { routeOptions, url }: FastifyRequest): string {
  return routeOptions.url === undefined ? paths.home : url;
}

async function once(visit: Visit, tab: Tab, token: string, handler: Handler): Promise<FastifyReply> {
  const { desk, reply, stop } = visit;
  const { usedForms, paths } = desk;
  if (!(await usedForms.use(token))) {
    return stop(409, {
      tab,
      title: "This form was sent already",
      text: "What it asked for was made then. It is not made twice, and what was shown once is not shown again.",
      link: { label: "Back to the overview", href: paths.home },
    });
  }
  let made = false;
  try {
    // A reply is awaited until it is sent.
    await handler(visit);
    made = reply.statusCode < 400;
  } finally {
    // Where that fails, the form is used up: what is shown again has a new token.
    if (!made) await usedForms.giveBack(token).catch(() => {});
  }
  return reply;
}
