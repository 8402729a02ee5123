import type { FastifyPluginAsync, FastifyReply } from "fastify";
import type { Clock } from "../core/clock.ts";
import { ERRORS } from "../core/errors.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import type { Digester } from "../credentials/digest.ts";
import type { CredentialSource } from "../credentials/source.ts";
import { isTokenText } from "../credentials/token-format.ts";

export interface WhoamiOptions {
  /** Access tokens: `createAccessTokenSource`. */
  readonly tokens: CredentialSource;
  readonly digester: Digester;
  readonly clock: Clock;
  /** `oauth.path` of the configuration. */
  readonly path: string;
}

const BEARER = /^Bearer +(?<token>\S+)$/i;

/**
 * GET `whoami`: what a bearer token stands for, as JSON. The token must be one of ours in force, for any resource
 * here: it asks about itself only, and so a token for `/mcp` may ask too.
 */
export function whoamiRoute({ tokens, digester, clock, path }: WhoamiOptions): FastifyPluginAsync {
  return async (scope) => {
    scope.get(`${path}/whoami`, async (request, reply) => {
      const token = BEARER.exec(request.headers.authorization ?? "")?.groups?.["token"];
      if (token === undefined) return refuse(reply, request.id, "credential_missing");
      const facts = isTokenText(token) ? await tokens.find(digester.stored(token)) : null;
      const ended = facts === null || facts.revoked || (facts.expiresAt ?? Infinity) <= clock.now();
      if (ended) return refuse(reply, request.id, "credential_invalid");
      return reply.send(describe(facts.accepted.principal));
    });
  };
}

function describe(principal: AuthenticatedPrincipal): Record<string, unknown> {
  const { expiresAt, portal, scopes, subject } = principal;
  return {
    subject,
    client: principal.kind === "oauth" ? principal.clientId : null,
    scopes: [...scopes],
    portal,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

function refuse(
  reply: FastifyReply,
  requestId: string,
  code: "credential_missing" | "credential_invalid",
): FastifyReply {
  const { publicText: title, status } = ERRORS[code];
  return reply
    .code(status)
    .header("www-authenticate", code === "credential_missing" ? "Bearer" : 'Bearer error="invalid_token"')
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", title, status, code, request_id: requestId }));
}
