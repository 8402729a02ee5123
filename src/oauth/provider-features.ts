import type { Configuration, KoaContextWithOIDC } from "oidc-provider";
import type { RandomBytes } from "../credentials/key-format.ts";
import { clientFactories } from "./provider-config.ts";
import type { MayIntrospect } from "./introspection.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { ResourceServers } from "./resource-servers.ts";

export interface ProviderFeaturesOptions {
  readonly mayIntrospect: MayIntrospect;
  readonly facts: RequestFacts;
  readonly randomBytes: RandomBytes;
  readonly resourceServers: ResourceServers;
}

const MAX_USER_AGENT = 200;

/** The features of oidc-provider that are on, and how. */
export function providerFeatures(options: ProviderFeaturesOptions): Configuration["features"] {
  const { facts, mayIntrospect, randomBytes, resourceServers } = options;
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
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => mayIntrospect(client, token) },
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

/** Where a device asked from, for who confirms it. */
function deviceInfo(ctx: KoaContextWithOIDC, facts: RequestFacts): { address: string; userAgent: string } {
  const address = facts.of(ctx.req)?.about.clientIp ?? "unknown";
  return { address, userAgent: ctx.get("user-agent").slice(0, MAX_USER_AGENT) };
}
