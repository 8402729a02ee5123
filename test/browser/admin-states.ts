import { scriptPaths } from "../../src/admin/assets/assets.ts";
import { activityPage, type ActivityListView, type ActivityRow } from "../../src/admin/pages/activity-list.ts";
import { entryPage, type EntryView } from "../../src/admin/pages/activity-entry.ts";
import {
  clientApprovePage,
  clientDisablePage,
  clientIssuedPage,
  clientPage,
  clientSecretPage,
  type ClientView,
} from "../../src/admin/pages/client-detail.ts";
import { clientFormPage, type ClientFormView } from "../../src/admin/pages/client-form.ts";
import { clientListPage } from "../../src/admin/pages/client-list.ts";
import { explainPage, type ExplainView } from "../../src/admin/pages/explain.ts";
import type { Catalogue } from "../../src/admin/pages/form-fields.ts";
import type { Frame } from "../../src/admin/pages/frame.ts";
import { grantListPage, grantRevokePage, type GrantRow } from "../../src/admin/pages/grants.ts";
import { keyPage, keyRevokePage, keyRotatePage, type KeyView } from "../../src/admin/pages/key-detail.ts";
import { keyFormPage, type KeyFormView, keyIssuedPage } from "../../src/admin/pages/key-form.ts";
import { keyListPage } from "../../src/admin/pages/key-list.ts";
import { forbiddenPage, stoppedPage } from "../../src/admin/pages/messages.ts";
import { overviewPage, type OverviewView, switchOffPage } from "../../src/admin/pages/overview.ts";
import { adminPaths } from "../../src/admin/pages/paths.ts";
import { peopleListPage } from "../../src/admin/pages/people-list.ts";
import {
  personDisablePage,
  personPage,
  personPasswordPage,
  type PersonView,
} from "../../src/admin/pages/person-detail.ts";
import {
  passwordIssuedPage,
  personEditPage,
  personFormPage,
  type PersonFormView,
} from "../../src/admin/pages/person-form.ts";
import {
  tokenFormPage,
  tokenIssuedPage,
  tokenListPage,
  tokenRevokePage,
  type TokenRow,
} from "../../src/admin/pages/tokens.ts";
import { notice } from "../../src/web/fields.ts";
import { type Html, html } from "../../src/web/html.ts";
import { HOSTILE, NOW, signedIn } from "./states.ts";

export const PATHS = adminPaths("/admin");

export const FRAME: Frame = {
  chrome: signedIn,
  paths: PATHS,
  csrf: "c".repeat(64),
  waitingClients: 0,
  notice: null,
  scripts: scriptPaths(PATHS),
  now: NOW,
};
const waitingFrame: Frame = { ...FRAME, waitingClients: 3 };

const MINUTE = 60_000;
const DAY = 86_400_000;
const NONE = { first: null, next: null };

const CATALOGUE: Catalogue = {
  scopes: [
    { scope: "tickets:read", text: "Read ticket details, comments, and attachments" },
    { scope: "tickets:write", text: "Create and update tickets, add comments" },
    { scope: "workflows:*", text: "Trigger and manage AI workflows" },
    { scope: "portals:read", text: "Read portal configuration and user lists" },
    { scope: "portals:write", text: "Update portal settings" },
    { scope: "users:read", text: "Read user profiles and roles" },
    { scope: "users:write", text: "Invite users and update roles" },
  ],
  portals: [
    { id: "acme", name: "Acme Inc" },
    { id: "globex", name: "Globex" },
  ],
};

const KEY: KeyView = {
  id: "key_4fKq9ZxT1mWb7Rj2LdPv",
  name: "Nightly export",
  last4: "x7Qp",
  scopes: ["tickets:read", "portals:read"],
  portal: { id: "acme", name: "Acme Inc" },
  createdAt: NOW - 40 * DAY,
  createdBy: "anna@example.com",
  lastUsedAt: NOW - 4 * MINUTE,
  expiresAt: NOW + 50 * DAY,
  state: "active",
  subject: "anna@example.com",
  revokedAt: null,
  replacedBy: null,
};

const KEYS: readonly KeyView[] = [
  KEY,
  { ...KEY, name: "CI smoke test", last4: "09aZ", portal: null, lastUsedAt: null, scopes: ["tickets:read"] },
  { ...KEY, name: "Old integration", state: "revoked", revokedAt: NOW - 3 * DAY, expiresAt: null, portal: null },
  { ...KEY, name: "Trial", state: "expired", expiresAt: NOW - DAY, scopes: CATALOGUE.scopes.map(({ scope }) => scope) },
];

