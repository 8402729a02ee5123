import { type ClientId, isClientId } from "../core/ids.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import type { ClientRecord, Clients, ClientStatus } from "../store/clients.ts";
import type { Actor } from "./actor.ts";
import type { ApprovalLimits, ClientChanged, ClientsAdministration, NewClient } from "./administration.ts";
import { clientFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { checked, orConflict } from "./invalid.ts";
import type { Conflict, NotFound } from "./outcomes.ts";
import type { Page } from "./page.ts";
import { pageOf } from "./paging.ts";

type Change = { readonly kind: "changed" | "unchanged" | "wrong_status"; readonly record: ClientRecord } | NotFound;

/** Life of clients, as the service has it. */
export interface ClientsPort {
  add(request: NewClient & { readonly createdBy: string }): Promise<{
    readonly record: ClientRecord;
    readonly secret: string | null;
  }>;
  get(id: ClientId): Promise<ClientRecord | null>;
  approve(id: ClientId, by: string, limits?: ApprovalLimits, version?: number): Promise<Change>;
  disable(id: ClientId, by: string, version?: number): Promise<Change & { readonly grantsEnded: number }>;
  enable(id: ClientId, by: string, version?: number): Promise<Change>;
  rotateSecret(
    id: ClientId,
  ): Promise<
    | { readonly kind: "rotated"; readonly record: ClientRecord; readonly secret: string }
    | NotFound
    | { readonly kind: "no_secret"; readonly record: ClientRecord }
  >;
}

const STATUSES: readonly ClientStatus[] = ["waiting", "approved", "disabled"];

export interface ClientsDeps {
  readonly clients: ClientsPort;
  readonly clientStore: Pick<Clients, "list">;
  readonly trail: AuditTrail;
}

/** OAuth clients in the hands of an administrator. */
export function createClientsAdministration(deps: ClientsDeps): ClientsAdministration {
  const { clients, clientStore, trail } = deps;
  const change = changer(deps);
  return {
    list: ({ after, limit, status }) => listClients(clientStore, status, after, limit),
    get: (id) => clients.get(id),
    async add(actor, client) {
      trail.requireRecord();
      const made = await checked(clients.add({ ...client, createdBy: actor.subject }));
      const { record } = made;
      trail.record(actor, { action: "client.add", target: record.id, before: null, after: clientFields(record) });
      return made;
    },
    async approve(actor, id, limits, version) {
      trail.requireRecord();
      return change(actor, "client.approve", id, () => clients.approve(id, actor.subject, limits, version));
    },
    disable: (actor, id, version) =>
      change(actor, "client.disable", id, () => clients.disable(id, actor.subject, version)),
    async enable(actor, id, version) {
      trail.requireRecord();
      return change(actor, "client.enable", id, () => clients.enable(id, actor.subject, version));
    },
    async rotateSecret(actor, id) {
      trail.requireRecord();
      const before = await clients.get(id);
      const outcome = await clients.rotateSecret(id);
      if (outcome.kind === "rotated") {
        trail.record(actor, {
          action: "client.rotate_secret",
          target: id,
          before: before === null ? null : clientFields(before),
          after: clientFields(outcome.record),
        });
      }
      return outcome;
    },
  };
}

function changer({ clients, trail }: ClientsDeps) {
  return async <C extends Change>(
    actor: Actor,
    action: string,
    id: ClientId,
    make: () => Promise<C>,
  ): Promise<ClientChanged & { readonly grantsEnded?: number }> => {
    const before = await clients.get(id);
    const outcome: C | Conflict = await orConflict(make());
    if (outcome.kind === "conflict" || outcome.kind === "not_found") return { kind: outcome.kind };
    const { kind, record } = outcome;
    const ended = "grantsEnded" in outcome && typeof outcome.grantsEnded === "number" ? outcome.grantsEnded : null;
    if (kind !== "changed") return { kind, record };
    const was = before ?? record;
    trail.record(actor, {
      action,
      target: id,
      before: clientFields(was),
      after: clientFields(record),
      ...(ended === null ? {} : { detail: `grants ended: ${ended}` }),
    });
    return { kind, before: was, record, ...(ended === null ? {} : { grantsEnded: ended }) };
  };
}

async function listClients(
  clients: Pick<Clients, "list">,
  wanted: ClientStatus | undefined,
  after: string | undefined,
  limit: number,
): Promise<Page<ClientRecord>> {
  const start = readCursor(after);
  const statuses =
    wanted === undefined ? STATUSES.slice(start === null ? 0 : STATUSES.indexOf(start.status)) : [wanted];
  const found: ClientRecord[] = [];
  for (const status of statuses) {
    const left = limit + 1 - found.length;
    if (left === 0) break;
    const page = start !== null && start.status === status ? { after: start.id, limit: left } : { limit: left };
    found.push(...(await clients.list(status, page)));
  }
  return pageOf(found, limit, ({ status, id }) => `${status}:${id}`);
}

function readCursor(after: string | undefined): { readonly status: ClientStatus; readonly id: ClientId } | null {
  if (after === undefined) return null;
  const colon = after.indexOf(":");
  const status = STATUSES.find((each) => each === after.slice(0, colon));
  const id = after.slice(colon + 1);
  if (status !== undefined && isClientId(id)) return { status, id };
  throw new InvalidRequest([{ field: "cursor", text: "the cursor is none of this list" }]);
}
