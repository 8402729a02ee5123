import { errors, type Provider } from "oidc-provider";
import { StoreUnavailable } from "../store/types.ts";
import type { Log } from "../telemetry/log.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";
import type { AuditOAuth } from "./oauth-events.ts";
import type { Middleware, ProviderContext } from "./provider-context.ts";
import { answerError, type ErrorPages, MethodNotAllowed } from "./provider-errors.ts";
import { answerPreflight, dropSession, onlyMethod } from "./provider-gate.ts";
import { LimitReached } from "./request-limits.ts";
import type { RequestFacts } from "./request-facts.ts";

export interface FrameOptions {
  readonly provider: Pick<Provider, "cookieName">;
  readonly endpoints: Endpoints;
  readonly gate: (ctx: ProviderContext, endpoint: Endpoint) => Promise<void>;
  readonly answers: (ctx: ProviderContext, endpoint: Endpoint) => Promise<void>;
  readonly page: ErrorPages;
  readonly audit: AuditOAuth;
  readonly log: Pick<Log, "error">;
  readonly facts: RequestFacts;
}

/** What stands around the library: it is asked only what the gate lets through, and its answers are put right. */
export function createFrame({ provider, endpoints, gate, answers, page, audit, log, facts }: FrameOptions): Middleware {
  const sessionCookie = provider.cookieName("session");
  return async (ctx, next) => {
    const endpoint = endpoints.nameOf(ctx.path);
    if (endpoint === null) return;
    if (endpoint === "registration" && ctx.method === "OPTIONS") {
      answerPreflight(ctx);
      return;
    }
    const allow = onlyMethod(ctx, endpoint);
    if (allow !== null) {
      ctx.set("allow", allow);
      answerError(ctx, new MethodNotAllowed(allow), null);
      return;
    }
    const browser = endpoint === "authorization" || endpoint === "resume";
    try {
      await gate(ctx, endpoint);
      if (browser) dropSession(ctx, sessionCookie);
      await next();
      await answers(ctx, endpoint);
      if (ctx.status === 429) ctx.set("retry-after", String(RETRY_SECONDS));
    } catch (caught) {
      const error = refusalOf(caught);
      if (error.statusCode >= 500) {
        log.error({ err: caught, request_id: facts.of(ctx.req)?.about.requestId }, "OAuth failed");
      } else
        audit(ctx, {
          action: ACTIONS[endpoint],
          decision: "deny",
          reason: error.error,
          detail: error.error_description ?? null,
        });
      if (error instanceof LimitReached) ctx.set("retry-after", String(error.retryAfterSeconds));
      answerError(ctx, error, browser ? page : null);
    }
  };
}

/** When a limit was reached inside the library, which tells no more of it. */
const RETRY_SECONDS = 3600;

const ACTIONS: Readonly<Record<Endpoint, string>> = {
  authorization: "authorization.refuse",
  resume: "authorization.refuse",
  pushed_authorization_request: "authorization.refuse",
  token: "token.refuse",
  registration: "client.register",
  device_authorization: "device.refuse",
  revocation: "token.revoke",
  introspection: "token.introspect",
  jwks: "jwks.refuse",
  discovery: "metadata.refuse",
};

function refusalOf(caught: unknown): errors.OIDCProviderError {
  if (caught instanceof errors.OIDCProviderError) return caught;
  if (caught instanceof StoreUnavailable) return new errors.OIDCProviderError(503, "temporarily_unavailable");
  return new errors.OIDCProviderError(500, "server_error");
}
