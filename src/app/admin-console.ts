import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { FastifyInstance } from "fastify";
import { createApiAuth } from "../admin/api/auth.ts";
import { createIdempotency } from "../admin/api/idempotency.ts";
import { adminApi } from "../admin/api/plugin.ts";
import { adminPages } from "../admin/routes/admin-pages.ts";
import { createAdminTokenCheck } from "../administration/admin-tokens.ts";
import type { LiveStatus } from "../administration/status.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import { messagePage } from "../oauth/pages/messages.ts";
import type { Policy } from "../policy/types.ts";
import type { OpenStreams } from "../proxy/open-streams.ts";
import { createSignin, type Signin, type SigninOptions } from "../signin/signin.ts";
import { createAdminTokens } from "../store/admin-tokens.ts";
import type { Store } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import type { Log } from "../telemetry/log.ts";
import { aboutOf, createWebServer, type WebServer } from "../web/server.ts";
import { wireAdministration } from "./administration.ts";
import { examplesFor } from "./examples.ts";
import type { Records } from "./records.ts";
import { cookieKeysFor } from "./secrets.ts";
import { VERSION } from "./version.ts";

export interface ConsoleDeps {
  readonly store: Store;
  readonly records: Records;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: AuditLog;
  /** The rules in force. */
  readonly policy: () => Policy;
  readonly liveStatus: () => LiveStatus | Promise<LiveStatus>;
  readonly open: Pick<OpenStreams, "openOf">;
  /** Origin of the public listener. */
  readonly issuer: () => string;
}

/** Where the console stands: on the admin listener at its root, or on the public one under a path. */
export interface ConsolePlace {
  readonly prefix: string;
  /** The origin that our own pages have for a request. */
  readonly origin: (request: IncomingMessage) => string;
  /** Origin of the listener, as people are told. */
  readonly address: string;
  readonly signin: Signin;
}

/** Puts the pages of `Settings › MCP Access` and the API into a web server. */
export function registerConsole(
  app: FastifyInstance,
  config: Config,
  deps: ConsoleDeps,
  { address, origin, prefix, signin }: ConsolePlace,
): void {
  const { audit, clock, digester, log, records, store } = deps;
  const { gate, people, sessions } = signin;
  const administration = wireAdministration(config, { ...deps, people, sessions });
  const tokens = createAdminTokenCheck({
    tokens: createAdminTokens(store.documents),
    people: records.people,
    digester,
    clock,
  });
  app.register(
    adminPages({
      prefix,
      administration,
      gate,
      documents: store.documents,
      clock,
      randomBytes,
      audit,
      policy: deps.policy,
      accountPath: config.signin.path,
      examples: () => examplesFor(config, deps, `${address}${prefix}`),
    }),
  );
  app.register(
    adminApi({
      prefix,
      administration,
      auth: createApiAuth({
        gate,
        tokens,
        counters: store.counters,
        now: () => clock.now(),
        origin: (request) => origin(request.raw),
      }),
      idempotency: createIdempotency({ documents: store.documents, clock, digester }),
      about: aboutOf,
      log,
      audit,
      version: VERSION,
    }),
  );
}

/** The web server of the admin listener, with sign-in of its own. `origin` is that of the listener. */
export async function createAdminConsole(config: Config, deps: ConsoleDeps, origin: string): Promise<WebServer> {
  const { audit, clock, policy, records, store } = deps;
  const signin = createSignin({
    config: config.signin,
    publicUrl: origin,
    store,
    people: records.people,
    grants: records.grants,
    cookieKeys: cookieKeysFor(config),
    clock,
    randomBytes,
    audit,
    scopes: () => policy().scopes,
    portals: () => policy().portals,
    // Every page of this listener may be gone back to.
    returnPrefixes: [""],
    links: linksToConsole("/"),
  });
  const server = createWebServer({
    log: deps.log,
    origin: originOf,
    errorPage: (fault) => messagePage(signin.gate.chrome(null), fault),
  });
  server.app.register(signin.routes);
  registerConsole(server.app, config, deps, { prefix: "", origin: originOf, address: origin, signin });
  await server.ready();
  return server;
}

/** By the name that the listener was asked under, which its check of hosts has let through. */
function originOf({ headers, socket }: IncomingMessage): string {
  return `${socket instanceof TLSSocket ? "https" : "http"}://${headers.host ?? ""}`;
}

/** Where the page of an account leads an administrator. */
export function linksToConsole(href: string): NonNullable<SigninOptions["links"]> {
  return ({ role }) => (role === "admin" ? [{ label: "Settings › MCP Access", href }] : []);
}