const KEY_FORM: KeyFormView = {
  name: "",
  scopes: [],
  portal: "",
  expiry: "90",
  expiresOn: "",
  problems: {},
  catalogue: CATALOGUE,
};

const CLIENT: ClientView = {
  id: "client_4fKq9ZxT1mWb7Rj2LdPv",
  name: "Desk Assistant",
  status: "approved",
  origin: "administrator",
  portal: null,
  createdAt: NOW - 40 * DAY,
  createdBy: "ops@example.com",
  expiresAt: null,
  scopes: ["tickets:read", "tickets:write"],
  confidential: true,
  redirectUris: ["https://assistant.example.net/callback"],
  grantTypes: ["authorization_code", "refresh_token"],
  decidedAt: NOW - 40 * DAY,
  decidedBy: "ops@example.com",
  version: 1,
};
const WAITING: ClientView = {
  ...CLIENT,
  id: "client_Zx81kQmVw0aTf5NhYc3e",
  name: "MCP Inspector",
  status: "waiting",
  origin: "registration",
  createdBy: "address 203.0.113.77",
  createdAt: NOW - 12 * MINUTE,
  expiresAt: NOW + 7 * DAY - 12 * MINUTE,
  confidential: false,
  redirectUris: ["http://127.0.0.1:6274/oauth/callback"],
  decidedAt: null,
  decidedBy: null,
};
const DISABLED: ClientView = { ...CLIENT, id: "client_0bKq9ZxT1mWb7Rj2LdPx", name: "Old bot", status: "disabled" };
const DOCUMENT: ClientView = {
  ...CLIENT,
  id: "https://client.example.org/oauth/metadata.json",
  name: "Claude Code",
  origin: "metadata_document",
};

const CLIENT_FORM: ClientFormView = {
  name: "",
  kind: "confidential",
  redirectUris: [],
  grantTypes: [],
  scopes: [],
  portal: "",
  problems: {},
  catalogue: CATALOGUE,
};

const GRANT: GrantRow = {
  id: "grant_4fKq9ZxT1mWb7Rj2LdPv22",
  person: { id: "usr_4fKq9ZxT1mWb7Rj2LdPv", name: "Anna Example", email: "anna@example.com" },
  client: { id: CLIENT.id, name: CLIENT.name },
  scopes: ["tickets:read", "tickets:write"],
  portal: { id: "acme", name: "Acme Inc" },
  flow: "authorization_code",
  createdAt: NOW - 9 * DAY,
  expiresAt: NOW + 21 * DAY,
  state: "active",
};

const ENTRY: EntryView = {
  id: "01JABCDEFGHJKMNPQRSTVWXYZ0",
  at: NOW - 90_000,
  event: "request",
  decision: "deny",
  reason: "insufficient_scope",
  action: null,
  method: "POST",
  path: "/api/portals/acme/tickets",
  mcp: null,
  subject: "anna@example.com",
  credential: KEY.id,
  target: null,
  count: 1,
  fields: [
    ["request_id", "01JABCDEFGHJKMNPQRSTVWXYZ0"],
    ["client_ip", "203.0.113.77"],
    ["route", "tickets.write"],
    ["scopes_needed", "tickets:write"],
    ["scopes_held", "tickets:read"],
    ["status", "403"],
  ],
  before: null,
  after: null,
  explain: {
    method: "POST",
    target: "/api/portals/acme/tickets",
    as: "key",
    key: KEY.id,
    scopes: [],
    portal: "",
    headers: ["Host: desk.example.com"],
    body: "",
  },
  about: [{ label: "The API key", href: PATHS.key(KEY.id) }],
};
const CHANGE: EntryView = {
  ...ENTRY,
  event: "admin",
  decision: "allow",
  reason: "ok",
  action: "client.approve",
  method: null,
  path: null,
  credential: null,
  target: WAITING.id,
  fields: [["request_id", "01JABCDEFGHJKMNPQRSTVWXYZ0"]],
  before: JSON.stringify({ status: "waiting", scopes: ["tickets:read", "tickets:write"] }, null, 2),
  after: JSON.stringify({ status: "approved", scopes: ["tickets:read"] }, null, 2),
  explain: null,
  about: [],
};
const ENTRIES: readonly ActivityRow[] = [
  ENTRY,
  CHANGE,
  { ...ENTRY, decision: "allow", reason: "allowed", method: "POST", path: "/mcp", mcp: "tools/call get_ticket" },
  { ...ENTRY, reason: "credential_revoked", subject: null, credential: null },
  { ...CHANGE, event: "signin", decision: "deny", reason: "wrong_password", action: "signin.password", target: null },
];
const NO_FILTERS: ActivityListView["filters"] = {
  credential: "",
  client: "",
  subject: "",
  route: "",
  reason: "",
  decision: "",
  event: "",
  from: "",
  to: "",
};
const ACTIVITY: ActivityListView = {
  filters: NO_FILTERS,
  problems: {},
  entries: ENTRIES,
  first: null,
  next: "/admin/activity?after=abc",
};

