import { Provider, type Adapter, type AdapterPayload, errors, type KoaContextWithOIDC } from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import { isClientId, type Scope } from "../core/ids.ts";
import type { Digester } from "../credentials/digest.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import type { SettingsStore } from "../store/settings.ts";
import { foreignText } from "../web/foreign-text.ts";
import { CLIENT_GRANT_TYPES } from "./client-request.ts";
import { SELF_MADE_GRANT_TYPES } from "./client-metadata.ts";
import type { MetadataDocuments } from "./client-metadata-document.ts";
import { scopesAskedFor } from "./registered-scopes.ts";
import type { RequestLimits } from "./request-limits.ts";
import type { RequestFact, RequestFacts } from "./request-facts.ts";
import { orUnavailable } from "./store-failure.ts";

/** A client that nobody approves is forgotten after this. */
const WAITING_MS = 7 * 86_400_000;
/** Where a client begins something, so that what it is now matters. Elsewhere what it was then is good enough. */
const BEGINNINGS: ReadonlySet<string> = new Set([
  "authorization",
  "pushed_authorization_request",
  "device_authorization",
]);

export interface ClientAdapterOptions {
  readonly clients: Pick<Clients, "create" | "get">;
  readonly settings: Pick<SettingsStore, "read">;
  readonly documents: MetadataDocuments;
  readonly limits: RequestLimits;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly facts: RequestFacts;
  readonly catalogue: () => readonly Scope[];
}

/**
 * Clients for the library. Approved and waiting ones are found; disabled ones are unknown. A waiting one gets no token:
 * `unauthorized_client`. One that polls for a device is found: `authorization_pending` until its code ends, for it
 * would give up before an administrator can approve it. What the library takes for a client's secret is its digest.
 */
export function createClientAdapter(options: ClientAdapterOptions): Adapter {
  const { clients, documents, limits, settings } = options;

  async function find(id: string): Promise<AdapterPayload | undefined> {
    if (!isClientId(id)) return undefined;
    const record = await clients.get(id);
    if (record?.status === "disabled") return undefined;
    const route = Provider.ctx?.oidc.route;
    if (record === null ? documents.allows(id) : record.origin === "metadata_document") {
      if (!documents.allows(id)) return undefined;
      if (route !== undefined && BEGINNINGS.has(route)) {
        if ((await settings.read()).clientPolicy === "off") return undefined;
        noteTrusted(options.facts);
        const admit = () => limits.takeMetadata(addressOf(options.facts));
        return { ...(await documents.resolve(id, record, admit)), client_id: id };
      }
    }
    if (record === null) return undefined;
    if (record.status === "waiting" && route === "token" && !isDevicePoll()) {
      throw new errors.UnauthorizedClient("an administrator has not approved the client yet");
    }
    if (isTrusted(record)) noteTrusted(options.facts);
    return payloadOf(record);
  }

  return {
    find: (id) => orUnavailable(() => find(id)),
    upsert: (id, payload) => orUnavailable(() => register(id, payload, options)),
    findByUserCode: unused,
    findByUid: unused,
    consume: unused,
    destroy: unused,
    revokeByGrantId: unused,
  };
}

/** Anybody can register: until an administrator has looked at such a client, it is a stranger's. */
function isTrusted({ origin, status, decidedAt }: ClientRecord): boolean {
  return origin !== "registration" || (status === "approved" && decidedAt !== null);
}

function noteTrusted(facts: RequestFacts): void {
  const fact = currentFact(facts);
  if (fact !== undefined) fact.clientTrusted = true;
}

function addressOf(facts: RequestFacts): string {
  return currentFact(facts)?.about.clientIp ?? "unknown";
}

function currentFact(facts: RequestFacts): RequestFact | undefined {
  const context = Provider.ctx;
  return context === undefined ? undefined : facts.of(context.req);
}

/** Nobody can decide about a device of a client that waits, so its polls bring nothing. */
function isDevicePoll(): boolean {
  return Provider.ctx?.oidc.params?.["grant_type"] === CLIENT_GRANT_TYPES.device_code;
}

/** The library calls these of other models only. */
function unused(): Promise<undefined> {
  return Promise.reject(new Error("clients have no such thing"));
}

function payloadOf({ id, metadata, origin, secretDigest }: ClientRecord): AdapterPayload {
  const payload: AdapterPayload = { ...metadata, client_id: id };
  if (secretDigest !== null) payload.client_secret = secretDigest;
  if (origin !== "administrator") {
    payload.grant_types = payload.grant_types?.filter((type) => SELF_MADE_GRANT_TYPES.includes(type));
  }
  return payload;
}

/** Keeps a client that registered itself (RFC 7591). */
async function register(id: string, payload: AdapterPayload, options: ClientAdapterOptions): Promise<void> {
  const { catalogue, clients, clock, digester, facts, limits, settings } = options;
  const context = Provider.ctx;
  const fact = currentFact(facts);
  if (context === undefined || fact === undefined || !isClientId(id)) throw new Error("a registration of no request");
  const { clientPolicy } = await settings.read();
  if (clientPolicy === "off") throw new errors.AccessDenied("clients cannot register here");
  await limits.takeRegistration(fact.about.clientIp);
  const { client_id: _id, client_secret: secret, client_secret_expires_at: _expires, ...metadata } = payload;
  const now = Math.trunc(clock.now());
  const open = clientPolicy === "open";
  const made = await clients.create({
    id,
    name: foreignText(payload.client_name ?? "", 100),
    origin: "registration",
    status: open ? "approved" : "waiting",
    metadata,
    secretDigest: secret === undefined ? null : digester.stored(secret),
    scopes: scopesAskedFor(askedScope(context), catalogue()),
    portal: null,
    createdAt: now,
    createdBy: `address ${fact.about.clientIp}`,
    decidedAt: null,
    decidedBy: null,
    expiresAt: open ? null : now + WAITING_MS,
    tokensAfter: null,
  });
  if (made === null) throw new Error("a new client's id is taken");
}

function askedScope(context: KoaContextWithOIDC): unknown {
  return context.oidc.body?.["scope"];
}
