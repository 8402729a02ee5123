import type { Clock } from "../core/clock.ts";
import { type ClientId, isClientId } from "../core/ids.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import type { Rights } from "../core/request-checks.ts";
import { commonScopes } from "../core/scopes.ts";
import type { Digester } from "../credentials/digest.ts";
import { randomBase62, type RandomBytes } from "../credentials/key-format.ts";
import { newId } from "../credentials/new-ids.ts";
import type { ClientRecord, Clients, ClientStatus } from "../store/clients.ts";
import type { Grants } from "../store/grants.ts";
import { requireVersion, rewrite } from "../store/typed-document.ts";
import { checkClientLimits, checkClientRequest, type ClientRequest } from "./client-request.ts";

/** What every client secret starts with; 43 letters and digits follow (256 bits). */
export const CLIENT_SECRET_PREFIX = "noice_cs_live_";

/** An id for a client that an administrator adds, or that registers itself. */
export function newClientId(randomBytes: RandomBytes): ClientId {
  return newId({ prefix: "client_", length: 20, is: isClientId }, randomBytes);
}

/** A client with a secret that was just made. It is nowhere else: show it once, never log it. */
export interface IssuedClient {
  readonly record: ClientRecord;
  /** `null` for public clients. */
  readonly secret: string | null;
}

export type ClientChange =
  | { readonly kind: "changed"; readonly record: ClientRecord; readonly before: ClientStatus }
  /** It was so already. */
  | { readonly kind: "unchanged"; readonly record: ClientRecord }
  | { readonly kind: "not_found" }
  /** An administrator enables a disabled client, and approves a waiting one; not the other way about. */
  | { readonly kind: "wrong_status"; readonly record: ClientRecord };

export type SecretRotation =
  | { readonly kind: "rotated"; readonly record: ClientRecord; readonly secret: string }
  | { readonly kind: "not_found" }
  /** It is public, so that it has none. */
  | { readonly kind: "no_secret"; readonly record: ClientRecord };

/**
 * Clients in the hands of an administrator. Every method rejects with `StoreUnavailable` where the store fails. With a
 * `version`, a change rejects with `VersionConflict` where the record has another.
 */
export interface ClientsService {
  /** Adds one, approved. Rejects with `InvalidRequest` that names every problem. */
  add(request: ClientRequest): Promise<IssuedClient>;
  get(id: ClientId): Promise<ClientRecord | null>;
  /** Lets a waiting client in, with less than it asked for where `limits` say so; those reject as in `add`. */
  approve(
    id: ClientId,
    by: string,
    limits?: { readonly scopes: readonly string[] | null; readonly portal: string | null },
    version?: number,
  ): Promise<ClientChange>;
  /** Refuses it from now on, and ends its grants and its own tokens for good. */
  disable(id: ClientId, by: string, version?: number): Promise<ClientChange & { readonly grantsEnded: number }>;
  enable(id: ClientId, by: string, version?: number): Promise<ClientChange>;
  /** Makes a secret in place of the old one, which stops at once, as do the tokens that the client got for itself. */
  rotateSecret(id: ClientId): Promise<SecretRotation>;
}

export interface ClientsServiceOptions {
  readonly clients: Clients;
  readonly grants: Pick<Grants, "revokeAll">;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** The catalogue: scope → what it means. */
  readonly scopes: () => Rights["scopes"];
  readonly portals: () => Rights["portals"];
}