const EXPLAIN: ExplainView = {
  form: { method: "GET", target: "", as: "nobody", key: "", scopes: [], portal: "", headers: [], body: "" },
  problems: {},
  catalogue: CATALOGUE,
  answer: null,
};

const PERSON: PersonView = {
  id: "usr_4fKq9ZxT1mWb7Rj2LdPv",
  name: "Anna Example",
  email: "anna@example.com",
  role: "admin",
  portals: null,
  company: false,
  disabledAt: null,
  lastSignInAt: NOW - 3 * 3_600_000,
  scopes: ["tickets:read", "tickets:write"],
  createdAt: NOW - 90 * DAY,
  createdBy: "cli:root",
  version: 4,
  sessions: [
    { id: "3f9a1b2c4d5e6f708192a3b4c5d6e7f8", signedInAt: NOW - 3 * 3_600_000, expiresAt: NOW + 9 * 3_600_000 },
    { id: "9f9a1b2c4d5e6f708192a3b4c5d6e7f8", signedInAt: NOW - MINUTE, expiresAt: NOW + 12 * 3_600_000 },
  ],
};
const MEMBER: PersonView = {
  ...PERSON,
  name: "Ben Member",
  email: "ben@example.com",
  role: "member",
  company: true,
  portals: CATALOGUE.portals,
  lastSignInAt: null,
  sessions: [],
};
const PERSON_FORM: PersonFormView = {
  email: "",
  name: "",
  role: "member",
  scopes: [],
  portalKind: "all",
  portals: [],
  signin: "password",
  problems: {},
  catalogue: CATALOGUE,
};

const TOKEN: TokenRow = {
  id: "adm_4fKq9ZxT1mWb7Rj2LdPv",
  name: "Terraform",
  createdAt: NOW - 3 * DAY,
  createdBy: "anna@example.com",
  expiresAt: NOW + 87 * DAY,
  lastUsedAt: null,
  state: "active",
};

const MINUTES = Array.from({ length: 60 }, (_, index) => ({
  at: NOW - (59 - index) * MINUTE,
  allowed: Math.round(40 + 30 * Math.sin(index / 6) + (index % 5)),
  refused: index % 13 === 0 ? 9 : index % 3,
}));
const OVERVIEW: OverviewView = {
  mcpAccess: true,
  mcpOffAt: null,
  clientPolicy: "approved",
  version: 3,
  traffic: {
    minutes: MINUTES,
    refusedBy: [
      { reason: "insufficient_scope", count: 61 },
      { reason: "credential_expired", count: 17 },
      { reason: "portal_forbidden", count: 3 },
    ],
    openStreams: 12,
  },
  instance: { name: "desk-1-4711", version: "0.1.0", rules: "3f9a1b2c4d5e" },
  store: { kind: "SQLite", up: true },
  isNew: false,
};

const key = `noice_sk_live_${"9ZxT1mWb7Rj2LdPv4fKq0bNcQs8Yxw".slice(0, 30)}a1B2x7`;
const MCP_URL = "https://desk.example.com/mcp";

const empty = (name: string): ClientFormView => ({ ...CLIENT_FORM, name });

