import type { FastifyPluginAsync } from "fastify";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { PortalId, Scope } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { createGrants, type Grants } from "../store/grants.ts";
import { createPeople, type People, type PersonRecord } from "../store/people.ts";
import type { Store } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import { createCookies } from "../web/cookies.ts";
import { createCsrf } from "../web/csrf.ts";
import { stylesheetPath } from "../web/stylesheet.ts";
import { createCompanySignin } from "./company.ts";
import { createSigninGate, type SigninGate } from "./gate.ts";
import { createPasswords, type Passwords } from "./password.ts";
import { createPasswordSignin } from "./password-signin.ts";
import type { PeopleService } from "./people-service.ts";
import { signinRoutes } from "./routes.ts";
import type { Sessions } from "./sessions.ts";
import { createSetupLinks, setupPath } from "./setup-link.ts";
import { createThrottle } from "./throttle.ts";
import { wirePeople } from "./wire-people.ts";

/** All of sign-in, wired. */
export interface Signin {
  readonly gate: SigninGate;
  readonly people: PeopleService;
  readonly sessions: Sessions;
  readonly routes: FastifyPluginAsync;
  /** The URL that makes the first administrator, for the terminal only; `null` where there is anybody already. */
  setupUrl(): Promise<string | null>;
}

export interface SigninOptions {
  readonly config: Config["signin"];
  /** `public_url` of the configuration: an origin. */
  readonly publicUrl: string;
  readonly store: Pick<Store, "documents" | "counters">;
  readonly people?: People;
  readonly grants?: Grants;
  /** Keys of the forms and device cookies, newest first. */
  readonly cookieKeys: readonly string[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly audit: Pick<AuditLog, "event">;
  /** The catalogue in force. */
  readonly scopes: () => ReadonlyMap<Scope, string>;
  /** The portals that the rules list. */
  readonly portals: () => readonly { readonly id: PortalId }[];
  /** Besides the sign-in pages, what people may be sent back to, such as `/oauth`. */
  readonly returnPrefixes: readonly string[];
  readonly links?: (person: PersonRecord) => readonly { readonly label: string; readonly href: string }[];
  readonly clientName?: (returnTo: string) => Promise<string | null>;
  /** Scrypt at the cost that OWASP asks for, where not given. */
  readonly passwords?: Passwords;
}

/** Wires sign-in. Nothing is read from the store before the first call. */
export function createSignin(options: SigninOptions): Signin {
  const { audit, clock, config, publicUrl, randomBytes, store } = options;
  const { counters, documents } = store;
  const { path, session: sessionMs } = config;
  const people = options.people ?? createPeople(documents);
  const grants = options.grants ?? createGrants(documents);
  const passwords = options.passwords ?? createPasswords({ randomBytes });
  const csrf = createCsrf({ keys: options.cookieKeys });
  const cookies = createCookies({ secure: publicUrl.startsWith("https:") });
  const wiring = { ...options, documents, people, grants, passwords, lifeMs: sessionMs };
  const { people: service, sessions } = wirePeople(wiring);
  const gate = createSigninGate({ sessions, csrf, cookies, path, stylesheet: stylesheetPath(path) });
  const setupLinks = createSetupLinks({ documents, people, service, clock, randomBytes });
  const throttle = createThrottle({ counters, clock });
  const passwordSignin = createPasswordSignin({ people, passwords, throttle, csrf, clock, randomBytes });
  const shared = { path, sessionMs, gate, sessions, passwordSignin, setupLinks, counters, csrf, cookies, clock };
  const routes = signinRoutes({
    ...shared,
    randomBytes,
    audit,
    returnPrefixes: [path, ...options.returnPrefixes],
    company: companyOf(options, people),
    links: options.links ?? (() => []),
    clientName: options.clientName ?? (() => Promise.resolve(null)),
  });
  return {
    gate,
    people: service,
    sessions,
    routes,
    async setupUrl() {
      const token = await setupLinks.issue();
      return token === null ? null : `${publicUrl}${setupPath(path, token)}`;
    },
  };
}

function companyOf({ clock, config, publicUrl, randomBytes, scopes, store }: SigninOptions, people: People) {
  const { company, path } = config;
  if (company === undefined) return null;
  const callback = `${publicUrl}${path}/company/callback`;
  const { documents } = store;
  const signin = createCompanySignin({ company, callback, documents, people, clock, randomBytes, scopes });
  return { name: company.name, signin };
}
