import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Scope } from "../core/ids.ts";
import { RESOURCE_METADATA_PATH } from "../core/reserved-paths.ts";
import type { ProtectedResource } from "../policy/resources.ts";
import { OIDC_SCOPES } from "./resource-servers.ts";
import { RESPONSE_MODE } from "./response-mode.ts";

/** Metadata changes with rules and settings: clients ask again after this. */
export const METADATA_CACHE = "public, max-age=300";

/** Puts the metadata of the library right (RFC 8414): what it serves here, and what it does not know of. */
export function completeMetadata(
  metadata: object,
  known: { readonly scopes: readonly Scope[]; readonly registration: boolean; readonly metadataDocuments: boolean },
): Record<string, unknown> {
  const methods =
    "token_endpoint_auth_methods_supported" in metadata ? metadata.token_endpoint_auth_methods_supported : [];
  const complete: Record<string, unknown> = {
    ...metadata,
    scopes_supported: [...OIDC_SCOPES, ...known.scopes],
    response_modes_supported: [RESPONSE_MODE],
    revocation_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    client_id_metadata_document_supported: known.metadataDocuments,
  };
  if (!known.registration) delete complete["registration_endpoint"];
  return complete;
}

/** The documents of RFC 9728, one for each resource, made at each request: rules reload. */
export function resourceMetadataRoutes(options: {
  readonly issuer: string;
  readonly resources: () => readonly ProtectedResource[];
}): FastifyPluginAsync {
  const { issuer, resources } = options;

  const answer = (path: string, reply: FastifyReply): FastifyReply => {
    const resource = resources().find((known) => known.path === path);
    openToAll(reply);
    if (resource === undefined) return reply.code(404).send({ error: "not_found" });
    return reply.header("cache-control", METADATA_CACHE).send({
      resource: issuer + resource.path,
      authorization_servers: [issuer],
      scopes_supported: resource.scopes,
      bearer_methods_supported: ["header"],
      resource_name: resource.name,
    });
  };

  return async (scope: FastifyInstance) => {
    for (const url of [RESOURCE_METADATA_PATH, `${RESOURCE_METADATA_PATH}/*`]) {
      scope.get(url, async (request, reply) => answer(pathAfter(request), reply));
      scope.options(url, async (_request, reply) => preflight(reply));
    }
  };
}

/** What follows the well-known part, as it was sent. */
function pathAfter({ url }: FastifyRequest): string {
  const [path = ""] = url.split("?", 1);
  return path.slice(RESOURCE_METADATA_PATH.length);
}

function openToAll(reply: FastifyReply): void {
  reply.header("access-control-allow-origin", "*").header("cross-origin-resource-policy", "cross-origin");
}

function preflight(reply: FastifyReply): FastifyReply {
  openToAll(reply);
  // Clients of MCP send their protocol version with it.
  reply.header("access-control-allow-methods", "GET").header("access-control-allow-headers", "*");
  return reply.header("access-control-max-age", "3600").code(204).send();
}
