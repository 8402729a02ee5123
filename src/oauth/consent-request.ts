import { isClientId } from "../core/ids.ts";
import type { ProtectedResource } from "../policy/resources.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import type { SettingsStore } from "../store/settings.ts";
import type { PersonRecord } from "../store/people.ts";
import {
  type Asked,
  nothingToOffer,
  type Offer,
  offerOf,
  type PortalName,
  readAsked,
  resourcePath,
} from "./consent.ts";

/** The resource that a token is for (RFC 8707). */
export interface AskedResource {
  /** As the client wrote it: the authorization server knows it by that. */
  readonly asked: string;
  /** In its normal form. */
  readonly url: string;
  /** For people. */
  readonly name: string;
}

/** A request of a client, as a person who is signed in finds it. */
export type ConsentRequest =
  | {
      readonly kind: "open";
      readonly client: ClientRecord;
      readonly asked: Asked;
      readonly resource: AskedResource;
      readonly offer: Offer;
    }
  /** An administrator has not approved the client yet. */
  | { readonly kind: "waiting"; readonly client: ClientRecord }
  /** `reason` is for the audit, the rest for the person. */
  | { readonly kind: "refused"; readonly reason: string; readonly title: string; readonly text: string };

export interface ConsentRequestDeps {
  readonly clients: Pick<Clients, "get">;
  readonly settings: Pick<SettingsStore, "read">;
  readonly resources: () => readonly ProtectedResource[];
  readonly portals: () => readonly PortalName[];
  /** Our origin. */
  readonly issuer: string;
}

/** Parameters of an authorization or device authorization request. */
export type RequestParams = Readonly<Record<string, unknown>>;

const START_AGAIN = "Go back to the app and start again there.";

/** Looks at a request anew: what was true when the page was shown may have changed since. */
export async function readConsentRequest(
  params: RequestParams,
  person: PersonRecord,
  deps: ConsentRequestDeps,
): Promise<ConsentRequest> {
  const { mcpAccess } = await deps.settings.read();
  if (!mcpAccess) {
    const text = "An administrator has switched access for apps off. Ask them if you need it.";
    return refused("mcp_disabled", "Access for apps is off", text);
  }
  if (person.disabledAt !== null) {
    return refused("person_disabled", "Your account is disabled", "Ask an administrator.");
  }
  const { client_id: id } = params;
  const client = typeof id === "string" && isClientId(id) ? await deps.clients.get(id) : null;
  if (client === null || client.status === "disabled") {
    return refused("client_refused", "This app may not connect", `It is unknown here or was disabled. ${START_AGAIN}`);
  }
  if (client.status === "waiting") return { kind: "waiting", client };
  return offerTo(client, person, params, deps);
}

function offerTo(
  client: ClientRecord,
  person: PersonRecord,
  params: RequestParams,
  { resources, portals, issuer }: ConsentRequestDeps,
): ConsentRequest {
  const askedUrl = typeof params["resource"] === "string" ? params["resource"] : issuer;
  const path = resourcePath(issuer, askedUrl);
  const protectedResource = resources().find((resource) => resource.path === path);
  if (protectedResource === undefined) {
    const text = `The app asked for something that is not served here. ${START_AGAIN}`;
    return refused("resource_unknown", "Nothing to connect to", text);
  }
  const asked = readAsked(params["scope"]);
  const offer = offerOf({
    asked: asked.scopes,
    client,
    person,
    resource: protectedResource,
    portals: portals(),
  });
  const nothing = nothingToOffer(offer);
  if (nothing !== null) return refused("nothing_to_grant", "You cannot give this app access", nothing);
  const { name } = protectedResource;
  const resource = { asked: askedUrl, url: issuer + protectedResource.path, name };
  return { kind: "open", client, asked, resource, offer };
}

function refused(reason: string, title: string, text: string): ConsentRequest {
  return { kind: "refused", reason, title, text };
}
