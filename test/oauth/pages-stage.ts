import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { oauthSection } from "../../src/config/oauth-schema.ts";
import { signinSection } from "../../src/config/signin-schema.ts";
import { systemClock } from "../../src/core/clock.ts";
import { isPortalId, isScope } from "../../src/core/ids.ts";
import { createAccessTokenSource } from "../../src/credentials/access-token.ts";
import { createApiKeySource } from "../../src/credentials/api-key.ts";
import { createAuthenticator } from "../../src/credentials/authenticate.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createAccessService } from "../../src/oauth/access-service.ts";
import { createAuthorizationServer } from "../../src/oauth/authorization-server.ts";
import { createClientsService } from "../../src/oauth/clients-service.ts";
import { consentRoutes } from "../../src/oauth/consent-routes.ts";
import { createDeviceCodeGuard } from "../../src/oauth/device-code-guard.ts";
import { createDeviceCodes } from "../../src/oauth/device-codes.ts";
import { deviceRoutes } from "../../src/oauth/device-routes.ts";
import { type Approval, createGrantApproval } from "../../src/oauth/grant-approval.ts";
import { whoamiRoute } from "../../src/oauth/whoami-route.ts";
import type { PersonRequest } from "../../src/signin/people-service.ts";
import { createSignin } from "../../src/signin/signin.ts";
import { createCredentialCache } from "../../src/store/cache.ts";
import { createClients } from "../../src/store/clients.ts";
import { createGrants } from "../../src/store/grants.ts";
import { createPeople, type PersonRecord } from "../../src/store/people.ts";
import { createSettings } from "../../src/store/settings.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { EventRecord } from "../../src/telemetry/audit-record.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { html } from "../../src/web/html.ts";
import { createWebServer } from "../../src/web/server.ts";
import { cheapPasswords, PASSWORD } from "../signin/stage.ts";
import { fakeClock } from "../store/fake-clock.ts";
import { Browser, type Page } from "../support/browserless.ts";
import { tempFolder } from "../support/temp.ts";

const WORDS = {
  "tickets:read": "Read ticket details",
  "tickets:write": "Create and update tickets",
  "workflows:*": "Run workflows",
};
const CATALOGUE = new Map(Object.entries(WORDS).flatMap(([scope, text]) => (isScope(scope) ? [[scope, text]] : [])));
const SCOPES = [...CATALOGUE.keys()];
const PORTALS = ["acme", "globex"].filter(isPortalId).map((id) => ({ id, name: `Portal ${id}` }));
export const CALLBACK = "http://127.0.0.1:9/callback";
export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
export const PEPPER = "pepper-of-the-tests-of-the-pages";
const VERIFIER = "v".repeat(43);

/** The whole origin and one MCP route. */
const resources = () => ["", "/mcp"].map((path) => ({ path, scopes: SCOPES, name: `resource ${path}` }));

export type Stage = Awaited<ReturnType<typeof startStage>>;

