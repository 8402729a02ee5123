import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from "oidc-provider";
import { isClientId, isScope, type Scope } from "../core/ids.ts";
import { commonScopes } from "../core/scopes.ts";
import { readAudience } from "../credentials/audience.ts";
import type { ProtectedResource } from "../policy/resources.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import { orUnavailable } from "./store-failure.ts";

/** Scopes that say nothing about what may be done: an ID token, and that a refresh token is wanted. */
export const OIDC_SCOPES = ["openid", "offline_access"] as const;

export interface ResourceServersOptions {
  /** An origin. */
  readonly issuer: string;
  readonly resources: () => readonly ProtectedResource[];
  readonly clients: Pick<Clients, "get">;
  readonly accessTokenSeconds: number;
}

/** What tokens can be for (RFC 8707), and what scopes a request means. */
export interface ResourceServers {
  /** The resource of a request that names none. */
  readonly defaultResource: string;
  /** What of the resource the client may be given. Throws `invalid_target` where it is none of ours. */
  info(ctx: KoaContextWithOIDC, resource: string, client: Client): Promise<ResourceServer>;
  /**
   * Puts a request for an authorization in order: one resource in its normal form; scopes that can be given, all of
   * them where none was asked for. Throws `invalid_target` and `invalid_scope`.
   */
  settle(ctx: KoaContextWithOIDC, client: Client): Promise<void>;
  /** The same for the `resource` of a token request, which may be written in another way than before. */
  settleResource(ctx: KoaContextWithOIDC): void;
  /** Throws `invalid_target` where a token request names another resource than those of its code or refresh token. */
  checkGranted(ctx: KoaContextWithOIDC, granted: unknown): void;
}

export function createResourceServers(options: ResourceServersOptions): ResourceServers {
  const { issuer, resources, clients, accessTokenSeconds } = options;

  /** A resource in its normal form, with what it has; `null` where it is not ours. */
  function locate(resource: string): { readonly url: string; readonly found: ProtectedResource } | null {
    const audience = readAudience(resource, issuer);
    const found = audience.kind === "ours" ? resources().find(({ path }) => path === audience.path) : undefined;
    return found === undefined ? null : { url: issuer + found.path, found };
  }

  function recordOf({ clientId }: Client): Promise<ClientRecord | null> {
    return isClientId(clientId) ? orUnavailable(() => clients.get(clientId)) : Promise.resolve(null);
  }

  function only(ctx: KoaContextWithOIDC): { readonly url: string; readonly found: ProtectedResource } {
    const asked = ctx.oidc.params?.["resource"] ?? issuer;
    if (Array.isArray(asked) && asked.length > 1) throw new errors.InvalidTarget("name one resource");
    const [first] = Array.isArray(asked) ? asked : [asked];
    const located = typeof first === "string" ? locate(first) : null;
    if (located === null) throw new errors.InvalidTarget();
    return located;
  }

  async function info(ctx: KoaContextWithOIDC, resource: string, client: Client): Promise<ResourceServer> {
    const located = locate(resource);
    if (located === null) throw new errors.InvalidTarget();
    const record = await recordOf(client);
    // A token is made: whatever let the client come so far, only an approved one gets it.
    if (ctx.oidc.route === "token" && record?.status !== "approved") throw new errors.UnauthorizedClient();
    const scopes = commonScopes(located.found.scopes, record?.scopes ?? []);
    if (ctx.oidc.params?.["grant_type"] === "client_credentials") settleScope(ctx, scopes);
    return {
      scope: scopes.join(" "),
      audience: located.url,
      accessTokenFormat: "opaque",
      accessTokenTTL: accessTokenSeconds,
    };
  }

  return {
    defaultResource: issuer,
    info,
    async settle(ctx, client) {
      const { params, provider, resourceServers } = ctx.oidc;
      const { url, found } = only(ctx);
      if (params === undefined || resourceServers === undefined) return;
      settleScope(ctx, commonScopes(found.scopes, (await recordOf(client))?.scopes ?? []));
      for (const known of Object.keys(resourceServers)) delete resourceServers[known];
      params["resource"] = url;
      resourceServers[url] = new provider.ResourceServer(url, await info(ctx, url, client));
    },
    settleResource(ctx) {
      const { params } = ctx.oidc;
      if (params?.["resource"] !== undefined) params["resource"] = only(ctx).url;
    },
    checkGranted(ctx, granted) {
      if (ctx.oidc.params?.["resource"] === undefined) return;
      const { url } = only(ctx);
      if (!(Array.isArray(granted) ? granted : [granted]).includes(url)) throw new errors.InvalidTarget();
    },
  };
}

/** Narrows the scopes of a request to those that can be given; all of those where it names none. */
function settleScope(ctx: KoaContextWithOIDC, offered: readonly Scope[]): void {
  const { params } = ctx.oidc;
  if (params === undefined) return;
  const { scope } = params;
  const asked = typeof scope === "string" ? scope.split(" ").filter((name) => name !== "") : [];
  const oidc = OIDC_SCOPES.filter((name) => asked.includes(name));
  // Names of another form, such as `profile`, are what clients send everywhere: they are passed over.
  const own = asked.filter(isScope);
  const given = own.length === 0 ? offered : commonScopes(own, offered);
  if (given.length === 0)
    throw new errors.InvalidScope("none of the scopes can be given to this client", own.join(" "));
  const ofPerson = params["grant_type"] === "client_credentials" ? [] : oidc;
  params["scope"] = [...ofPerson, ...given].join(" ");
}
