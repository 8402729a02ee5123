import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Scope } from "../core/ids.ts";
import type { Digester } from "../credentials/digest.ts";
import type { SignedIn, SigninGate } from "../signin/gate.ts";
import type { CounterStore, DocumentStore } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { EventRecord } from "../telemetry/audit-record.ts";
import { listOf } from "../web/form.ts";
import { sendPage } from "../web/send.ts";
import { aboutOf } from "../web/server.ts";
import type { ApproveWhileOpenOptions } from "./approve-while-open.ts";
import type { AuthorizationServer } from "./authorization-server.ts";
import { type PostedDecision, scopeText } from "./consent.ts";
import type { ConsentRequest } from "./consent-request.ts";
import type { ConsentView } from "./pages/consent-view.ts";
import { messagePage, waitingPage } from "./pages/messages.ts";

/** What the pages on which people decide about clients need. */
export interface ConsentPagesOptions extends ApproveWhileOpenOptions {
  readonly server: Pick<AuthorizationServer, "provider">;
  readonly gate: SigninGate;
  readonly documents: Pick<DocumentStore, "get" | "replace" | "consume">;
  readonly counters: CounterStore;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly audit: Pick<AuditLog, "event">;
  /** The catalogue with its words. */
  readonly scopes: () => ReadonlyMap<Scope, string>;
  /** `oauth.path` of the configuration. */
  readonly path: string;
}

/** A request of somebody who is signed in, with its answer. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly who: SignedIn;
}

type Open = Extract<ConsentRequest, { kind: "open" }>;

/** Fields of a decision. `csrf` is looked at before. */
export const decisionFields = {
  decision: z.enum(["approve", "deny"]),
  scope: listOf(z.string().max(128)),
  portal: z.string().max(128).default(""),
} as const;

/** The token of a form, wherever it went wrong. */
export function postedCsrf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "csrf" in body ? body.csrf : null;
}

/** Said where the CSRF token is not the one of this session: somebody else signed in, or another site sent the form. */
export const STALE_FORM = "The form was out of date, so nothing was done. Please check it and send it again.";

/** The page of a request that is open, with what was chosen before where it was shown already. */
export function consentView(
  { client, offer, resource }: Open,
  { gate, clock, scopes }: Pick<ConsentPagesOptions, "gate" | "clock" | "scopes">,
  page: {
    readonly who: SignedIn;
    readonly action: string;
    readonly redirectHost: string | null;
    readonly posted: PostedDecision | null;
    readonly problem: string | null;
  },
): ConsentView {
  const { who, action, redirectHost, posted, problem } = page;
  const catalogue = scopes();
  return {
    action,
    csrf: gate.csrfToken(who),
    client,
    redirectHost,
    resource: resource.url,
    scopes: offer.scopes.map((scope) => ({
      scope,
      text: scopeText(catalogue, scope),
      checked: posted === null || posted.scope.includes(scope),
    })),
    portals: { ...offer.portals, chosen: posted?.portal ?? null },
    problem,
    now: clock.now(),
  };
}

/** What people did, for the audit. */
export function auditOf(
  { request, who }: Exchange,
  audit: Pick<AuditLog, "event">,
): (record: Pick<EventRecord, "action" | "target" | "decision" | "reason" | "detail">) => void {
  const { requestId, clientIp } = aboutOf(request);
  return (record) => audit.event({ event: "oauth", subject: who.person.email, requestId, clientIp, ...record });
}

/** Answers with a page that says something. */
export function say(
  { request, reply, who }: Exchange,
  { gate }: Pick<ConsentPagesOptions, "gate">,
  status: number,
  message: Omit<Parameters<typeof messagePage>[1], "requestId">,
): FastifyReply {
  const page = messagePage(gate.chrome(who), { ...message, requestId: aboutOf(request).requestId });
  return sendPage(reply, status, page);
}

/** A person who reloads the page is in the audit once an hour. */
const WAITING_WINDOW_MS = 3_600_000;

/** Answers a request that is not open: refused, or waiting for an administrator. */
export async function sayClosed(
  exchange: Exchange,
  closed: Exclude<ConsentRequest, Open>,
  options: Pick<ConsentPagesOptions, "gate" | "audit" | "counters">,
): Promise<FastifyReply> {
  const { reply, who } = exchange;
  const tell = auditOf(exchange, options.audit);
  if (closed.kind === "refused") {
    tell({ action: "consent.refuse", decision: "deny", reason: closed.reason });
    return say(exchange, options, 403, closed);
  }
  const { id: clientId, name: clientName } = closed.client;
  const { count } = await options.counters.add(`oauth:waiting:${who.person.id}:${clientId}`, WAITING_WINDOW_MS);
  if (count === 1) tell({ action: "client.waiting", target: clientId, decision: "deny", reason: "client_waiting" });
  return sendPage(reply, 200, waitingPage(options.gate.chrome(who), { clientName, clientId }));
}
