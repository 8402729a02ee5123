import { consentPage } from "../../src/oauth/pages/consent.ts";
import type { ConsentView, DeviceView } from "../../src/oauth/pages/consent-view.ts";
import { deviceCodePage, deviceConfirmPage } from "../../src/oauth/pages/device.ts";
import { donePage, messagePage, waitingPage } from "../../src/oauth/pages/messages.ts";
import { accountPage } from "../../src/signin/pages/account.ts";
import { setupPage } from "../../src/signin/pages/setup.ts";
import { signInPage, type SignInForm } from "../../src/signin/pages/sign-in.ts";
import type { Chrome } from "../../src/web/chrome.ts";
import type { Html } from "../../src/web/html.ts";
import { stylesheetPath } from "../../src/web/stylesheet.ts";
import { gallery } from "./gallery.ts";

export const NOW = Date.UTC(2026, 2, 4, 9, 30);

/** Text that tries to leave its place, to turn the page round, and to pass for ours. */
export const HOSTILE = [
  "W".repeat(500),
  "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307".repeat(40),
  "\u202Egnp.daolyap\u202C \u2066approved by your administrator\u2069",
  `"><script>alert(1)</script><img src=x onerror=alert(1)>`,
  "Claude\nVerified by Portcullis\n\nApprove",
] as const;

const chrome: Chrome = { stylesheet: stylesheetPath("/signin"), person: null, signOut: null };
const csrf = "c".repeat(64);
export const signedIn: Chrome = {
  ...chrome,
  person: { name: "Anna Example", email: "anna@example.com" },
  signOut: { action: "/posted", csrf },
};

export const consent: ConsentView = {
  action: "/posted",
  csrf,
  client: {
    name: "Desk Assistant",
    id: "client_4fKq9ZxT1mWb7Rj2LdPv",
    origin: "administrator",
    createdBy: "ops@example.com",
    createdAt: NOW - 40 * 86_400_000,
  },
  redirectHost: "assistant.example.net",
  resource: "https://desk.example.com/mcp",
  scopes: [
    { scope: "tickets:read", text: "See tickets with their comments and files", checked: true },
    { scope: "tickets:write", text: "Create and change tickets", checked: true },
    { scope: "workflows:run", text: "Start workflows", checked: false },
  ],
  portals: {
    choices: [
      { id: "acme", name: "Acme Inc" },
      { id: "globex", name: "Globex" },
    ],
    all: true,
    chosen: null,
  },
  problem: null,
  now: NOW,
};

const selfRegistered: ConsentView["client"] = {
  name: "MCP Inspector",
  id: "client_Zx81kQmVw0aTf5NhYc3e",
  origin: "registration",
  createdBy: "address 203.0.113.77",
  createdAt: NOW - 120_000,
};

export const device: DeviceView = {
  ...consent,
  client: selfRegistered,
  redirectHost: null,
  userCode: "BCDF-GHJK",
  requestedFrom: { address: "203.0.113.77", at: NOW - 95_000 },
};

const signIn: SignInForm = {
  again: false,
  action: "/posted",
  csrf,
  email: "",
  returnTo: "/oauth/interaction/abc",
  problem: null,
  company: null,
  clientName: null,
};

const manyPortals = Array.from({ length: 40 }, (_, index) => ({ id: `p${index}`, name: `Portal number ${index + 1}` }));

function hostileConsent(name: string): ConsentView {
  return {
    ...consent,
    client: {
      ...selfRegistered,
      name,
      id: `https://${"long.".repeat(60)}example/${"x".repeat(180)}`,
      createdBy: `address ${name}`,
    },
    redirectHost: `${"very-long-label.".repeat(15)}example.com`,
    resource: `https://desk.example.com/${"p".repeat(300)}`,
    scopes: [
      { scope: `a${"b".repeat(31)}:c${"d".repeat(31)}`, text: "Words ".repeat(60) + "W".repeat(200), checked: true },
    ],
    portals: {
      all: true,
      chosen: null,
      choices: [
        { id: "x", name },
        { id: "y", name: `${name}2` },
      ],
    },
  };
}

