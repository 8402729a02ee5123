import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Administration } from "../../src/administration/administration.ts";
import { createAdministration } from "../../src/administration/create-administration.ts";
import { adminPages } from "../../src/admin/routes/admin-pages.ts";
import { createRecords } from "../../src/app/records.ts";
import { signinSection } from "../../src/config/signin-schema.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { principalOf } from "../../src/credentials/principal.ts";
import { createKeyService } from "../../src/credentials/key-service.ts";
import { explainMessage } from "../../src/mcp/explain.ts";
import { explain } from "../../src/policy/explain.ts";
import { exampleFor } from "../../src/policy/request-example.ts";
import { createSignin, type Signin } from "../../src/signin/signin.ts";
import { createAdminTokens } from "../../src/store/admin-tokens.ts";
import type { Role } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";
import type { EventRecord } from "../../src/telemetry/audit-record.ts";
import { html } from "../../src/web/html.ts";
import { createWebServer } from "../../src/web/server.ts";
import { policyOf, rulesText } from "../policy/rules.ts";
import { cheapPasswords, PASSWORD } from "../signin/stage.ts";
import { type AdministratorDesk, createAdministratorDesk } from "../support/desk.ts";
import { Browser, type Page } from "../support/browserless.ts";
import { listen } from "../web/serve.ts";

export interface PagesStage {
  readonly store: Store;
  readonly administration: Administration;
  readonly desk: AdministratorDesk;
  readonly signin: Signin;
  readonly events: EventRecord[];
  /** The audit takes nothing from now on. */
  auditFull: boolean;
  /** Signed in as a new person of the role. */
  browser(role: Role, email?: string): Promise<PageBrowser>;
  /** Nobody. */
  nobody(): PageBrowser;
}

/** A browser that begins all addresses at the prefix of the pages. */
export class PageBrowser extends Browser {
  readonly prefix: string;

  constructor(prefix: string) {
    super();
    this.prefix = prefix;
  }

  at(path: string): Promise<Page> {
    return this.get(this.prefix + path);
  }

  /** Fills in the form of a page that is sent to `action`, or the first that posts, and follows where it leads. */
  async send(page: Page, fields: Readonly<Record<string, string | readonly string[]>> = {}, action?: string) {
    const form = page.forms.find(
      (each) => each.method === "post" && !each.action.endsWith("/out") && each.action.includes(action ?? ""),
    );
    return this.follow(await this.submit(page, fields, { action: form?.action ?? "no such form" }));
  }
}

const PREFIX = "/admin";
const MCP_URL = "https://desk.example.com/mcp";

/** The pages on a socket, under a prefix, over a real store. */
export async function startPages({
  clock,
  store,
}: {
  readonly clock: Clock;
  readonly store: Store;
}): Promise<PagesStage> {
  let origin = "";
  const policy = await policyOf(
    `${rulesText("{ id: tickets.read, match: { methods: [GET], path: '/api/portals/:portal/tickets/*' }, upstream: desk, scopes: [tickets:read], portal: path:portal }")}portals:\n  - { id: acme, name: Acme Inc }\n  - { id: globex, name: Globex }\n`,
  );
  const digester = createDigester({ pepper: "0123456789abcdef0123456789abcdef" });
  const records = createRecords(store.documents);
  const desk = createAdministratorDesk(store, { digester, policy });
  const events: EventRecord[] = [];
  const audit = {
    admits: (): boolean => !stage.auditFull,
    event: (record: EventRecord): void => void events.push(record),
  };
  // Cookies and links need no origin before the first request.
  const web = createWebServer({
    log: { error: (fields, message) => console.error(message, fields) },
    errorPage: ({ title }) => html`<h1>${title}</h1>`,
    origin: () => origin,
  });
  const signin = createSignin({
    config: signinSection.parse({}),
    publicUrl: "http://127.0.0.1",
    store,
    cookieKeys: [randomBytes(32).toString("hex")],
    clock,
    randomBytes,
    audit,
    scopes: () => policy.scopes,
    portals: () => policy.portals,
    returnPrefixes: [PREFIX],
    passwords: cheapPasswords(),
  });
  const traffic = { minutes: [], refusedBy: [{ reason: "no_route", count: 3 }], openStreams: 7 };
  const administration = createAdministration({
    changes: store.changes,
    openStreams: () => 2,
    keys: createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes: policy.scopes }),
    keyStore: store.keys,
    clients: desk.clients,
    clientStore: records.clients,
    people: signin.people,
    peopleStore: records.people,
    sessions: signin.sessions,
    grants: records.grants,
    access: desk.access,
    tokens: createAdminTokens(store.documents),
    activity: store.activity,
    digester,
    clock,
    randomBytes,
    audit,
    policy: () => policy,
    liveStatus: () => ({
      instance: "test-1",
      version: "0.0.0",
      rules: policy.hash,
      store: { kind: store.kind, up: true },
      traffic,
    }),
    explain: (input) => explain(policy, input, explainMessage),
  });
  await web.app.register(signin.routes);
  await web.app.register(
    adminPages({
      prefix: PREFIX,
      administration,
      gate: signin.gate,
      documents: store.documents,
      clock,
      randomBytes,
      audit,
      accountPath: "/signin",
      policy: () => policy,
      examples: () => ({
        origin: "https://desk.example.com",
        forKey: (key) => exampleFor(policy, principalOf(key), () => true),
        mcp: MCP_URL,
        token: null,
        adminApi: null,
      }),
    }),
  );
  const listening = await listen(web);
  origin = listening.origin;
  onTestFinished(listening.close);
  const stage: PagesStage = {
    store,
    administration,
    desk,
    signin,
    events,
    auditFull: false,
    async browser(role, email = `${role}@example.com`) {
      const rights = { scopes: "all", portals: "all" } as const;
      await signin.people.add({ email, name: "Pat", role, ...rights, password: PASSWORD, createdBy: "test" });
      const browser = new PageBrowser(origin + PREFIX);
      await browser.submit(await browser.get(`${origin}/signin`), { email, password: PASSWORD });
      events.length = 0;
      return browser;
    },
    nobody: () => new PageBrowser(origin + PREFIX),
  };
  return stage;
}
