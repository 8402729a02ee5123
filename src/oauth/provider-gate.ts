import type { SettingsStore } from "../store/settings.ts";
import type { Endpoint } from "./endpoints.ts";
import { AccessOff, RegistrationOff } from "./provider-errors.ts";
import type { ProviderContext } from "./provider-context.ts";
import type { RequestLimits } from "./request-limits.ts";
import type { RequestFacts } from "./request-facts.ts";

export interface GateOptions {
  readonly settings: Pick<SettingsStore, "read">;
  readonly limits: RequestLimits;
  readonly facts: RequestFacts;
}

/** What is closed while MCP access is off. A token can still be revoked. */
const CLOSED_WHEN_OFF: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "authorization",
  "resume",
  "token",
  "pushed_authorization_request",
  "device_authorization",
  "registration",
]);

/** What takes POST alone; the preflights of scripts are answered too. */
const POSTED: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "token",
  "registration",
  "revocation",
  "introspection",
  "pushed_authorization_request",
  "device_authorization",
]);

/** The one method that an endpoint takes, where the request's is another (RFC 9110, section 15.5.6); else `null`. */
export function onlyMethod({ method }: Pick<ProviderContext, "method">, endpoint: Endpoint): "POST" | null {
  return method !== "POST" && method !== "OPTIONS" && POSTED.has(endpoint) ? "POST" : null;
}

/**
 * Looks at a request before the library does. Rejects with what it is refused with: MCP access or registration that is
 * off, a limit that is reached, `StoreUnavailable`.
 */
export function createGate({ settings, limits, facts }: GateOptions) {
  return async (ctx: ProviderContext, endpoint: Endpoint): Promise<void> => {
    if (ctx.method === "OPTIONS" || !CLOSED_WHEN_OFF.has(endpoint)) return;
    const { clientPolicy, mcpAccess } = await settings.read();
    if (!mcpAccess) throw new AccessOff();
    const address = facts.of(ctx.req)?.about.clientIp ?? "unknown";
    if (endpoint === "registration") {
      if (clientPolicy === "off") throw new RegistrationOff();
      await limits.checkRegistration(address);
    }
    if (endpoint === "device_authorization") await limits.takeDevice(address);
    if (endpoint === "authorization" || endpoint === "pushed_authorization_request") {
      await limits.takeAuthorization(address);
    }
  };
}

/**
 * Drops the cookie of the library's own session from a request: who signs in is for our session to say, and each
 * authorization begins with nothing.
 */
export function dropSession(ctx: ProviderContext, cookieName: string): void {
  const { headers } = ctx.req;
  if (headers.cookie === undefined) return;
  const kept = headers.cookie.split(";").filter((pair) => {
    const name = pair.split("=", 1)[0]?.trim();
    return name !== cookieName && name !== `${cookieName}.sig`;
  });
  headers.cookie = kept.join(";");
}

/**
 * Answers the preflight of a registration, which the library does not (Fetch, CORS protocol). It tells nothing: the
 * answer to the registration itself can be read on the client's own origins only.
 */
export function answerPreflight(ctx: ProviderContext): void {
  ctx.vary("Origin");
  ctx.set("access-control-allow-origin", ctx.get("origin") || "*");
  ctx.set("access-control-allow-methods", "POST");
  ctx.set("access-control-allow-headers", "content-type, mcp-protocol-version");
  ctx.set("access-control-max-age", "3600");
  ctx.status = 204;
}