/** Every page in every state, by a name for its screenshots. */
export const STATES: Readonly<Record<string, () => Html>> = {
  "sign-in": () => signInPage(chrome, signIn),
  "sign-in-company": () =>
    signInPage(chrome, {
      ...signIn,
      clientName: "Desk Assistant",
      company: { name: "Example Corp", href: "/signin/company?return_to=%2Foauth%2Fdevice" },
    }),
  "sign-in-problem": () =>
    signInPage(chrome, { ...signIn, email: "anna@example.com", problem: "The email or the password is not right." }),
  "sign-in-again": () =>
    signInPage(chrome, {
      ...signIn,
      again: true,
      email: "anna@example.com",
      company: { name: "Example Corp", href: "/signin/company?again=1" },
    }),
  "sign-in-hostile": () =>
    signInPage(chrome, { ...signIn, clientName: HOSTILE.join(" "), email: HOSTILE[3], problem: HOSTILE[0] }),
  setup: () => setupPage(chrome, { action: "/posted", csrf, token: "t", email: "", name: "", problems: {} }),
  "setup-problems": () =>
    setupPage(chrome, {
      action: "/posted",
      csrf,
      token: "t",
      email: "anna@example",
      name: "Anna",
      problems: {
        email: "This is not an email address.",
        password: "Use at least 12 characters.",
        "": "Send the form again.",
      },
    }),
  account: () =>
    accountPage(signedIn, {
      name: "Anna Example",
      email: "anna@example.com",
      role: "member",
      links: [{ label: "Connect a device", href: "/oauth/device" }],
    }),
  "account-hostile": () =>
    accountPage(
      { ...signedIn, person: { name: HOSTILE[0], email: `${"a".repeat(240)}@example.com` } },
      { name: HOSTILE[2], email: `${"a".repeat(240)}@example.com`, role: "admin", links: [] },
    ),
  consent: () => consentPage(signedIn, consent),
  "consent-registered-loopback": () =>
    consentPage(signedIn, { ...consent, client: selfRegistered, redirectHost: "127.0.0.1:51763" }),
  "consent-document-one-portal": () =>
    consentPage(signedIn, {
      ...consent,
      client: {
        ...consent.client,
        id: "https://client.example.org/oauth/metadata.json",
        origin: "metadata_document",
        name: "Claude Code",
      },
      portals: { choices: [{ id: "acme", name: "Acme Inc" }], all: false, chosen: null },
    }),
  "consent-many-portals": () =>
    consentPage(signedIn, {
      ...consent,
      portals: { choices: manyPortals, all: false, chosen: null },
      problem: "Choose the portal that the application may act on.",
    }),
  "consent-no-portals-listed": () =>
    consentPage(signedIn, { ...consent, portals: { choices: [], all: true, chosen: null } }),
  "consent-nothing": () =>
    consentPage(signedIn, { ...consent, scopes: [], portals: { choices: [], all: false, chosen: null } }),
  ...Object.fromEntries(
    HOSTILE.map((name, index) => [`consent-hostile-${index}`, () => consentPage(signedIn, hostileConsent(name))]),
  ),
  "device-code": () => deviceCodePage(signedIn, { action: "/posted", csrf, code: "", problem: null }),
  "device-code-problem": () =>
    deviceCodePage(signedIn, {
      action: "/posted",
      csrf,
      code: "bcdf ghjl",
      problem: "There is no such code, or it has expired. Look at your device again.",
    }),
  "device-confirm": () => deviceConfirmPage(signedIn, device),
  "device-confirm-hostile": () =>
    deviceConfirmPage(signedIn, {
      ...device,
      ...hostileConsent(HOSTILE[0]),
      userCode: "BCDF-GHJK",
      requestedFrom: { address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", at: NOW },
    }),
  done: () =>
    donePage(signedIn, {
      title: "Your device is connected",
      text: "You can close this page and go back to your device.",
      success: true,
    }),
  denied: () =>
    donePage(signedIn, {
      title: "You denied the request",
      text: "The device gets no access. You can close this page.",
      success: false,
    }),
  waiting: () => waitingPage(signedIn, { clientName: "MCP Inspector", clientId: "client_Zx81kQmVw0aTf5NhYc3e" }),
  "waiting-hostile": () =>
    waitingPage(chrome, { clientName: HOSTILE[0], clientId: `https://example.com/${"x".repeat(400)}` }),
  gallery: () => gallery(signedIn),
  message: () =>
    messagePage(chrome, {
      title: "Page not found",
      text: "There is no page at this address. Check the link that brought you here.",
      requestId: "01JABCDEFGHJKMNPQRSTVWXYZ0",
    }),
};
