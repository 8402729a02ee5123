import { EventEmitter } from "node:events";
import { Provider } from "oidc-provider";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Scope } from "../core/ids.ts";
import { createAccessTokenSource } from "../credentials/access-token.ts";
import type { Digester } from "../credentials/digest.ts";
import type { CredentialSource } from "../credentials/source.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { ProtectedResource } from "../policy/resources.ts";
import type { Clients } from "../store/clients.ts";
import type { Grants } from "../store/grants.ts";
import type { People } from "../store/people.ts";
import type { SettingsStore } from "../store/settings.ts";
import type { Store } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Chrome } from "../web/chrome.ts";
import { createAccounts } from "./accounts.ts";
import { createAdapterFactory } from "./adapter.ts";
import { createClientAdapter } from "./client-adapter.ts";
import { createMetadataDocuments, type MetadataDocuments } from "./client-metadata-document.ts";
import { createDevicePolling } from "./device-polling.ts";
import { keepErrorsFromStrangers } from "./error-redirects.ts";
import { createEndpoints, type Endpoints } from "./endpoints.ts";
import { createIntrospection } from "./introspection.ts";
import { createFetchDocument } from "./metadata-fetch.ts";
import { auditProvider, createAuditOAuth } from "./oauth-events.ts";
import { createAnswers } from "./provider-answers.ts";
import { providerConfig } from "./provider-config.ts";
import { createErrorPages } from "./provider-errors.ts";
import { providerFeatures } from "./provider-features.ts";
import { createFrame } from "./provider-frame.ts";
import { createGate } from "./provider-gate.ts";
import { judgeClients, speakAsIssuer } from "./provider-overrides.ts";
import { catalogueOf } from "./registered-scopes.ts";
import type { Hold } from "./redemption.ts";
import { createRequestLimits } from "./request-limits.ts";
import type { RequestFacts } from "./request-facts.ts";
import { createResourceServers } from "./resource-servers.ts";

export interface ProviderOptions {
  /** Our public origin. */
  readonly issuer: string;
  readonly config: Config["oauth"];
  readonly store: Store;
  readonly people: People;
  readonly clients: Clients;
  readonly grants: Grants;
  readonly settings: SettingsStore;
  readonly digester: Digester;
  readonly keys: {
    /** Newest first. */
    readonly cookies: readonly string[];
    /** 32 bytes. */
    readonly signing: Buffer;
  };
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Pick<Log, "error" | "warn">;
  readonly audit: Pick<AuditLog, "event">;
  readonly resources: () => readonly ProtectedResource[];
  readonly chrome: () => Chrome;
  /** For metadata documents; without it, only public addresses are reached. */
  readonly fetch?: typeof fetch;
  readonly facts: RequestFacts;
  /** How the answers of redemptions are held, see `redemption.ts`; by a timer where left out. */
  readonly hold?: Hold;
}

const MAX_REASON = 200;

/** Makes the library's provider, on our store and with our rules. */
export function createProvider(options: ProviderOptions): {
  readonly provider: Provider;
  readonly endpoints: Endpoints;
} {
  const { issuer, config, clients, clock, facts, digester, randomBytes, resources, store } = options;
  const endpoints = createEndpoints(config.path);
  const page = createErrorPages(options);
  const catalogue = () => catalogueOf(resources());
  const accounts = createAccounts(options);
  const accessTokenSeconds = Math.max(1, Math.floor(config.access_token / 1000));
  const resourceServers = createResourceServers({ issuer, resources, clients, accessTokenSeconds });
  const limits = createRequestLimits({
    counters: store.counters,
    clients,
    now: () => clock.now(),
    perHour: config.registrations_per_hour,
  });
  const documents = metadataDocuments(options, catalogue);
  const clientAdapter = createClientAdapter({ ...options, documents, limits, catalogue });
  const polling = createDevicePolling({ documents: store.documents, clock });
  const mayIntrospect = createIntrospection({ ...options, accounts, tokens: lineTokens(options) });
  const provider = new Provider(
    issuer,
    providerConfig({
      ...options,
      endpoints,
      accounts,
      resourceServers,
      secure: issuer.startsWith("https:"),
      features: providerFeatures({ mayIntrospect, facts, randomBytes, resourceServers }),
      adapter: createAdapterFactory({
        ...options,
        documents: store.documents,
        polling,
        resourceServers,
        clientAdapter,
      }),
      renderError: page,
      now: () => clock.now(),
    }),
  );
  speakAsIssuer(provider, issuer);
  judgeClients(provider, digester);
  keepErrorsFromStrangers(provider, facts);
  const answers = createAnswers({ ...options, catalogue, metadataDocuments: config.metadata_hosts.length > 0 });
  const gate = createGate({ ...options, limits });
  provider.use(createFrame({ ...options, provider, endpoints, gate, answers, page, audit: createAuditOAuth(options) }));
  logFailures(provider, options.log);
  auditProvider({ ...options, provider });
  return { provider, endpoints };
}

/** Access tokens, as the line judges them. */
function lineTokens({ issuer, store, grants, people, clients, settings }: ProviderOptions): CredentialSource {
  const { documents } = store;
  return createAccessTokenSource({ documents, grants, people, clients, settings, issuer: () => issuer });
}

/** Koa's own event, for what fails while an answer is sent; the library's types do not know it. */
function logFailures(provider: Provider, log: ProviderOptions["log"]): void {
  EventEmitter.prototype.on.call(provider, "error", (error: unknown) => {
    log.error({ err: error }, "the authorization server failed");
  });
}

function metadataDocuments(options: ProviderOptions, catalogue: () => readonly Scope[]): MetadataDocuments {
  return createMetadataDocuments({
    ...options,
    hosts: options.config.metadata_hosts,
    fetchDocument: createFetchDocument(options.fetch === undefined ? {} : { fetch: options.fetch }),
    catalogue,
    onRefused(client, cause) {
      // Anybody can cause it: the reason in one line, and no stack.
      const reason = (cause instanceof Error ? cause.message : "unknown").slice(0, MAX_REASON);
      options.log.warn({ client, reason }, "a client metadata document was refused");
    },
  });
}
