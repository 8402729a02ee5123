import type { Client, Configuration, KoaContextWithOIDC } from "oidc-provider";
import { type ClientId, isClientId } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { Clients } from "../store/clients.ts";
import type { Accounts } from "./accounts.ts";
import { clientFactories } from "./provider-config.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { ResourceServers } from "./resource-servers.ts";
import { orUnavailable } from "./store-failure.ts";

export interface ProviderFeaturesOptions {
  readonly accounts: Accounts;
  readonly clients: Pick<Clients, "get">;
  readonly facts: RequestFacts;
  readonly randomBytes: RandomBytes;
  readonly resourceServers: ResourceServers;
}

const MAX_USER_AGENT = 200;

/** The features of oidc-provider that are on, and how. */
export function providerFeatures(options: ProviderFeaturesOptions): Configuration["features"] {
  const { facts, randomBytes, resourceServers } = options;
  return {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
    dPoP: { enabled: false },
    clientCredentials: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: false },
    registration: {
      enabled: true,
      initialAccessToken: false,
      issueRegistrationAccessToken: false,
      ...clientFactories(randomBytes),
    },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => mayIntrospect(client, token, options) },
    deviceFlow: {
      enabled: true,
      charset: "base-20",
      mask: "****-****",
      deviceInfo: (ctx) => deviceInfo(ctx, facts),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? resourceServers.defaultResource,
      getResourceServerInfo: (ctx, resource, client) => resourceServers.info(ctx, resource, client),
      useGrantedResource: () => true,
    },
  };
}

interface IntrospectedToken {
  readonly iat?: number | undefined;
  readonly clientId?: string | undefined;
  readonly grantId?: string | undefined;
  readonly accountId?: string | undefined;
}

/** Its own tokens for any client; of others only for confidential clients that an administrator made. */
async function mayIntrospect(
  client: Client,
  token: object & { readonly clientId?: string | undefined },
  { accounts, clients }: ProviderFeaturesOptions,
): Promise<boolean> {
  const { accountId, clientId, grantId, iat = 0 }: IntrospectedToken = token;
  if (clientId !== client.clientId && !(await isTrusted(client, clients))) return false;
  const holder = clientId !== undefined && isClientId(clientId) ? await statusOf(clientId, clients) : null;
  if (holder !== "approved") return false;
  return grantId === undefined ? accounts.isOpenSince(iat * 1000) : accounts.holds(grantId, accountId);
}

async function statusOf(id: ClientId, clients: Pick<Clients, "get">) {
  return (await orUnavailable(() => clients.get(id)))?.status ?? null;
}

async function isTrusted({ clientAuthMethod, clientId }: Client, clients: Pick<Clients, "get">): Promise<boolean> {
  if (clientAuthMethod === "none" || !isClientId(clientId)) return false;
  return (await orUnavailable(() => clients.get(clientId)))?.origin === "administrator";
}

/** Where a device asked from, for who confirms it. */
function deviceInfo(ctx: KoaContextWithOIDC, facts: RequestFacts): { address: string; userAgent: string } {
  const address = facts.of(ctx.req)?.about.clientIp ?? "unknown";
  return { address, userAgent: ctx.get("user-agent").slice(0, MAX_USER_AGENT) };
}
