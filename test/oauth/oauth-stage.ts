import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type Provider from "oidc-provider";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { type ClientId, isClientId, isPersonId, isScope, type PersonId, type Scope } from "../../src/core/ids.ts";
import { createDigester, type Digester } from "../../src/credentials/digest.ts";
import { oauthSection } from "../../src/config/oauth-schema.ts";
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  createAuthorizationServer,
} from "../../src/oauth/authorization-server.ts";
import { createGrantApproval } from "../../src/oauth/grant-approval.ts";
import type { ProtectedResource } from "../../src/policy/resources.ts";
import { type ClientRecord, type Clients, createClients } from "../../src/store/clients.ts";
import { createGrants, type Grants } from "../../src/store/grants.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { createPeople, type People, type PersonRecord } from "../../src/store/people.ts";
import { createSettings, type Settings, type SettingsStore } from "../../src/store/settings.ts";
import type { Store } from "../../src/store/types.ts";
import type { EventRecord } from "../../src/telemetry/audit-record.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { html } from "../../src/web/html.ts";
import { createWebServer } from "../../src/web/server.ts";
import { tempFolder } from "../support/temp.ts";

/** An authorization server on a real socket, with a consent page that takes no clicks. */
export interface Stage {
  /** Where it listens, and its issuer. */
  readonly issuer: string;
  readonly server: AuthorizationServer;
  readonly provider: Provider;
  readonly store: Store;
  readonly people: People;
  readonly clients: Clients;
  readonly grants: Grants;
  readonly settings: SettingsStore;
  readonly digester: Digester;
  readonly events: EventRecord[];
  /** Mutable: rules reload. */
  readonly resources: ProtectedResource[];
  readonly person: PersonRecord;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly store?: Store;
  readonly clock?: Clock;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly issuer?: string;
  readonly fetch?: typeof fetch;
  /** What the person answers; approves all that is asked for by default. */
  readonly decide?: "approve" | "deny";
  /** The address that the line saw. */
  readonly clientIp?: () => string;
  /** Takes the warnings of the operator log. */
  readonly warn?: AuthorizationServerOptions["log"]["warn"];
  /** How the answers of redemptions are held. */
  readonly hold?: AuthorizationServerOptions["hold"];
}

export const KEYS: AuthorizationServerOptions["keys"] = {
  cookies: ["a key that signs the cookies of tests alone"],
  signing: Buffer.alloc(32, 7),
};
export const CHROME = { stylesheet: "/signin/portcullis.css", person: null, signOut: null };
const digester = createDigester({ pepper: "the pepper of tests, long enough" });

export function scopes(...names: readonly string[]): Scope[] {
  return names.filter(isScope);
}

export function clientId(text: string): ClientId {
  if (!isClientId(text)) throw new Error(`no client id: ${text}`);
  return text;
}

