import type { FastifyRequest } from "fastify";
import type { AdminTokenCheck } from "../../administration/admin-tokens.ts";
import type { Actor } from "../../administration/actor.ts";
import type { OwnRequest } from "../../core/own-request.ts";
import { SESSION_COOKIE } from "../../signin/cookies.ts";
import type { SigninGate } from "../../signin/gate.ts";
import { networkOf } from "../../signin/network.ts";
import type { CounterStore } from "../../store/types.ts";
import type { Caller } from "./operation.ts";
import { ApiProblem } from "./problem.ts";

export interface ApiAuthOptions {
  readonly gate: Pick<SigninGate, "current" | "csrfToken" | "checkCsrf">;
  readonly tokens: AdminTokenCheck;
  readonly counters: Pick<CounterStore, "add">;
  readonly now: () => number;
  /** The origin that our own pages have for this request. */
  readonly origin: (request: FastifyRequest) => string;
}

/** Tells who calls, or throws `ApiProblem`. Rejects with `StoreUnavailable`. */
export type ApiAuth = (request: FastifyRequest, about: OwnRequest) => Promise<Caller>;

const WINDOW_MS = 15 * 60_000;
/** Bad tokens that an address may send in a window; more are told to wait. */
const BAD_TOKENS = 20;
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const BEARER = /^Bearer ([\x21-\x7e]{1,256})$/i;
const CHALLENGE = { "www-authenticate": 'Bearer realm="portcullis-admin"' };

/**
 * An administrator's session, with a CSRF token for all that may change something, or an admin token. Both at once, or
 * one twice, is refused: which of them counts would be a guess.
 */
export function createApiAuth(options: ApiAuthOptions): ApiAuth {
  return async (request, about) => {
    const fields = request.raw.headersDistinct;
    const authorization = fields["authorization"] ?? [];
    const hasSession = hasSessionCookie(request);
    if (authorization.length > 1 || (authorization.length === 1 && hasSession) || fields["x-api-key"] !== undefined) {
      throw new ApiProblem("ambiguous_credential");
    }
    const [value] = authorization;
    return value === undefined ? bySession(request, about, options) : byToken(value, about, options);
  };
}

/** The name on http, and the one on https. */
function hasSessionCookie({ cookies }: FastifyRequest): boolean {
  return cookies[SESSION_COOKIE] !== undefined || cookies[`__Host-${SESSION_COOKIE}`] !== undefined;
}

async function bySession(
  request: FastifyRequest,
  { clientIp, requestId }: OwnRequest,
  { gate, origin }: ApiAuthOptions,
): Promise<Caller> {
  const who = await gate.current(request);
  if (who === null) throw new ApiProblem("credential_missing", { headers: CHALLENGE });
  const { person } = who;
  const about = { subject: person.email };
  if (isFromOtherSite(request, origin(request))) throw new ApiProblem("origin_forbidden", about);
  if (person.role !== "admin") throw new ApiProblem("forbidden", about);
  if (!SAFE.has(request.method) && !gate.checkCsrf(who, request.headers["x-csrf-token"])) {
    throw new ApiProblem("csrf_invalid", about);
  }
  const { provedAt } = who;
  const actor: Actor = { subject: person.email, kind: "session", provedAt, address: clientIp, requestId };
  return { actor, id: person.id, csrfToken: gate.csrfToken(who) };
}

/** Reading is refused, too: no page of another site has a reason to. */
function isFromOtherSite({ headers }: FastifyRequest, ownOrigin: string): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return headers.origin !== undefined && headers.origin !== ownOrigin;
}

async function byToken(
  value: string,
  { clientIp, requestId }: OwnRequest,
  { counters, now, tokens }: ApiAuthOptions,
): Promise<Caller> {
  const name = `admin_token:address:${networkOf(clientIp)}`;
  const token = BEARER.exec(value)?.[1];
  const record = token === undefined ? null : await tokens.verify(token);
  // A good token is never made to wait: who shares its address could lock it out.
  if (record === null) {
    const { count, resetsAt } = await counters.add(name, WINDOW_MS);
    if (count > BAD_TOKENS) {
      const seconds = Math.max(1, Math.ceil((resetsAt - now()) / 1000));
      throw new ApiProblem("too_many_requests", { headers: { "retry-after": `${seconds}` } });
    }
    throw new ApiProblem("credential_invalid", {
      headers: { "www-authenticate": `${CHALLENGE["www-authenticate"]}, error="invalid_token"` },
    });
  }
  const subject = `token:${record.name}`;
  const actor: Actor = { subject, kind: "token", credential: record.id, address: clientIp, requestId };
  return { actor, id: record.id, csrfToken: null };
}
