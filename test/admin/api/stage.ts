import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import { createAdminTokenCheck } from "../../../src/administration/admin-tokens.ts";
import type { Administration } from "../../../src/administration/administration.ts";
import { createAdministration } from "../../../src/administration/create-administration.ts";
import { createApiAuth } from "../../../src/admin/api/auth.ts";
import { createIdempotency } from "../../../src/admin/api/idempotency.ts";
import { adminApi } from "../../../src/admin/api/plugin.ts";
import { createLiveStatus } from "../../../src/admin/live-status.ts";
import { createRecords } from "../../../src/app/records.ts";
import { signinSection } from "../../../src/config/signin-schema.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { createDigester } from "../../../src/credentials/digest.ts";
import { createKeyService } from "../../../src/credentials/key-service.ts";
import { explainMessage } from "../../../src/mcp/explain.ts";
import { explain } from "../../../src/policy/explain.ts";
import type { Role } from "../../../src/store/people.ts";
import { createSignin } from "../../../src/signin/signin.ts";
import { createAdminTokens } from "../../../src/store/admin-tokens.ts";
import type { Store } from "../../../src/store/types.ts";
import type { EventRecord } from "../../../src/telemetry/audit-record.ts";
import { createTraffic } from "../../../src/telemetry/traffic.ts";
import { html } from "../../../src/web/html.ts";
import { aboutOf, createWebServer } from "../../../src/web/server.ts";
import { policyOf } from "../../policy/rules.ts";
import { cheapPasswords, PASSWORD } from "../../signin/stage.ts";
import { Browser } from "../../support/browserless.ts";
import { createAdministratorDesk } from "../../support/desk.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; `undefined` where it is no JSON. */
  readonly json: unknown;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

export interface ApiStage {
  readonly origin: string;
  readonly store: Store;
  readonly administration: Administration;
  readonly events: (EventRecord & { readonly before?: unknown; readonly after?: unknown })[];
  /** What the operator log was told. */
  readonly faults: string[];
  /** An admin token of the first administrator. */
  readonly token: string;
  /** The audit takes nothing from now on. */
  auditFull: boolean;
  address: string;
  /** Asks without a credential. `path` starts below `/api/v1`. */
  ask(path: string, ask?: Ask): Promise<Answer>;
  /** Asks with the admin token. */
  readonly call: Call;
  /** Asks as a new administrator who has just signed in. */
  administrator(email?: string): Promise<Call>;
  /** A browser that is signed in, with its CSRF token. */
  signedIn(role: Role, email: string): Promise<{ readonly cookie: string; readonly csrf: string }>;
}

const RULES = {
  version: 1,
  upstreams: { desk: { url: "http://127.0.0.1:9000" } },
  portals: [
    { id: "acme", name: "Acme Inc" },
    { id: "globex", name: "Globex" },
  ],
  routes: [
    {
      id: "tickets.read",
      match: { methods: ["GET"], path: "/api/portals/:portal/tickets/*" },
      upstream: "desk",
      scopes: ["tickets:read"],
      portal: "path:portal",
    },
  ],
};

/** The API on a socket, over a real store. */
export async function startApi({ clock, store }: { readonly clock: Clock; readonly store: Store }): Promise<ApiStage> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const origin = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  const policy = await policyOf(JSON.stringify(RULES));
  const digester = createDigester({ pepper: "0123456789abcdef0123456789abcdef" });
  const records = createRecords(store.documents);
  const tokens = createAdminTokens(store.documents);
  const { access, clients } = createAdministratorDesk(store, { digester, policy });
  const events: ApiStage["events"] = [];
  const faults: string[] = [];
  const audit = {
    admits: (): boolean => !stage.auditFull,
    event: (record: EventRecord): void => void events.push(record),
  };
  const signin = createSignin({
    config: signinSection.parse({}),
    publicUrl: origin,
    store,
    cookieKeys: [randomBytes(32).toString("hex")],
    clock,
    randomBytes,
    audit,
    scopes: () => policy.scopes,
    portals: () => policy.portals,
    returnPrefixes: [],
    passwords: cheapPasswords(),
  });
  const administration = createAdministration({
    changes: store.changes,
    openStreams: () => 2,
    keys: createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes: policy.scopes }),
    keyStore: store.keys,
    clients,
    clientStore: records.clients,
    people: signin.people,
    peopleStore: records.people,
    sessions: signin.sessions,
    grants: records.grants,
    access,
    tokens,
    activity: store.activity,
    digester,
    clock,
    randomBytes,
    audit,
    policy: () => policy,
    liveStatus: createLiveStatus({
      instance: "test-1",
      version: "0.0.0",
      rules: () => policy.hash,
      storeKind: store.kind,
      storeUp: () => Promise.resolve(true),
      traffic: createTraffic(clock),
    }),
    explain: (input) => explain(policy, input, explainMessage),
  });
  const log = {
    error: (fields: object, message: string): void => void faults.push(`${message} ${JSON.stringify(fields, stacks)}`),
  };
  const web = createWebServer({ log, errorPage: ({ title }) => html`<h1>${title}</h1>`, origin: () => origin });
  await web.app.register(signin.routes);
  await web.app.register(
    adminApi({
      prefix: "",
      administration,
      auth: createApiAuth({
        gate: signin.gate,
        tokens: createAdminTokenCheck({ tokens, people: records.people, digester, clock }),
        counters: store.counters,
        now: () => clock.now(),
        origin: () => origin,
      }),
      idempotency: createIdempotency({ documents: store.documents, clock, digester }),
      about: aboutOf,
      log,
      audit,
      version: "0.0.0",
    }),
  );
  await web.ready();
  const actor = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
  const stage: ApiStage = {
    origin,
    store,
    administration,
    events,
    faults,
    auditFull: false,
    token: "",
    address: "192.0.2.1",
    async ask(path, { body, headers = {}, method = "GET" } = {}) {
      const response = await fetch(`${origin}/api/v1${path}`, {
        method,
        headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "manual",
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: parse(text) };
    },
    call: (method, path, body, headers = {}) =>
      stage.ask(path, { method, body, headers: { authorization: `Bearer ${stage.token}`, ...headers } }),
    async administrator(email = "boss@example.com") {
      const { cookie, csrf } = await stage.signedIn("admin", email);
      events.length = 0;
      return (method, path, body, headers = {}) =>
        stage.ask(path, { method, body, headers: { cookie, "x-csrf-token": csrf, ...headers } });
    },
    async signedIn(role, email) {
      const rights = { scopes: "all", portals: "all" } as const;
      await signin.people.add({ email, name: "Pat", role, ...rights, password: PASSWORD, createdBy: "test" });
      const browser = new Browser();
      const page = await browser.get(`${origin}/signin`);
      await browser.submit(page, { email, password: PASSWORD });
      const cookie = Object.entries(browser.cookies())
        .map(([name, value]) => `${name}=${value}`)
        .join("; ");
      const { json } = await stage.ask("/session", { headers: { cookie } });
      const token = typeof json === "object" && json !== null && "csrf_token" in json ? json.csrf_token : "";
      return { cookie, csrf: typeof token === "string" ? token : "" };
    },
  };
  let count = 0;
  server.on("request", (request, response) => {
    count += 1;
    web.serve(request, response, { requestId: `req-${count}`, clientIp: stage.address });
  });
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await web.close();
  });
  const { token } = await administration.tokens.create(actor, { name: "script", expiresInMs: null });
  events.length = 0;
  return Object.assign(stage, { token });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function stacks(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