/** Every page in every state, by a name for its screenshots. */
export const ADMIN_STATES: Readonly<Record<string, () => Html>> = {
  "admin-overview": () => overviewPage(waitingFrame, OVERVIEW),
  "admin-overview-off": () =>
    overviewPage(FRAME, { ...OVERVIEW, mcpAccess: false, mcpOffAt: NOW - 2 * 3_600_000, clientPolicy: "off" }),
  "admin-overview-new": () =>
    overviewPage(FRAME, {
      ...OVERVIEW,
      isNew: true,
      traffic: {
        minutes: MINUTES.map(({ at }) => ({ at, allowed: 0, refused: 0 })),
        refusedBy: [],
        openStreams: 0,
      },
    }),
  "admin-overview-store-down": () =>
    overviewPage(FRAME, { ...OVERVIEW, mcpAccess: null, clientPolicy: null, store: { kind: "Redis", up: false } }),
  "admin-switch-off": () => switchOffPage(FRAME, { version: 3, grants: { count: 14, more: false }, openStreams: 12 }),
  "admin-keys": () =>
    keyListPage(waitingFrame, { search: "", state: null, keys: KEYS, first: null, next: "/admin/keys?after=x" }),
  "admin-keys-empty": () => keyListPage(FRAME, { search: "", state: null, keys: [], ...NONE }),
  "admin-keys-none-fits": () => keyListPage(FRAME, { search: "nightly", state: "revoked", keys: [], ...NONE }),
  "admin-keys-notice": () =>
    keyListPage(
      { ...FRAME, notice: notice("success", "The key is revoked. It does not work any more.") },
      { search: "", state: null, keys: KEYS.slice(2), first: "/admin/keys", next: null },
    ),
  "admin-key-form": () => keyFormPage(FRAME, KEY_FORM),
  "admin-key-form-problems": () =>
    keyFormPage(FRAME, {
      ...KEY_FORM,
      name: "Nightly export",
      portal: "globex",
      expiry: "custom",
      expiresOn: "2020-01-01",
      problems: { scope: "Choose at least one scope.", expires_on: "This day is over." },
    }),
  "admin-key-form-no-portals": () => keyFormPage(FRAME, { ...KEY_FORM, catalogue: { ...CATALOGUE, portals: [] } }),
  "admin-key-issued": () =>
    keyIssuedPage(FRAME, {
      id: KEY.id,
      name: KEY.name,
      key,
      origin: "https://desk.example.com",
      example: { kind: "ready", request: { method: "GET", target: "/api/portals", headers: [], body: null } },
      mcpUrl: MCP_URL,
      old: null,
    }),
  "admin-key-issued-pattern": () =>
    keyIssuedPage(FRAME, {
      id: KEY.id,
      name: KEY.name,
      key,
      origin: "https://desk.example.com",
      example: { kind: "pattern", method: "POST", pattern: "/api/portals/:portal/tickets/*" },
      mcpUrl: null,
      old: null,
    }),
  "admin-key": () => keyPage(FRAME, KEY),
  "admin-key-revoked": () => keyPage(FRAME, { ...KEY, state: "revoked", revokedAt: NOW, replacedBy: KEY.id }),
  "admin-key-revoke": () => keyRevokePage(FRAME, KEY, 2),
  "admin-key-revoke-not-known": () => keyRevokePage(FRAME, { ...KEY, lastUsedAt: null }, null),
  "admin-key-rotate": () => keyRotatePage(FRAME, KEY, { overlap: "1d", problems: {} }),
  "admin-clients": () => clientListPage(waitingFrame, { clients: [WAITING, CLIENT, DOCUMENT, DISABLED], ...NONE }),
  "admin-clients-empty": () => clientListPage(FRAME, { clients: [], ...NONE }),
  "admin-client": () => clientPage(FRAME, CLIENT),
  "admin-client-waiting": () => clientPage(waitingFrame, WAITING),
  "admin-client-disabled": () => clientPage(FRAME, DISABLED),
  "admin-client-document": () => clientPage(FRAME, DOCUMENT),
  "admin-client-approve": () =>
    clientApprovePage(waitingFrame, {
      client: WAITING,
      scopes: WAITING.scopes,
      portal: "",
      problems: {},
      catalogue: CATALOGUE,
    }),
  "admin-client-approve-problems": () =>
    clientApprovePage(waitingFrame, {
      client: WAITING,
      scopes: [],
      portal: "acme",
      problems: { scope: "Choose at least one scope." },
      catalogue: CATALOGUE,
    }),
  "admin-client-disable": () => clientDisablePage(FRAME, CLIENT),
  "admin-client-secret": () => clientSecretPage(FRAME, CLIENT),
  "admin-client-issued": () =>
    clientIssuedPage(FRAME, {
      id: CLIENT.id,
      name: CLIENT.name,
      secret: `noice_cs_live_${"k".repeat(43)}`,
      tokenUrl: "https://desk.example.com/oauth/token",
    }),
  "admin-client-form": () => clientFormPage(FRAME, empty("")),
  "admin-client-form-problems": () =>
    clientFormPage(FRAME, {
      ...empty("Desk Assistant"),
      redirectUris: ["https://assistant.example.net/callback", "http://example.com/not-https", ""],
      problems: { redirect_uri: "The second one must be https.", name: "This name is taken." },
    }),
  "admin-grants": () =>
    grantListPage(FRAME, {
      grants: [
        GRANT,
        { ...GRANT, state: "revoked", flow: "device_code", portal: null },
        { ...GRANT, state: "ended", person: null, client: { id: DOCUMENT.id, name: null } },
        { ...GRANT, state: "expired" },
      ],
      of: null,
      ...NONE,
    }),
  "admin-grants-of": () => grantListPage(FRAME, { grants: [GRANT], of: "anna@example.com", ...NONE }),
  "admin-grants-empty": () => grantListPage(FRAME, { grants: [], of: null, ...NONE }),
  "admin-grant-revoke": () => grantRevokePage(FRAME, GRANT),
  "admin-activity": () => activityPage(FRAME, ACTIVITY),
  "admin-activity-filtered": () =>
    activityPage(FRAME, {
      ...ACTIVITY,
      filters: { ...NO_FILTERS, decision: "deny", reason: "insufficient_scope", from: "2026-03-04T08:00" },
      problems: { to: "This is no time." },
      entries: [],
      next: null,
    }),
  "admin-activity-empty": () => activityPage(FRAME, { ...ACTIVITY, entries: [], next: null }),
  "admin-entry": () => entryPage(FRAME, ENTRY),
  "admin-entry-change": () => entryPage(FRAME, CHANGE),
  "admin-explain": () => explainPage(FRAME, EXPLAIN),
  "admin-explain-refused": () =>
    explainPage(FRAME, {
      ...EXPLAIN,
      form: { ...EXPLAIN.form, method: "POST", target: "/api/portals/acme/tickets", as: "key", key: KEY.id },
      answer: {
        allow: false,
        status: 403,
        steps: [
          { step: "Path", ok: true, text: "path /api/portals/acme/tickets", source: null },
          {
            step: "Rule",
            ok: true,
            text: "tickets.write: /api/portals/:portal/tickets/* (POST)",
            source: "rules.yaml:44",
          },
          {
            step: "Credential",
            ok: true,
            text: `API key ${KEY.id} of anna@example.com, for all portals`,
            source: null,
          },
          { step: "Scopes", ok: false, text: "needs tickets:write; held: tickets:read", source: "rules.yaml:44" },
          { step: "Decision", ok: false, text: "403 insufficient_scope", source: null },
        ],
      },
    }),
  "admin-explain-problems": () =>
    explainPage(FRAME, { ...EXPLAIN, problems: { target: "Begin with a slash.", key: "There is no such key." } }),
  "admin-people": () =>
    peopleListPage(FRAME, { search: "", people: [PERSON, MEMBER, { ...MEMBER, disabledAt: NOW }], ...NONE }),
  "admin-people-none-fits": () => peopleListPage(FRAME, { search: "zoe", people: [], ...NONE }),
  "admin-person": () => personPage(FRAME, PERSON),
  "admin-person-disabled": () => personPage(FRAME, { ...MEMBER, disabledAt: NOW - DAY }),
  "admin-person-form": () => personFormPage(FRAME, PERSON_FORM),
  "admin-person-form-problems": () =>
    personFormPage(FRAME, {
      ...PERSON_FORM,
      email: "ben@example",
      portalKind: "some",
      problems: {
        email: "This is not an email address.",
        portal: "Choose at least one portal.",
        name: "Fill this in.",
      },
    }),
  "admin-person-edit": () =>
    personEditPage(FRAME, PERSON, {
      ...PERSON_FORM,
      email: PERSON.email,
      name: PERSON.name,
      role: "admin",
      portalKind: "some",
      portals: ["acme"],
    }),
  "admin-person-disable": () => personDisablePage(FRAME, PERSON, null),
  "admin-person-disable-last": () =>
    personDisablePage(FRAME, PERSON, "Nobody else is an administrator who may sign in. Make one first."),
  "admin-person-password": () => personPasswordPage(FRAME, PERSON),
  "admin-password-issued": () =>
    passwordIssuedPage(FRAME, {
      id: PERSON.id,
      name: PERSON.name,
      email: PERSON.email,
      password: "hK4mZ9qT2wXb7Rj5LdPv",
    }),
  "admin-tokens": () =>
    tokenListPage(FRAME, { tokens: [TOKEN, { ...TOKEN, name: "Old script", state: "revoked" }], ...NONE }),
  "admin-tokens-empty": () => tokenListPage(FRAME, { tokens: [], ...NONE }),
  "admin-token-form": () => tokenFormPage(FRAME, { name: "", expiry: "90", expiresOn: "", problems: {} }),
  "admin-token-form-problems": () =>
    tokenFormPage(FRAME, {
      name: "",
      expiry: "custom",
      expiresOn: "",
      problems: { name: "Fill this in.", expires_on: "Choose a day." },
    }),
  "admin-token-issued": () =>
    tokenIssuedPage(FRAME, {
      name: TOKEN.name,
      token: `noice_admin_${"k".repeat(43)}`,
      apiUrl: "https://desk.example.com/admin/api/v1/keys",
    }),
  "admin-token-revoke": () => tokenRevokePage(FRAME, TOKEN),
  "admin-forbidden": () => forbiddenPage(signedIn, { email: "ben@example.com", account: "/signin" }),
  "admin-conflict": () =>
    stoppedPage(FRAME, {
      tab: "clients",
      title: "Somebody changed this meanwhile",
      text: "Nothing was written. Look at how it is now, and decide again.",
      link: { label: "Back to the client", href: PATHS.client(CLIENT.id) },
    }),
};

