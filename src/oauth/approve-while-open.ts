import type { ClientRecord, Clients } from "../store/clients.ts";
import type { GrantRecord, Grants } from "../store/grants.ts";
import type { People, PersonRecord } from "../store/people.ts";
import { rewrite } from "../store/typed-document.ts";
import {
  type ConsentRequest,
  type ConsentRequestDeps,
  readConsentRequest,
  type RequestParams,
} from "./consent-request.ts";
import type { Approval, ApproveGrant } from "./grant-approval.ts";

export interface ApproveWhileOpenOptions extends ConsentRequestDeps {
  readonly people: Pick<People, "get">;
  readonly clients: Pick<Clients, "get" | "update">;
  readonly grants: Pick<Grants, "revoke">;
  readonly approve: ApproveGrant;
  readonly clock: { now(): number };
}

/** A client that came by itself stays from its first grant on. */
async function keepClient(client: ClientRecord, clients: Pick<Clients, "get" | "update">): Promise<void> {
  if (client.expiresAt === null) return;
  await rewrite(
    () => clients.get(client.id),
    (current) => (current === null || current.expiresAt === null ? null : { ...current, expiresAt: null }),
    (wanted) => clients.update(wanted),
  );
}

export type ApprovedOrClosed =
  | { readonly kind: "granted"; readonly grant: GrantRecord }
  | Exclude<ConsentRequest, { readonly kind: "open" }>;

/**
 * Makes a grant, and looks at the request once more: whoever disables the client or the person ends the grants that
 * are there, and one that was made just behind their back would be in force again when they are enabled.
 */
export async function approveWhileOpen(
  approval: Approval & { readonly person: PersonRecord },
  params: RequestParams,
  options: ApproveWhileOpenOptions,
): Promise<ApprovedOrClosed> {
  const grant = await options.approve(approval);
  const person = await options.people.get(approval.person.id);
  const gone = { ...approval.person, disabledAt: options.clock.now() };
  const now = await readConsentRequest(params, person ?? gone, options);
  if (now.kind === "open") {
    await keepClient(now.client, options.clients);
    return { kind: "granted", grant };
  }
  await options.grants.revoke(grant.id, options.clock.now());
  return now;
}
