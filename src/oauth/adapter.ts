import { Provider, type Adapter, type AdapterFactory, type AdapterPayload, errors } from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import { type CredentialId, type Digest, isDigest, isGrantId } from "../core/ids.ts";
import { credentialIdOf } from "../credentials/access-token.ts";
import type { Digester } from "../credentials/digest.ts";
import type { Grants } from "../store/grants.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, NewDocument, StoredDocument } from "../store/types.ts";
import type { DevicePolling } from "./device-polling.ts";
import { isReplay } from "./redemption.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { ResourceServers } from "./resource-servers.ts";
import { orUnavailable } from "./store-failure.ts";
import {
  decidedBy,
  documentId,
  endOf,
  groupsOf,
  lookupsOf,
  markedDigest,
  payloadOf,
  storedMark,
  uidLookup,
  userCodeLookup,
  valueOf,
} from "./stored-models.ts";

export interface AdapterOptions {
  readonly documents: DocumentStore;
  readonly grants: Pick<Grants, "revoke">;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly polling: DevicePolling;
  readonly facts: RequestFacts;
  readonly resourceServers: Pick<ResourceServers, "checkGranted">;
  /** Clients are records of ours. */
  readonly clientAdapter: Adapter;
}

/**
 * Keeps the models of the library as documents. Whatever opens something is stored as a digest alone. `consume` has one
 * winner over all processes. Store failures reach the client as `temporarily_unavailable`.
 */
export function createAdapterFactory(options: AdapterOptions): AdapterFactory {
  return (model) => (model === "Client" ? options.clientAdapter : new ModelAdapter(model, options));
}

class ModelAdapter implements Adapter {
  readonly #model: string;
  readonly #options: AdapterOptions;

  constructor(model: string, options: AdapterOptions) {
    this.#model = model;
    this.#options = options;
  }

  upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { clock, digester, documents } = this.#options;
    const now = Math.trunc(clock.now());
    const document: NewDocument = {
      kind: this.#model,
      id: this.#idOf(id),
      value: valueOf(this.#model, payload, digester),
      createdAt: now,
      expiresAt: endOf(this.#model, now, expiresIn),
      lookups: lookupsOf(this.#model, payload, digester),
      groups: groupsOf(payload),
    };
    return orUnavailable(async () => {
      if (!(await this.#write(documents, document))) throw new Error(`a ${this.#model} could not be kept`);
    });
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => {
      const document = await this.#options.documents.get(this.#model, this.#idOf(id));
      if (document === null) return undefined;
      if (this.#model === "DeviceCode") await this.#notePoll(document);
      if (this.#model === "Interaction" && Provider.ctx?.oidc.route === "resume") this.#checkBrowser(document);
      return payloadOf(document, { id, used: this.#isUsed(document) });
    });
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const { digester, documents } = this.#options;
    return orUnavailable(async () => {
      const document = await documents.find(this.#model, userCodeLookup(userCode, digester));
      if (document === null) return undefined;
      return payloadOf(document, { id: storedMark(document.id), userCode, used: true });
    });
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => {
      const document = await this.#options.documents.find(this.#model, uidLookup(uid));
      return document === null ? undefined : payloadOf(document, { id: storedMark(document.id), used: true });
    });
  }

  /** Rejects for all but one of many parallel calls; those must not count as a replay. */
  consume(id: string): Promise<void> {
    const { clock, documents } = this.#options;
    return orUnavailable(async () => {
      const stored = this.#idOf(id);
      await this.#checkResource(stored);
      if (!(await documents.consume(this.#model, stored, Math.trunc(clock.now())))) {
        if (this.#model === "PushedAuthorizationRequest") throw new errors.InvalidRequestUri("it was used before");
        throw new errors.InvalidGrant("another request used it at the same time");
      }
      const fact = this.#fact();
      if (fact !== undefined) fact.redeemed = { kind: this.#model, id: stored, at: clock.now() };
    });
  }

  destroy(id: string): Promise<void> {
    const { clock, documents, grants } = this.#options;
    const stored = this.#idOf(id);
    return orUnavailable(async () => {
      if (Provider.ctx?.oidc.route === "revocation") await this.#revokeGrantOf(stored);
      if (this.#model === "Grant" && isGrantId(stored)) await grants.revoke(stored, Math.trunc(clock.now()));
      await documents.remove(this.#model, stored, this.#tagsOf(stored));
    });
  }

  /**
   * The library removes the token first, so that a request which fails before the grant is revoked could not be made
   * again: the token would be unknown.
   */
  async #revokeGrantOf(stored: string): Promise<void> {
    const { clock, documents, grants } = this.#options;
    const grantId = (await documents.get(this.#model, stored))?.value["grantId"];
    if (typeof grantId === "string" && isGrantId(grantId)) await grants.revoke(grantId, Math.trunc(clock.now()));
  }

  /** An access token stays, dead with its grant, so that the audit can say whose it was. */
  revokeByGrantId(grantId: string): Promise<void> {
    if (this.#model === "AccessToken") return Promise.resolve();
    const tags: readonly ChangeTag[] = isGrantId(grantId) ? [`grant:${grantId}`] : [];
    return orUnavailable(async () => {
      await this.#options.documents.removeGroup(`grant:${grantId}`, [this.#model], tags);
    });
  }

  /** A code of a device keeps the name that people find it by, and what was decided about it. */
  async #write(documents: DocumentStore, document: NewDocument): Promise<boolean> {
    const before = this.#model === "DeviceCode" ? await documents.get(document.kind, document.id) : null;
    if (before === null) return documents.put(document);
    if (before.value["accountId"] !== undefined || before.value["error"] !== undefined) return false;
    return documents.replace({ ...document, lookups: before.lookups }, before.version);
  }

  /**
   * A digest in place of an id is taken only where we put it: in an interaction that goes on, and outside of requests
   * that the library answers. From a client it would make a stolen store a store of codes.
   */
  #idOf(id: string): string {
    const marked = markedDigest(id);
    if (marked === null) return documentId(this.#model, id, this.#options.digester);
    const route = Provider.ctx?.oidc.route;
    const ours = route === undefined || (route === "resume" && this.#model === "PushedAuthorizationRequest");
    return ours ? marked : documentId(this.#model, id, this.#options.digester);
  }

  /**
   * The cookie of a request can be planted from a neighbouring host or port. What a person decided goes on in a browser
   * in which that person is signed in, so that nobody ends an authorization with somebody else's consent.
   */
  #checkBrowser({ value }: StoredDocument): void {
    const by = decidedBy(value["result"]);
    if (value["result"] === undefined || (by !== null && by === this.#fact()?.personId)) return;
    throw new errors.SessionNotFound("whoever decided is not signed in here");
  }

  /** The library looks at the resource once the code is used up: a client that names a wrong one could not try again. */
  async #checkResource(stored: string): Promise<void> {
    const context = Provider.ctx;
    if (context?.oidc.route !== "token" || context.oidc.params?.["resource"] === undefined) return;
    const document = await this.#options.documents.get(this.#model, stored);
    if (document !== null) this.#options.resourceServers.checkGranted(context, document.value["resource"]);
  }

  #tagsOf(stored: string): readonly ChangeTag[] {
    if (this.#model === "Grant") return isGrantId(stored) ? [`grant:${stored}`] : [];
    const isToken = this.#model === "AccessToken" || this.#model === "ClientCredentials";
    return isToken && isDigest(stored) ? [`digest:${stored}`, `credential:${credentialOf(stored)}`] : [];
  }

  /** A pushed request has no tokens that could die. */
  #isUsed(document: StoredDocument): boolean {
    return this.#model === "PushedAuthorizationRequest" || isReplay(document, this.#fact());
  }

  #fact() {
    const context = Provider.ctx;
    return context === undefined ? undefined : this.#options.facts.of(context.req);
  }

  /** Only polls of the client that the code was given to count, and only while they can bring something. */
  async #notePoll(document: StoredDocument): Promise<void> {
    const context = Provider.ctx;
    if (context?.oidc.route !== "token" || document.consumedAt !== null) return;
    if (context.oidc.client?.clientId !== document.value["clientId"]) return;
    const { exp } = document.value;
    if (typeof exp === "number" && exp * 1000 <= this.#options.clock.now()) return;
    await this.#options.polling.poll(document);
  }
}

function credentialOf(digest: Digest): CredentialId {
  return credentialIdOf(digest);
}
