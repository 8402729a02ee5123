import { isClientId } from "../core/ids.ts";
import type { Digester } from "../credentials/digest.ts";
import type { Clients } from "../store/clients.ts";
import type { DocumentStore } from "../store/types.ts";

/**
 * Tells the name of the client whose authorization request waits at a path of ours, for the sign-in page; `null` where
 * none does. A client that nobody approved is not named: whoever sees the page has not signed in, and knows nothing yet
 * of who gave the name.
 */
export function createWaitingClientName(options: {
  readonly documents: Pick<DocumentStore, "get">;
  readonly clients: Pick<Clients, "get">;
  readonly digester: Digester;
  /** `oauth.path` of the configuration. */
  readonly path: string;
}): (returnTo: string) => Promise<string | null> {
  const { documents, clients, digester } = options;
  const prefix = `${options.path}/interaction/`;
  return async (returnTo) => {
    const uid = returnTo.startsWith(prefix) ? returnTo.slice(prefix.length) : "";
    if (!/^[\w-]{1,128}$/.test(uid)) return null;
    const interaction = await documents.get("Interaction", digester.stored(uid));
    const params: Readonly<Record<string, unknown>> = { ...Object(interaction?.value["params"]) };
    const { client_id: id } = params;
    const client = typeof id === "string" && isClientId(id) ? await clients.get(id) : null;
    return client?.status === "approved" ? client.name : null;
  };
}