export function createClientsService(options: ClientsServiceOptions): ClientsService {
  const { clients, grants, clock, randomBytes } = options;
  const limitsNow = (): Rights => ({ scopes: options.scopes(), portals: options.portals() });
  const newSecret = (): string => CLIENT_SECRET_PREFIX + randomBase62(43, randomBytes);

  const decide = (record: ClientRecord, status: ClientStatus, by: string): ClientRecord => ({
    ...record,
    status,
    decidedAt: clock.now(),
    decidedBy: by,
    expiresAt: null,
  });
  // Enabled, too: a token may have been on its way into the store when the client was disabled.
  const decideAnew: typeof decide = (...given) => ({ ...decide(...given), tokensAfter: clock.now() });

  return {
    add: (request) => addClient(request, { ...options, limits: limitsNow(), newSecret }),
    get: (id) => clients.get(id),
    async approve(id, by, wanted, version) {
      const { scopes, portal } = checkClientLimits(wanted ?? { scopes: null, portal: null }, limitsNow());
      return changeStatus(clients, id, "approved", (current) => {
        requireVersion(current, version);
        if (current.status !== "waiting") return null;
        const narrowed = scopes === null ? current.scopes : commonScopes(scopes, current.scopes);
        if (narrowed.length === 0) {
          throw new InvalidRequest([{ field: "scopes", text: "it may have none of these scopes" }]);
        }
        return { ...decide(current, "approved", by), scopes: narrowed, portal: portal ?? current.portal };
      });
    },
    async disable(id, by, version) {
      const change = await changeStatus(clients, id, "disabled", (current) => {
        requireVersion(current, version);
        return current.status === "disabled" ? null : decideAnew(current, "disabled", by);
      });
      if (change.kind !== "not_found") await clients.removeOwnTokens(id);
      // Repeated for one that is disabled already: an earlier call may have been cut off half-way.
      const grantsEnded = change.kind === "not_found" ? 0 : await grants.revokeAll({ client: id }, clock.now());
      return { ...change, grantsEnded };
    },
    enable: (id, by, version) =>
      changeStatus(clients, id, "approved", (current) => {
        requireVersion(current, version);
        return current.status === "disabled" ? decideAnew(current, "approved", by) : null;
      }),
    rotateSecret: (id) => rotateSecret(id, newSecret(), options),
  };
}

/** What to write over a client; `null` leaves it as it is. */
type Next = (current: ClientRecord) => ClientRecord | null;

function updateClient(clients: Clients, id: ClientId, next: Next) {
  return rewrite(
    () => clients.get(id),
    (current) => (current === null ? null : next(current)),
    (wanted) => clients.update(wanted),
  );
}

async function changeStatus(clients: Clients, id: ClientId, status: ClientStatus, next: Next): Promise<ClientChange> {
  const { before, written } = await updateClient(clients, id, next);
  if (before === null) return { kind: "not_found" };
  if (written !== null) return { kind: "changed", record: written, before: before.status };
  return { kind: before.status === status ? "unchanged" : "wrong_status", record: before };
}

async function rotateSecret(
  id: ClientId,
  secret: string,
  { clients, clock, digester }: Pick<ClientsServiceOptions, "clients" | "clock" | "digester">,
): Promise<SecretRotation> {
  const { before, written } = await updateClient(clients, id, (current) =>
    current.secretDigest === null
      ? null
      : { ...current, secretDigest: digester.stored(secret), tokensAfter: clock.now() },
  );
  if (before === null) return { kind: "not_found" };
  if (written === null) return { kind: "no_secret", record: before };
  await clients.removeOwnTokens(id);
  return { kind: "rotated", record: written, secret };
}

async function addClient(
  request: ClientRequest,
  options: Pick<ClientsServiceOptions, "clients" | "digester" | "clock" | "randomBytes"> & {
    readonly limits: Rights;
    readonly newSecret: () => string;
  },
): Promise<IssuedClient> {
  const { clients, digester, clock, randomBytes } = options;
  const checked = checkClientRequest(request, options.limits);
  const secret = request.confidential ? options.newSecret() : null;
  const now = clock.now();
  for (;;) {
    const id = newClientId(randomBytes);
    const record = {
      ...checked,
      id,
      origin: "administrator",
      status: "approved",
      secretDigest: secret === null ? null : digester.stored(secret),
      createdAt: now,
      createdBy: request.createdBy,
      decidedAt: now,
      decidedBy: request.createdBy,
      expiresAt: null,
      tokensAfter: null,
    } as const;
    const made = await clients.create(record);
    if (made !== null) return { record: made, secret };
  }
}
