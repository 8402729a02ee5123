import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { OwnRequest } from "../core/own-request.ts";
import { isReserved, RESOURCE_METADATA_PATH, reservedPaths } from "../core/reserved-paths.ts";
import type { Authenticator } from "../credentials/authenticate.ts";
import type { Digester } from "../credentials/digest.ts";
import { createAuthorizationServer } from "../oauth/authorization-server.ts";
import { consentRoutes } from "../oauth/consent-routes.ts";
import { createDeviceCodeGuard } from "../oauth/device-code-guard.ts";
import { createDeviceCodes } from "../oauth/device-codes.ts";
import { deviceRoutes } from "../oauth/device-routes.ts";
import { createGrantApproval } from "../oauth/grant-approval.ts";
import { messagePage } from "../oauth/pages/messages.ts";
import { createWaitingClientName } from "../oauth/waiting-client.ts";
import { whoamiRoute } from "../oauth/whoami-route.ts";
import { type ProtectedResource, protectedResources } from "../policy/resources.ts";
import type { Policy } from "../policy/types.ts";
import type { OwnEndpoints } from "../proxy/own-endpoints.ts";
import type { SigninGate } from "../signin/gate.ts";
import { createSignin, type Signin } from "../signin/signin.ts";
import { type ConsoleDeps, linksToConsole, registerConsole } from "./admin-console.ts";
import type { Records } from "./records.ts";
import type { Store } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import type { Chrome } from "../web/chrome.ts";
import { createWebServer, type WebServer } from "../web/server.ts";
import { cookieKeysFor, signingSeedFor } from "./secrets.ts";

export interface OwnEndpointsDeps {
  readonly store: Store;
  readonly records: Records;
  readonly authenticator: Authenticator;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: AuditLog;
  /** The rules in force. */
  readonly policy: () => Policy;
  /** Our origin; asked from `open` on. */
  readonly issuer: () => string;
  readonly liveStatus: ConsoleDeps["liveStatus"];
  readonly open: ConsoleDeps["open"];
}

/** OAuth, sign-in and metadata. They open once the listener has its port, for the issuer may hold it. */
export interface OwnEndpointsHost extends OwnEndpoints {
  /** Requests that came before wait for it. Call it once. */
  open(): Promise<void>;
  /** The URL that makes the first administrator, for the terminal only; `null` where there is somebody already. */
  setupUrl(): Promise<string | null>;
  close(): Promise<void>;
}

const ONE_ORIGIN =
  "administrators' pages are on the origin of the services behind: a script in a page of theirs can act as an administrator who is signed in";

interface Opened {
  readonly server: WebServer;
  readonly signin: Signin;
}

/** See `OwnEndpointsHost`. */
export function createOwnEndpoints(config: Config, deps: OwnEndpointsDeps): OwnEndpointsHost {
  const reserved = reservedPaths(config);
  const opened = Promise.withResolvers<Opened>();
  // Whoever waits for it is told; nobody may.
  opened.promise.catch(() => {});
  let ready: Opened | null = null;
  return {
    owns: (path) => isReserved(reserved, path),
    serve(request, response, about) {
      if (ready === null) void serveLater(opened.promise, request, response, about);
      else ready.server.serve(request, response, about);
    },
    resourceMetadataUrl: (path) => `${deps.issuer()}${RESOURCE_METADATA_PATH}${path}`,
    async open() {
      try {
        ready = await start(config, deps);
        opened.resolve(ready);
      } catch (error) {
        opened.reject(error);
        throw error;
      }
    },
    setupUrl: async () => (await opened.promise).signin.setupUrl(),
    close: async () => ready?.server.close(),
  };
}

async function serveLater(
  opened: Promise<Opened>,
  request: IncomingMessage,
  response: ServerResponse,
  about: OwnRequest,
): Promise<void> {
  try {
    (await opened).server.serve(request, response, about);
  } catch {
    // It never opened: the start failed, and whoever started it knows why.
    if (!response.headersSent) response.statusCode = 503;
    response.end();
  }
}

async function start(config: Config, deps: OwnEndpointsDeps): Promise<Opened> {
  const { audit, clock, digester, log, policy, records, store } = deps;
  const issuer = deps.issuer();
  const { documents } = store;
  const { path } = config.oauth;
  const { public_path: prefix } = config.admin;
  const cookieKeys = cookieKeysFor(config);
  const signin = createSignin({
    config: config.signin,
    publicUrl: issuer,
    store,
    people: records.people,
    grants: records.grants,
    cookieKeys,
    clock,
    randomBytes,
    audit,
    scopes: () => policy().scopes,
    portals: () => policy().portals,
    returnPrefixes: prefix === undefined ? [path] : [path, prefix],
    ...(prefix === undefined ? {} : { links: linksToConsole(`${prefix}/`) }),
    clientName: createWaitingClientName({ documents, clients: records.clients, digester, path }),
  });
  const chrome = (): Chrome => signin.gate.chrome(null);
  const server = createWebServer({ log, origin: () => issuer, errorPage: (fault) => messagePage(chrome(), fault) });
  server.app.register(signin.routes);
  await registerOAuth(server.app, config, { ...deps, gate: signin.gate, cookieKeys });
  if (prefix !== undefined) {
    log.warn({ public_path: prefix }, ONE_ORIGIN);
    registerConsole(server.app, config, deps, { prefix, origin: () => issuer, address: issuer, signin });
  }
  await server.ready();
  return { server, signin };
}

async function registerOAuth(
  app: FastifyInstance,
  config: Config,
  deps: OwnEndpointsDeps & { readonly gate: SigninGate; readonly cookieKeys: readonly string[] },
): Promise<void> {
  const { audit, clock, cookieKeys, digester, gate, log, policy, records, store } = deps;
  const { documents, counters } = store;
  const { path } = config.oauth;
  const issuer = deps.issuer();
  const resources = (): readonly ProtectedResource[] => protectedResources(policy());
  const server = await createAuthorizationServer({
    ...records,
    issuer,
    config: config.oauth,
    store,
    digester,
    keys: { cookies: cookieKeys, signing: signingSeedFor(config) },
    clock,
    randomBytes,
    log,
    audit,
    resources,
    chrome: () => gate.chrome(null),
    gate,
  });
  const lifetimeMs = config.oauth.refresh_token;
  const pages = {
    ...records,
    server,
    gate,
    documents,
    counters,
    digester,
    clock,
    audit,
    resources,
    issuer,
    path,
    approve: createGrantApproval({
      provider: server.provider,
      grants: records.grants,
      clock,
      randomBytes,
      lifetimeMs,
    }),
    scopes: () => policy().scopes,
    portals: () => policy().portals,
  };
  app.register(consentRoutes(pages));
  const codes = createDeviceCodes({ documents, digester, clock });
  const guard = createDeviceCodeGuard({ counters, now: () => clock.now() });
  app.register(deviceRoutes({ ...pages, codes, guard }));
  app.register(whoamiRoute({ authenticator: deps.authenticator, path }));
  app.register(server.routes);
}