/** Sign-in, authorization server and its pages on one socket, over a real store. */
export async function startStage(
  options: { readonly file?: string; readonly issuer?: string; readonly realTime?: boolean } = {},
) {
  const clock = options.realTime === true ? { ...systemClock, advance: never } : fakeClock(Date.now());
  const file = options.file ?? join(tempFolder(), "portcullis.db");
  const store = openSqliteStore({ file, clock });
  const http = createServer();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const bound = http.address();
  const origin = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  // Another process of the same installation stands behind the same address.
  const issuer = options.issuer ?? origin;
  const events: EventRecord[] = [];
  const audit = { event: (record: EventRecord) => void events.push(record) };
  const { documents, counters } = store;
  const [people, clients] = [createPeople(documents), createClients(documents)];
  const [grants, settings] = [createGrants(documents), createSettings(documents)];
  const digester = createDigester({ pepper: PEPPER });
  const cookieKeys = [randomBytes(32).toString("hex")];
  const config = oauthSection.parse({});
  const signin = createSignin({
    config: signinSection.parse({}),
    publicUrl: issuer,
    store,
    cookieKeys,
    clock,
    randomBytes,
    audit,
    scopes: () => CATALOGUE,
    portals: () => PORTALS,
    returnPrefixes: [config.path],
    passwords: cheapPasswords(),
  });
  const { gate } = signin;
  const server = await createAuthorizationServer({
    issuer,
    config,
    store,
    people,
    clients,
    grants,
    settings,
    digester,
    keys: { cookies: cookieKeys, signing: randomBytes(32) },
    clock,
    randomBytes,
    log: silentLog(),
    audit,
    resources,
    chrome: () => gate.chrome(null),
    gate,
  });
  const web = createWebServer({
    log: { error: (fields) => void events.push({ event: "config", action: "fault", detail: faultText(fields) }) },
    errorPage: ({ title }) => html`<h1>${title}</h1>`,
    origin: () => issuer,
  });
  const lists = { scopes: () => CATALOGUE, portals: () => PORTALS };
  const clientsService = createClientsService({
    clients,
    grants,
    digester,
    clock,
    randomBytes,
    ...lists,
  });
  const approve = createGrantApproval({
    provider: server.provider,
    grants,
    clock,
    randomBytes,
    lifetimeMs: config.refresh_token,
  });
  /** What happens between the decision and its end. */
  const meanwhile: { run: (() => Promise<unknown>) | null } = { run: null };
  const pages = {
    ...lists,
    server,
    gate,
    people,
    clients,
    grants,
    settings,
    documents,
    counters,
    digester,
    clock,
    audit,
    resources,
    issuer,
    path: config.path,
    async approve(approval: Approval) {
      const grant = await approve(approval);
      await meanwhile.run?.();
      return grant;
    },
  };
  const guard = createDeviceCodeGuard({ counters, now: () => clock.now() });
  const codes = createDeviceCodes({ documents, digester, clock });
  const tokens = createAccessTokenSource({ documents, grants, people, clients, settings, issuer: () => issuer });
  const cache = createCredentialCache({ maxEntries: 100, ttlMs: 60_000, negativeTtlMs: 5000, clock });
  await store.changes.follow((tags) => cache.apply(tags));
  const authenticator = createAuthenticator({
    keys: createApiKeySource({ keys: store.keys, settings }),
    tokens,
    changes: store.changes,
    cache,
    digester,
    clock,
    uses: { note() {} },
    metrics: { lookup() {}, storeDuration() {} },
  });
  await web.app.register(signin.routes);
  await web.app.register(consentRoutes(pages));
  await web.app.register(deviceRoutes({ ...pages, codes, guard }));
  await web.app.register(whoamiRoute({ authenticator, path: config.path }));
  await web.app.register(server.routes);
  await web.ready();
  const at = { address: "192.0.2.1" };
  let count = 0;
  http.on("request", (request, response) => {
    count += 1;
    web.serve(request, response, { requestId: `req-${count}`, clientIp: at.address });
  });
  onTestFinished(async () => {
    http.close();
    http.closeAllConnections();
    await web.close();
    await store.close();
  });
  const post = (path: string, fields: Record<string, string>) =>
    fetch(`${issuer}${path}`, { method: "POST", body: new URLSearchParams(fields) });
  return {
    issuer,
    origin,
    file,
    clock,
    store,
    events,
    people,
    clients,
    clientsService,
    grants,
    signin,
    digester,
    at,
    meanwhile,
    access: createAccessService({ settings, clock }),
    tokens,
    url: (path: string) => `${issuer}${path}`,
    post,
    /** A client of an administrator: the code flow, or the device flow without a redirect URI. */
    async client(changes: Partial<Parameters<typeof clientsService.add>[0]> = {}) {
      const { record } = await clientsService.add({
        name: "Desk app",
        redirectUris: [CALLBACK],
        confidential: false,
        grantTypes: [],
        scopes: [],
        portal: null,
        createdBy: "test",
        ...changes,
      });
      return record;
    },
    /** A client that registers itself, and so waits. */
    async registered(grantType: string): Promise<string> {
      const code = grantType === "authorization_code";
      const response = await fetch(`${issuer}/oauth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          client_name: "Registered",
          redirect_uris: code ? [CALLBACK] : [],
          response_types: code ? ["code"] : [],
          grant_types: [grantType, "refresh_token"],
          token_endpoint_auth_method: "none",
        }),
      });
      const { client_id: id } = { ...Object(await response.json()) };
      expect(response.status).toBe(201);
      return String(id);
    },
    /** Somebody who is signed in, in a browser of their own. */
    async person(changes: Partial<PersonRequest> = {}): Promise<{ browser: Browser; record: PersonRecord }> {
      const wish = { email: "mara@example.com", name: "Mara Lind", role: "member", password: PASSWORD } as const;
      const record = await signin.people.add({ ...wish, scopes: "all", portals: "all", createdBy: "test", ...changes });
      const browser = new Browser();
      await signIn(browser, issuer, record.email);
      return { browser, record };
    },
    /** Opens the consent page of a client in a browser. */
    consent: (browser: Browser, clientId: string, more: Record<string, string> = {}): Promise<Page> =>
      browser.follow(
        browser.get(authorizeUrl(issuer, clientId, more)),
        (location) => location.startsWith(CALLBACK) || location.includes("/signin"),
      ),
    /** Follows the answer to a decision to the client's redirect URI. */
    async arrive(browser: Browser, answer: Page): Promise<URLSearchParams> {
      const page = await browser.follow(answer, (location) => location.startsWith(CALLBACK));
      expect(page.location).toMatch(/^http:\/\/127\.0\.0\.1:9\/callback\?/);
      return new URL(page.location ?? "").searchParams;
    },
    /** Redeems a code. */
    async redeem(clientId: string, code: string | null): Promise<Record<string, unknown>> {
      const response = await post("/oauth/token", {
        grant_type: "authorization_code",
        client_id: clientId,
        code: code ?? "",
        redirect_uri: CALLBACK,
        code_verifier: VERIFIER,
      });
      return { ...Object(await response.json()) };
    },
    /** Starts a device. */
    async device(clientId: string, more: Record<string, string> = {}): Promise<Device> {
      const response = await post("/oauth/device_authorization", { client_id: clientId, ...more });
      const answer: Record<string, unknown> = { ...Object(await response.json()) };
      expect([response.status, answer["error"]]).toEqual([200, undefined]);
      return { code: String(answer["device_code"]), userCode: String(answer["user_code"]), answer };
    },
    async poll(clientId: string, { code }: Device): Promise<Record<string, unknown>> {
      const fields = { grant_type: DEVICE_GRANT, client_id: clientId, device_code: code };
      return { ...Object(await (await post("/oauth/token", fields)).json()) };
    },
    /** What a token stands for. */
    async whoami(token: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
      const headers = { authorization: `Bearer ${String(token)}` };
      const response = await fetch(`${issuer}/oauth/whoami`, { headers });
      return { status: response.status, answer: { ...Object(await response.json()) } };
    },
    allGrants: () => grants.list("all", { limit: 100 }),
    actions: (action: string) => events.filter((event) => event.action === action),
    faults: () => events.filter((event) => event.action === "fault").map(({ detail }) => detail),
  };
}

interface Device {
  readonly code: string;
  readonly userCode: string;
  readonly answer: Record<string, unknown>;
}

export async function signIn(
  browser: Browser,
  origin: string,
  email: string,
  headers: Record<string, string> = {},
): Promise<Page> {
  const page = await browser.get(`${origin}/signin`);
  return browser.submit(page, { email, password: PASSWORD }, { action: "/signin", headers });
}

function authorizeUrl(issuer: string, clientId: string, more: Record<string, string>): string {
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: "code",
    redirect_uri: CALLBACK,
    state: "the-state",
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
    code_challenge_method: "S256",
    ...more,
  });
  return `${issuer}/oauth/authorize?${query.toString()}`;
}

function never(): never {
  throw new Error("nobody moves the machine's clock");
}

function faultText(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? (value.stack ?? value.message) : value,
  );
}
