import type { FastifyInstance, FastifyPluginAsync, HTTPMethods } from "fastify";
import type Provider from "oidc-provider";
import { aboutOf, registerRawBodies } from "../web/server.ts";
import { METADATA_PATHS } from "./endpoints.ts";
import { resourceMetadataRoutes } from "./metadata.ts";
import { createProvider, type ProviderOptions } from "./provider.ts";
import { createRequestFacts, type RequestFacts } from "./request-facts.ts";

export type AuthorizationServerOptions = Omit<ProviderOptions, "facts">;

export interface AuthorizationServer {
  readonly provider: Provider;
  /** The endpoints under `config.path` that no page takes, and the documents under `/.well-known`. */
  readonly routes: FastifyPluginAsync;
}

const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/**
 * Makes the authorization server for MCP clients: authorization code with PKCE, refresh, client credentials, the device
 * grant, PAR, registration, revocation, introspection. Its state is in the store, so that any instance answers.
 */
export async function createAuthorizationServer(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
  const facts = createRequestFacts();
  const { provider, endpoints } = createProvider({ ...options, facts });
  const { device: _page, ...served } = endpoints.paths;
  const urls = [...Object.values(served), `${served.authorization}/:uid`, ...METADATA_PATHS];
  return {
    provider,
    routes: async (scope) => {
      await scope.register(async (raw) => handOver(raw, { provider, urls, facts, now: () => options.clock.now() }));
      await scope.register(resourceMetadataRoutes(options));
    },
  };
}

/** Hands requests to the library as they came, with their bodies unread. */
function handOver(
  scope: FastifyInstance,
  options: {
    readonly provider: Provider;
    readonly urls: readonly string[];
    readonly facts: RequestFacts;
    readonly now: () => number;
  },
): void {
  const { provider, urls, facts, now } = options;
  const answer = provider.callback();
  registerRawBodies(scope);
  for (const url of urls) {
    scope.route({
      method: [...METHODS],
      url,
      handler: (request, reply) => {
        facts.note(request.raw, { about: aboutOf(request), arrivedAt: now(), redeemed: null, clientTrusted: false });
        reply.hijack();
        void answer(request.raw, reply.raw);
      },
    });
  }
}
