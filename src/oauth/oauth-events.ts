import { Provider, type errors, type KoaContextWithOIDC } from "oidc-provider";
import { isDigest } from "../core/ids.ts";
import { credentialIdOf } from "../credentials/access-token.ts";
import type { Digester } from "../credentials/digest.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { EventRecord } from "../telemetry/audit-record.ts";
import type { RequestFacts } from "./request-facts.ts";

export interface OAuthEventsOptions {
  readonly provider: Provider;
  readonly audit: Pick<AuditLog, "event">;
  readonly log: { error(fields: object, message: string): void };
  readonly digester: Digester;
  readonly facts: RequestFacts;
}

/** Answers that are part of waiting for a person; a device gets one every few seconds. */
const WAITING: ReadonlySet<string> = new Set(["authorization_pending"]);

type Context = Pick<KoaContextWithOIDC, "req"> & { readonly oidc?: KoaContextWithOIDC["oidc"] };
export type OAuthRecord = Omit<EventRecord, "event" | "requestId" | "clientIp">;

/** Writes a line of the audit for a request of OAuth. */
export type AuditOAuth = (ctx: Pick<Context, "req">, record: OAuthRecord) => void;

export function createAuditOAuth({ audit, facts }: Pick<OAuthEventsOptions, "audit" | "facts">): AuditOAuth {
  return (ctx, record) => {
    const about = facts.of(ctx.req)?.about;
    audit.event({ event: "oauth", ...record, requestId: about?.requestId ?? null, clientIp: about?.clientIp ?? null });
  };
}

/** Writes what the library does to the audit: who got which token, what was refused and why. Never a secret. */
export function auditProvider(options: OAuthEventsOptions): void {
  const { provider, facts, log } = options;
  const write = createAuditOAuth(options);
  const refuse = (action: string) => (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
    if (WAITING.has(error.error)) return;
    const target = clientOf(ctx);
    // The words of a cause may quote what was sent, secrets too.
    const internal = error.cause === undefined ? error.error_detail : undefined;
    const detail = [error.error_description, internal].filter((part) => part !== undefined).join("; ");
    write(ctx, { action, target, subject: subjectOf(ctx), decision: "deny", reason: error.error, detail });
  };
  provider.on("grant.success", (ctx) => write(ctx, issued(ctx, options.digester)));
  provider.on("grant.error", refuse("token.refuse"));
  provider.on("grant.revoked", (ctx, grantId) => {
    if (ctx.oidc.route === "token") {
      write(ctx, { action: "grant.reuse", target: grantId, decision: "deny", reason: "reuse", detail: detailOf(ctx) });
    } else write(ctx, { action: "grant.revoke", target: grantId, detail: detailOf(ctx) });
  });
  provider.on("registration_create.success", (ctx, { clientId }) => {
    write(ctx, { action: "client.register", target: clientId });
  });
  provider.on("registration_create.error", refuse("client.register"));
  provider.on("authorization.success", (ctx) => {
    write(ctx, { action: "authorization.answer", target: clientOf(ctx), subject: subjectOf(ctx) });
  });
  provider.on("authorization.error", refuse("authorization.refuse"));
  provider.on("pushed_authorization_request.error", refuse("authorization.refuse"));
  provider.on("device_authorization.success", (ctx) => write(ctx, { action: "device.start", target: clientOf(ctx) }));
  provider.on("device_authorization.error", refuse("device.refuse"));
  provider.on("revocation.error", refuse("token.revoke"));
  provider.on("introspection.error", refuse("token.introspect"));
  for (const kind of ["access_token", "refresh_token", "client_credentials"] as const)
    onDestroyed(kind, options, write);
  provider.on("server_error", (ctx, error) => {
    log.error({ err: error, request_id: facts.of(ctx.req)?.about.requestId }, "the authorization server failed");
  });
}

function onDestroyed(
  kind: "access_token" | "refresh_token" | "client_credentials",
  { provider, digester }: OAuthEventsOptions,
  write: AuditOAuth,
): void {
  const listener = ({ clientId, jti }: { readonly clientId?: string | undefined; readonly jti: string }): void => {
    const ctx = Provider.ctx;
    if (ctx?.oidc.route !== "revocation") return;
    const detail = `client ${clientId ?? "unknown"}; ${kind.replaceAll("_", " ")}`;
    write(ctx, { action: "token.revoke", target: tokenId(jti, digester), detail });
  };
  if (kind === "access_token") provider.on("access_token.destroyed", listener);
  else if (kind === "refresh_token") provider.on("refresh_token.destroyed", listener);
  else provider.on("client_credentials.destroyed", listener);
}

function issued(ctx: KoaContextWithOIDC, digester: Digester): OAuthRecord {
  const { AccessToken, ClientCredentials } = ctx.oidc.entities;
  const token = AccessToken ?? ClientCredentials;
  const parts = [
    detailOf(ctx),
    `grant type ${String(ctx.oidc.params?.["grant_type"])}`,
    AccessToken?.grantId,
    `scopes ${token?.scope ?? ""}`,
    `for ${String(token?.aud)}`,
  ];
  return {
    action: "token.issue",
    subject: subjectOf(ctx) ?? clientOf(ctx),
    target: token === undefined ? null : tokenId(token.jti, digester),
    detail: parts.filter((part) => part !== undefined).join("; "),
  };
}

/** The public id of a token, as the line's audit names it. */
function tokenId(token: string, digester: Digester): string | null {
  const digest = digester.stored(token);
  return isDigest(digest) ? credentialIdOf(digest) : null;
}

function detailOf(ctx: KoaContextWithOIDC): string {
  return `client ${clientOf(ctx) ?? "unknown"}`;
}

/** The client that was found; what a stranger just claims to be is left out. */
function clientOf({ oidc }: KoaContextWithOIDC): string | null {
  return oidc.client?.clientId ?? null;
}

function subjectOf({ oidc }: KoaContextWithOIDC): string | null {
  const email = oidc.account?.["email"];
  return typeof email === "string" ? email : null;
}
