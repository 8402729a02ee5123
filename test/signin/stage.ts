import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { signinSection } from "../../src/config/signin-schema.ts";
import { isPortalId, isScope } from "../../src/core/ids.ts";
import { createPasswords, type Derive, deriveScrypt, type Passwords } from "../../src/signin/password.ts";
import type { PersonRequest } from "../../src/signin/people-service.ts";
import { createSignin, type Signin } from "../../src/signin/signin.ts";
import { createPeople, type People, type PersonRecord } from "../../src/store/people.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/types.ts";
import type { EventRecord } from "../../src/telemetry/audit-record.ts";
import { html } from "../../src/web/html.ts";
import { sendPage } from "../../src/web/send.ts";
import { createWebServer, registerPageParsers } from "../../src/web/server.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import type { Browser, Page } from "../support/browserless.ts";
import { tempFolder } from "../support/temp.ts";

export const CATALOGUE = new Map(
  ["tickets:read", "tickets:write", "workflows:*"].filter(isScope).map((scope) => [scope, "…"]),
);
export const PORTALS = ["acme", "globex"].filter(isPortalId).map((id) => ({ id, name: id }));
export const PASSWORD = "a fine long password";

/** Real scrypt at a cost that tests can pay, and how often it ran. */
export interface CountedPasswords extends Passwords {
  readonly derivations: number;
}

export function cheapPasswords(derive: Derive = deriveScrypt): CountedPasswords {
  let derivations = 0;
  const passwords = createPasswords({
    randomBytes,
    cost: { ln: 4, r: 1, p: 1 },
    derive(...given) {
      derivations += 1;
      return derive(...given);
    },
  });
  return {
    hash: (password) => passwords.hash(password),
    verify: (password, stored) => passwords.verify(password, stored),
    get derivations() {
      return derivations;
    },
  };
}

/** The sign-in pages on a socket, over a real store. */
export interface Stage {
  readonly origin: string;
  readonly url: (path: string) => string;
  readonly clock: FakeClock;
  readonly store: Store;
  readonly people: People;
  readonly signin: Signin;
  readonly passwords: CountedPasswords;
  readonly events: EventRecord[];
  /** The address that requests seem to come from. */
  address: string;
  readonly add: (changes?: Partial<PersonRequest>) => Promise<PersonRecord>;
  /** Sends the sign-in form of a fresh page. */
  signIn(browser: Browser, fields?: { email?: string; password?: string }, path?: string): Promise<Page>;
  /** Whom the gate sees behind a browser: their email. */
  whoIs(browser: Browser): Promise<string | null>;
}

export interface StageOptions {
  readonly clock?: FakeClock;
  readonly store?: Store;
  /** As in the configuration; made once the origin is known. */
  readonly company?: (origin: string) => Promise<Record<string, unknown>>;
  /** https here makes the cookies of https, though the socket is plain. */
  readonly publicUrl?: string;
  readonly session?: string;
}

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const clock = options.clock ?? fakeClock();
  const store = options.store ?? openSqliteStore({ file: join(tempFolder(), "portcullis.db"), clock });
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const origin = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  const publicUrl = options.publicUrl ?? origin;
  const passwords = cheapPasswords();
  const events: EventRecord[] = [];
  const company = await options.company?.(origin);
  const signin = createSignin({
    config: signinSection.parse({ ...(company === undefined ? {} : { company }), session: options.session ?? "12h" }),
    publicUrl,
    store,
    cookieKeys: [randomBytes(32).toString("hex")],
    clock,
    randomBytes,
    audit: { event: (record) => void events.push(record) },
    scopes: () => CATALOGUE,
    portals: () => PORTALS,
    returnPrefixes: ["/oauth"],
    passwords,
  });
  const web = createWebServer({
    log: {
      error: (fields, message) =>
        void events.push({ event: "config", action: message, detail: JSON.stringify(fields, withStacks) }),
    },
    errorPage: ({ title }) => html`<h1>${title}</h1>`,
    origin: () => publicUrl,
  });
  await web.app.register(signin.routes);
  await web.app.register(async (scope) => {
    await registerPageParsers(scope);
    scope.get("/oauth/whoami", async (request, reply) => {
      const who = await signin.gate.current(request);
      return sendPage(reply, 200, html`<p>${who?.person.email ?? "nobody"}</p>`);
    });
  });
  await web.ready();
  const people = createPeople(store.documents);
  const stage: Stage = {
    origin,
    url: (path) => `${origin}${path}`,
    clock,
    store,
    people,
    signin,
    passwords,
    events,
    address: "192.0.2.1",
    add: (changes = {}) =>
      signin.people.add({
        email: "mara@example.com",
        name: "Mara Lind",
        role: "member",
        scopes: "all",
        portals: "all",
        password: PASSWORD,
        createdBy: "test",
        ...changes,
      }),
    async signIn(browser, fields = {}, path = "/signin") {
      const page = await browser.get(`${origin}${path}`);
      return browser.submit(page, { email: "mara@example.com", password: PASSWORD, ...fields });
    },
    async whoIs(browser) {
      const { text } = await browser.get(`${origin}/oauth/whoami`);
      const email = /<p>(.*)<\/p>/.exec(text)?.[1] ?? "";
      return email === "nobody" ? null : email;
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
    if (options.store === undefined) await store.close();
  });
  return stage;
}

function withStacks(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
