import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { codeOf, type Reason } from "../core/decision.ts";
import { ERRORS } from "../core/errors.ts";
import { KEY_PREFIX } from "../core/key-prefix.ts";
import type { OAuthPrincipal } from "../core/principal.ts";
import type { Authenticator } from "../credentials/authenticate.ts";
import { credentialFieldsOf, extractCredential } from "../credentials/extract.ts";
import { sendProblem } from "../web/send.ts";

export interface WhoamiOptions {
  readonly authenticator: Authenticator;
  /** `oauth.path` of the configuration. */
  readonly path: string;
}

/**
 * GET `whoami`: what a bearer token stands for, as JSON. It is taken out of the request and looked up as the line does.
 * The token must be one of ours in force, for any resource here: it asks about itself only, and so a token for `/mcp`
 * may ask too. Keys are no tokens.
 */
export function whoamiRoute({ authenticator, path }: WhoamiOptions): FastifyPluginAsync {
  return async (scope) => {
    scope.get(`${path}/whoami`, async (request, reply) => {
      const { rawHeaders, url = "" } = request.raw;
      const credential = extractCredential(credentialFieldsOf(rawHeaders, url));
      if (credential.kind === "none") return refuse(reply, "credential_missing");
      if (credential.kind === "refused") return refuse(reply, credential.deny.reason);
      if (credential.secret.startsWith(KEY_PREFIX)) return refuse(reply, "credential_unknown");
      const found = await authenticator.authenticate(credential.secret, credential.via);
      if (!found.ok) return refuse(reply, found.deny.reason);
      if (found.principal.kind !== "oauth") return refuse(reply, "credential_unknown");
      return reply.send(describe(found.principal));
    });
  };
}

function describe({ clientId, expiresAt, portal, scopes, subject }: OAuthPrincipal): Record<string, unknown> {
  return {
    subject,
    client: clientId,
    scopes: [...scopes],
    portal,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

function refuse(reply: FastifyReply, reason: Reason): FastifyReply {
  const code = codeOf(reason);
  const { status } = ERRORS[code];
  if (status === 401) {
    // RFC 6750 §3.1: no error code where the request brought no credential.
    reply.header("www-authenticate", code === "credential_missing" ? "Bearer" : 'Bearer error="invalid_token"');
  }
  if (status === 503) reply.header("retry-after", "1");
  return sendProblem(reply, code);
}
