import { LRUCache } from "lru-cache";
import { type AdapterPayload, errors } from "oidc-provider";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { ClientId, Scope } from "../core/ids.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import { foreignText } from "../web/foreign-text.ts";
import { SELF_MADE_GRANT_TYPES } from "./client-metadata.ts";
import type { FetchDocument } from "./metadata-fetch.ts";
import { scopesAskedFor } from "./registered-scopes.ts";

const MAX_CACHED = 1000;
/** So many at once: each may take seconds, and whoever names a slow host pays nothing. */
const MAX_UNDER_WAY = 16;
/** A client that nobody lets in is forgotten after this. */
const UNUSED_MS = 7 * 86_400_000;
/** A document that could not be had is not asked for again before this. */
const REFUSED_MS = 10_000;

export interface MetadataDocumentsOptions {
  readonly clients: Pick<Clients, "create" | "update">;
  /** `oauth.metadata_hosts`: the only hosts that documents come from. */
  readonly hosts: readonly string[];
  readonly fetchDocument: FetchDocument;
  readonly catalogue: () => readonly Scope[];
  readonly clock: Clock;
  readonly onRefused: (clientId: string, cause: unknown) => void;
}

/** Clients whose id is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document). */
export interface MetadataDocuments {
  /** True for an https URL with a path, in its normal form, on a host that is listed. */
  allows(clientId: string): boolean;
  /**
   * The metadata now, from the cache or fetched; the client is written down, so that an administrator sees it. Throws
   * `invalid_client` where the document cannot be had or is not in order, and `temporarily_unavailable` where too many
   * are being fetched. `admit` is called before the document of a client that is new is fetched, and may reject. Rejects
   * with `StoreUnavailable`.
   */
  resolve(clientId: ClientId, known: ClientRecord | null, admit: () => Promise<void>): Promise<AdapterPayload>;
}

const text = z.string().max(2000);
const documentSchema = z.object({
  client_id: z.string(),
  client_name: text.optional(),
  client_uri: text.optional(),
  redirect_uris: z.array(text).max(20).optional(),
  grant_types: z.array(z.string()).max(20).default(["authorization_code"]),
  response_types: z.array(z.string()).max(20).optional(),
  // Others would need a secret, which a public document cannot hold, or keys that we would have to fetch.
  token_endpoint_auth_method: z.literal("none").default("none"),
  application_type: z.enum(["web", "native"]).optional(),
  scope: text.optional(),
  client_secret: z.undefined().optional(),
  client_secret_expires_at: z.undefined().optional(),
});

type Document = z.output<typeof documentSchema>;

export function createMetadataDocuments(options: MetadataDocumentsOptions): MetadataDocuments {
  const { hosts, fetchDocument, clock, onRefused } = options;
  const found = new LRUCache<string, { readonly document: Document | null; readonly until: number }>({
    max: MAX_CACHED,
  });
  const underWay = new Map<string, Promise<Document | null>>();

  async function load(clientId: string, admit: () => Promise<void>): Promise<Document | null> {
    await admit();
    try {
      const { value, freshMs } = await fetchDocument(clientId);
      const document = documentSchema.parse(value);
      if (document.client_id !== clientId) throw new Error("the document names another client_id");
      found.set(clientId, { document, until: clock.monotonic() + freshMs });
      return document;
    } catch (error) {
      onRefused(clientId, error);
      found.set(clientId, { document: null, until: clock.monotonic() + REFUSED_MS });
      return null;
    }
  }

  async function documentOf(clientId: string, admit: () => Promise<void>): Promise<Document | null> {
    const cached = found.get(clientId);
    if (cached !== undefined && clock.monotonic() < cached.until) return cached.document;
    if (!underWay.has(clientId) && underWay.size >= MAX_UNDER_WAY) throw busy();
    const running = underWay.get(clientId) ?? load(clientId, admit);
    underWay.set(clientId, running);
    try {
      return await running;
    } finally {
      underWay.delete(clientId);
    }
  }

  return {
    allows: (clientId) => isDocumentUrl(clientId) && isListed(new URL(clientId).hostname, hosts),
    async resolve(clientId, known, admit) {
      const document = await documentOf(clientId, known === null ? admit : asIs);
      if (document === null) throw new errors.InvalidClient("the client's metadata document cannot be used");
      const metadata = metadataOf(document);
      await keep(clientId, known, { document, metadata }, options);
      return metadata;
    },
  };
}

/** Known clients cost one document at a time. */
async function asIs(): Promise<void> {
  // Nothing to count.
}

function busy(): errors.OIDCProviderError {
  const error = new errors.TemporarilyUnavailable("too many metadata documents are being fetched; try again");
  error.status = 503;
  error.statusCode = 503;
  return error;
}

/** Writes the client down as an administrator will see it, where that is not so yet. */
async function keep(
  id: ClientId,
  known: ClientRecord | null,
  { document, metadata }: { readonly document: Document; readonly metadata: AdapterPayload },
  { catalogue, clients, clock }: MetadataDocumentsOptions,
): Promise<void> {
  const name = foreignText(document.client_name ?? new URL(id).hostname, 100);
  const value = { ...metadata };
  if (known !== null) {
    const same = known.name === name && JSON.stringify(known.metadata) === JSON.stringify(value);
    // Where another instance writes the same at the same time, one of them is enough.
    if (!same) await clients.update({ ...known, name, metadata: value });
    return;
  }
  const createdAt = Math.trunc(clock.now());
  await clients.create({
    id,
    name,
    origin: "metadata_document",
    status: "approved",
    metadata: value,
    secretDigest: null,
    scopes: scopesAskedFor(document.scope, catalogue()),
    portal: null,
    createdAt,
    createdBy: `host ${new URL(id).hostname}`,
    decidedAt: null,
    decidedBy: null,
    // Anybody can name any number of URLs: it stays once a person lets it in, see `approve-while-open.ts`.
    expiresAt: createdAt + UNUSED_MS,
    tokensAfter: null,
  });
}

/** What of the document counts here: the rest is for other servers. */
function metadataOf(document: Document): AdapterPayload {
  const { client_name, client_uri, redirect_uris, application_type } = document;
  const types = document.grant_types.filter((type) => SELF_MADE_GRANT_TYPES.includes(type));
  return {
    ...(client_name === undefined ? {} : { client_name }),
    ...(client_uri === undefined ? {} : { client_uri }),
    ...(application_type === undefined ? {} : { application_type }),
    redirect_uris: redirect_uris ?? [],
    grant_types: types,
    response_types: types.includes("authorization_code") ? ["code"] : [],
    token_endpoint_auth_method: "none",
  };
}

function isDocumentUrl(clientId: string): boolean {
  if (clientId.length > 512 || !clientId.startsWith("https://") || !URL.canParse(clientId)) return false;
  const { hash, href, password, pathname, port, username } = new URL(clientId);
  // The normal form has no dot segments, no upper-case host and no fragment that is empty.
  return href === clientId && pathname !== "/" && port === "" && hash === "" && username === "" && password === "";
}

function isListed(hostname: string, hosts: readonly string[]): boolean {
  return hosts.some((host) => (host.startsWith("*.") ? hostname.endsWith(host.slice(1)) : hostname === host));
}
