import cookie from "@fastify/cookie";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type Provider from "oidc-provider";
import type { SigninGate } from "../signin/gate.ts";
import { aboutOf, registerRawBodies } from "../web/server.ts";
import { METADATA_PATHS } from "../core/reserved-paths.ts";
import { resourceMetadataRoutes } from "./metadata.ts";
import { createProvider, type ProviderOptions } from "./provider.ts";
import { createRequestFacts, type RequestFact, type RequestFacts } from "./request-facts.ts";

export interface AuthorizationServerOptions extends Omit<ProviderOptions, "facts"> {
  /** Tells who is signed in: an authorization ends in the browser of the person who decided. */
  readonly gate: Pick<SigninGate, "current">;
}

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
  const urls = [...Object.values(served), ...METADATA_PATHS];
  const resume = `${served.authorization}/:uid`;
  const { gate, clock } = options;
  return {
    provider,
    routes: async (scope) => {
      await scope.register(cookie);
      await scope.register(async (raw) =>
        handOver(raw, { provider, urls, resume, gate, facts, now: () => clock.now() }),
      );
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
    readonly resume: string;
    readonly gate: Pick<SigninGate, "current">;
    readonly facts: RequestFacts;
    readonly now: () => number;
  },
): void {
  const { provider, urls, resume, gate, facts, now } = options;
  const answer = provider.callback();
  registerRawBodies(scope);
  const pass = (request: FastifyRequest, reply: FastifyReply, known: Pick<RequestFact, "arrivedAt" | "personId">) => {
    facts.note(request.raw, { ...known, about: aboutOf(request), redeemed: null, clientTrusted: false });
    reply.hijack();
    void answer(request.raw, reply.raw);
  };
  const method = [...METHODS];
  for (const url of urls) {
    scope.route({
      method,
      url,
      handler: (request, reply) => pass(request, reply, { arrivedAt: now(), personId: null }),
    });
  }
  scope.route({
    method,
    url: resume,
    async handler(request, reply) {
      const arrivedAt = now();
      pass(request, reply, { arrivedAt, personId: (await gate.current(request))?.person.id ?? null });
      return reply;
    },
  });
}