function personIdOf(text: string): PersonId {
  if (!isPersonId(text)) throw new Error(`no person id: ${text}`);
  return text;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? openSqliteStore({ file: join(tempFolder(), "store.db"), clock });
  const http = createServer();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const address: AddressInfo | string | null = http.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const listening = `http://127.0.0.1:${address.port}`;
  const issuer = options.issuer ?? listening;
  const people = createPeople(store.documents);
  const clients = createClients(store.documents);
  const grants = createGrants(store.documents);
  const settings = createSettings(store.documents);
  const events: EventRecord[] = [];
  const resources: ProtectedResource[] = [
    { path: "", scopes: scopes("tickets:read", "tickets:write", "workflows:run"), name: "All services" },
    { path: "/mcp", scopes: scopes("tickets:read", "tickets:write"), name: "desk" },
  ];
  const config = oauthSection.parse({ ...options.config });
  const person = await addPerson(people, clock);
  const server = await createAuthorizationServer({
    issuer,
    config,
    store,
    people,
    clients,
    grants,
    settings,
    digester,
    keys: KEYS,
    clock,
    randomBytes,
    log: { ...silentLog(), ...(options.warn === undefined ? {} : { warn: options.warn }) },
    audit: { event: (record) => void events.push(record) },
    resources: () => resources,
    chrome: () => CHROME,
    gate: {
      current: async () => ({
        person,
        sessionId: "the session of tests",
        signedInAt: clock.now(),
        provedAt: clock.now(),
      }),
    },
    ...(options.hold === undefined ? {} : { hold: options.hold }),
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const web = createWebServer({
    log: silentLog(),
    errorPage: (fault) => html`<p>${fault.title}</p>`,
    origin: () => issuer,
  });
  const approve = createGrantApproval({
    provider: server.provider,
    grants,
    clock,
    randomBytes,
    lifetimeMs: config.refresh_token,
  });
  await web.app.register(server.routes);
  web.app.get(`${config.path}/interaction/:uid`, async (request, reply) => {
    reply.hijack();
    const { params } = await server.provider.interactionDetails(request.raw, reply.raw);
    if (options.decide === "deny") {
      const denial = { error: "access_denied", decidedBy: person.id };
      await server.provider.interactionFinished(request.raw, reply.raw, denial);
      return;
    }
    const asked = String(params["scope"]).split(" ");
    const grant = await approve({
      person,
      client: { id: clientId(String(params["client_id"])) },
      scopes: asked.filter(isScope),
      oidcScopes: asked.filter((name) => !isScope(name)),
      portal: null,
      resource: { asked: String(params["resource"]), url: String(params["resource"]), name: "test" },
      flow: "authorization_code",
    });
    const login = { accountId: person.id, remember: false };
    await server.provider.interactionFinished(request.raw, reply.raw, { login, consent: { grantId: grant.id } });
  });
  await web.ready();
  let count = 0;
  http.on("request", (request, response) => {
    count += 1;
    web.serve(request, response, { requestId: `req-${count}`, clientIp: options.clientIp?.() ?? "192.0.2.1" });
  });
  return {
    issuer: listening,
    server,
    provider: server.provider,
    store,
    people,
    clients,
    grants,
    settings,
    digester,
    events,
    resources,
    person,
    async close() {
      http.closeAllConnections();
      http.close();
      await web.close();
      if (options.store === undefined) await store.close();
    },
  };
}

async function addPerson(people: People, clock: Clock): Promise<PersonRecord> {
  const record = {
    id: personIdOf("usr_00000000000000000001"),
    email: "ada@example.com",
    name: "Ada",
    role: "member",
    scopes: scopes("tickets:read", "tickets:write", "workflows:*"),
    portals: null,
    password: null,
    company: null,
    createdAt: Math.trunc(clock.now()),
    createdBy: "test",
    disabledAt: null,
    lastSignInAt: null,
  } as const;
  await people.create(record);
  const found = await people.get(record.id);
  if (found === null) throw new Error("no person");
  return found;
}

export interface AddedClient {
  readonly id: ClientId;
  readonly secret: string | null;
  readonly record: ClientRecord;
}

export const REDIRECT = "https://app.example/cb";

/** A client of an administrator. */
export async function addClient(
  { clients, digester: by }: Pick<Stage, "clients" | "digester">,
  change: Partial<Omit<ClientRecord, "version">> & { readonly secret?: string } = {},
): Promise<AddedClient> {
  const { secret = null, ...fields } = change;
  const record = {
    id: clientId(`client_${randomBytes(10).toString("hex")}`),
    name: "Desk app",
    origin: "administrator",
    status: "approved",
    metadata: {
      client_name: "Desk app",
      redirect_uris: [REDIRECT],
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
      response_types: ["code"],
      token_endpoint_auth_method: secret === null ? "none" : "client_secret_basic",
    },
    secretDigest: secret === null ? null : by.stored(secret),
    scopes: scopes("tickets:read", "tickets:write", "workflows:run"),
    portal: null,
    createdAt: Date.now(),
    createdBy: "test",
    decidedAt: null,
    decidedBy: null,
    expiresAt: null,
    tokensAfter: null,
    ...fields,
  } as const;
  await clients.create(record);
  const made = await clients.get(record.id);
  if (made === null) throw new Error("no client");
  return { id: made.id, secret, record: made };
}

export async function setSettings({ settings }: Pick<Stage, "settings">, change: Partial<Settings>): Promise<void> {
  if (!(await settings.write({ ...(await settings.read()), ...change }))) throw new Error("settings changed meanwhile");
}

/** A browser that follows redirects within the authorization server and keeps its cookies. */
export async function browse(
  start: string,
  issuer: string,
): Promise<{ readonly url: URL; readonly response: Response }> {
  const cookies = new Map<string, { readonly value: string; readonly path: string }>();
  let url = new URL(start);
  for (let hop = 0; hop < 10; hop += 1) {
    const sent = [...cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`);
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: sent.join("; "), accept: "text/html" },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      const path =
        attributes
          .map((part) => part.trim())
          .find((part) => part.startsWith("path="))
          ?.slice(5) ?? "/";
      if (value === "" || /expires=Thu, 01 Jan 1970/.test(line)) cookies.delete(name);
      else cookies.set(name, { value, path });
    }
    const location = response.headers.get("location");
    if (location === null) return { url, response };
    url = new URL(location, url);
    if (url.origin !== new URL(issuer).origin) return { url, response };
  }
  throw new Error("too many redirects");
}
