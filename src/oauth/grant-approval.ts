import type Provider from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import { isGrantId, type PortalId, type Scope } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newId } from "../credentials/new-ids.ts";
import type { ClientRecord } from "../store/clients.ts";
import type { GrantRecord, Grants } from "../store/grants.ts";
import type { PersonRecord } from "../store/people.ts";
import type { AskedResource } from "./consent-request.ts";

/** What a person allows a client. */
export interface Approval {
  readonly person: Pick<PersonRecord, "id">;
  readonly client: Pick<ClientRecord, "id">;
  readonly scopes: readonly Scope[];
  /** `openid` and `offline_access`, as asked. */
  readonly oidcScopes: readonly string[];
  readonly portal: PortalId | null;
  readonly resource: AskedResource;
  readonly flow: GrantRecord["flow"];
}

/**
 * Writes down what a person allowed: our record, which the data plane reads, and the grant of the authorization
 * server under the same id, with the same end. Rejects with `StoreUnavailable`.
 */
export type ApproveGrant = (approval: Approval) => Promise<GrantRecord>;

export function createGrantApproval(options: {
  readonly provider: Pick<Provider, "Grant">;
  readonly grants: Pick<Grants, "create">;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Life of a grant, ms: `oauth.refresh_token`. */
  readonly lifetimeMs: number;
}): ApproveGrant {
  const { provider, grants, clock, randomBytes, lifetimeMs } = options;

  async function record({ person, client, scopes, portal, resource, flow }: Approval): Promise<GrantRecord> {
    const createdAt = clock.now();
    for (;;) {
      const id = newId({ prefix: "grant_", length: 22, is: isGrantId }, randomBytes);
      const made = await grants.create({
        id,
        person: person.id,
        client: client.id,
        scopes,
        portal,
        resource: resource.url,
        flow,
        createdAt,
        expiresAt: createdAt + lifetimeMs,
        revokedAt: null,
      });
      if (made !== null) return made;
    }
  }

  return async (approval) => {
    const made = await record(approval);
    const grant = new provider.Grant({ accountId: made.person, clientId: made.client });
    grant.jti = made.id;
    grant.exp = Math.floor(made.expiresAt / 1000);
    grant.addResourceScope(approval.resource.asked, [...approval.scopes]);
    if (approval.oidcScopes.length > 0) grant.addOIDCScope([...approval.oidcScopes]);
    await grant.save();
    return made;
  };
}