/** Pages in which every field that others choose holds `text`. */
export function hostileStates(text: string): Readonly<Record<string, () => Html>> {
  const portal = { id: "acme", name: text };
  const frame: Frame = { ...FRAME, chrome: { ...signedIn, person: { name: text, email: text } } };
  const catalogue: Catalogue = { scopes: [{ scope: text, text }], portals: [portal] };
  const problems = { name: text, "": text, scope: text, portal: text, redirect_uri: text, email: text };
  const scopes = [text];
  const keyView: KeyView = {
    ...KEY,
    name: text,
    last4: text,
    scopes,
    portal,
    subject: text,
    createdBy: text,
    id: text,
  };
  const client: ClientView = {
    ...WAITING,
    id: text,
    name: text,
    createdBy: `address ${text}`,
    portal,
    scopes,
    redirectUris: [text],
    grantTypes: scopes,
    decidedBy: text,
    decidedAt: NOW,
  };
  const grant: GrantRow = {
    ...GRANT,
    id: text,
    person: { id: text, name: text, email: text },
    client: { id: text, name: text },
    scopes,
    portal,
  };
  const explainForm = {
    method: text,
    target: text,
    as: text,
    key: text,
    scopes,
    portal: text,
    headers: [text],
    body: text,
  };
  const entry: EntryView = {
    ...ENTRY,
    id: text,
    event: text,
    reason: text,
    action: text,
    method: text,
    path: text,
    mcp: text,
    subject: text,
    credential: text,
    target: text,
    fields: [[text, text]],
    before: text,
    after: text,
    explain: explainForm,
    about: [{ label: text, href: "/admin" }],
  };
  const filters = {
    credential: text,
    client: text,
    subject: text,
    route: text,
    reason: text,
    decision: text,
    event: text,
    from: text,
    to: text,
  };
  const person: PersonView = {
    ...PERSON,
    id: text,
    name: text,
    email: text,
    scopes,
    portals: [portal],
    createdBy: text,
    sessions: [{ id: text, signedInAt: NOW, expiresAt: NOW }],
  };
  const form = { name: text, scopes, portal: text, problems, catalogue };
  const step = { step: text, ok: false, text, source: text };
  const personForm: PersonFormView = {
    ...PERSON_FORM,
    ...form,
    email: text,
    role: text,
    portalKind: text,
    portals: scopes,
    signin: text,
  };
  const token: TokenRow = { ...TOKEN, id: text, name: text, createdBy: text };
  return {
    overview: () =>
      overviewPage(frame, {
        ...OVERVIEW,
        traffic: { ...OVERVIEW.traffic, refusedBy: [{ reason: text, count: 1 }] },
        instance: { name: text, version: text, rules: text },
        store: { kind: text, up: true },
      }),
    keys: () => keyListPage(frame, { search: text, state: null, keys: [keyView], ...NONE }),
    "keys-none": () => keyListPage(frame, { search: text, state: null, keys: [], ...NONE }),
    "key-form": () => keyFormPage(frame, { ...form, expiry: text, expiresOn: text }),
    "key-issued": () =>
      keyIssuedPage(frame, {
        id: text,
        name: text,
        key: text,
        origin: text,
        example: { kind: "ready", request: { method: text, target: text, headers: [[text, text]], body: null } },
        mcpUrl: text,
        old: null,
      }),
    "key-issued-pattern": () =>
      keyIssuedPage(frame, {
        id: text,
        name: text,
        key: text,
        origin: text,
        example: { kind: "pattern", method: text, pattern: text },
        mcpUrl: null,
        old: null,
      }),
    key: () => keyPage(frame, { ...keyView, replacedBy: text }),
    "key-revoke": () => keyRevokePage(frame, keyView, null),
    "key-rotate": () => keyRotatePage(frame, keyView, { overlap: text, problems }),
    clients: () =>
      clientListPage(frame, {
        clients: [client, { ...client, status: "approved", origin: "metadata_document" }],
        ...NONE,
      }),
    client: () => clientPage(frame, client),
    "client-approve": () => clientApprovePage(frame, { client, scopes, portal: text, problems, catalogue }),
    "client-disable": () => clientDisablePage(frame, client),
    "client-secret": () => clientSecretPage(frame, client),
    "client-issued": () => clientIssuedPage(frame, { id: text, name: text, secret: text, tokenUrl: text }),
    "client-form": () => clientFormPage(frame, { ...form, kind: text, redirectUris: [text], grantTypes: scopes }),
    grants: () =>
      grantListPage(frame, { grants: [grant, { ...grant, client: { id: text, name: null } }], of: text, ...NONE }),
    "grant-revoke": () => grantRevokePage(frame, grant),
    activity: () =>
      activityPage(frame, { filters, problems: { to: text }, entries: [entry, { ...entry, action: null }], ...NONE }),
    entry: () => entryPage(frame, entry),
    "entry-request": () => entryPage(frame, { ...entry, action: null }),
    explain: () =>
      explainPage(frame, {
        form: explainForm,
        problems: { target: text },
        catalogue,
        answer: { allow: false, status: 403, steps: [step] },
      }),
    people: () => peopleListPage(frame, { search: text, people: [person], ...NONE }),
    person: () => personPage(frame, person),
    "person-form": () => personFormPage(frame, personForm),
    "person-edit": () => personEditPage(frame, person, personForm),
    "person-disable": () => personDisablePage(frame, person, text),
    "person-password": () => personPasswordPage(frame, person),
    "password-issued": () => passwordIssuedPage(frame, { id: text, name: text, email: text, password: text }),
    tokens: () => tokenListPage(frame, { tokens: [token], ...NONE }),
    "token-form": () => tokenFormPage(frame, { name: text, expiry: text, expiresOn: text, problems }),
    "token-issued": () => tokenIssuedPage(frame, { name: text, token: text, apiUrl: text }),
    "token-revoke": () => tokenRevokePage(frame, token),
    forbidden: () => forbiddenPage(frame.chrome, { email: text, account: "/signin" }),
  };
}

/** The longest word, text that turns the page round, and markup: in the pages that show most of others. */
export const HOSTILE_STATES: Readonly<Record<string, () => Html>> = Object.fromEntries(
  ([0, 2, 3] as const).flatMap((index) => {
    const states = hostileStates(HOSTILE[index]);
    const shown = [
      "overview",
      "keys",
      "key",
      "clients",
      "client-approve",
      "grants",
      "activity",
      "entry",
      "people",
      "explain",
    ];
    return shown.map((name) => [`admin-hostile-${index}-${name}`, () => states[name]?.() ?? html``] as const);
  }),
);
