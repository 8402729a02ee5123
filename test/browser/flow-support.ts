import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, expect, onTestFinished } from "vitest";
import { z } from "zod";
import { type DemoService, startDemoService } from "../../deploy/demo/service/server.ts";
import type { IssuedClient } from "../../src/oauth/clients-service.ts";
import { startDemoSidecar } from "../mcp/e2e/support.ts";
import type { SignInAs } from "../support/person-at-browser.ts";
import type { Sidecar, SidecarOptions } from "../support/sidecar.ts";
import { expectGoodInAllLooks, openView, type View, type ViewOptions } from "./support.ts";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

let service: DemoService | null = null;

/** The demo ticket service behind a sidecar with the demo's rules. */
export async function startDesk(options: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  if (service === null) {
    const started = await startDemoService({ port: 0 });
    service = started;
    afterAll(() => started.close());
  }
  return startDemoSidecar(service.url, options);
}

/** A browser window, of which every request is written down. */
export interface Visit extends View {
  /** Requests to other origins than those that were allowed. */
  readonly strays: readonly string[];
  /** Scripts run: what looks at a page for us is one. */
  readonly javaScript: boolean;
  /** Takes back the complaints so far: of a request that the test itself broke off. */
  forgive(): void;
}

/** Opens a window. When the test ends, no request may have gone to an origin that is not among `origins`. */
export async function visit(browser: Browser, origins: readonly string[], options?: ViewOptions): Promise<Visit> {
  const view = await openView(browser, options);
  const complaints = { from: 0 };
  const strays: string[] = [];
  view.context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && !origins.includes(url.origin)) strays.push(request.url());
  });
  onTestFinished(() => expect(strays).toEqual([]));
  return {
    ...view,
    strays,
    javaScript: options?.javaScript ?? true,
    get complaints() {
      return view.complaints.slice(complaints.from);
    },
    forgive() {
      complaints.from = view.complaints.length;
    },
  };
}

const shot = new Set<string>();

/**
 * Takes the page as it stands in all four looks, as `PREFIX-NAME`, and looks whether it is as good as a page of ours has
 * to be. A page that was taken before is not taken again.
 */
export async function shoot(view: Visit, name: string, prefix: "flow" | "admin-flow" = "flow"): Promise<void> {
  const picture = `${prefix}-${name}`;
  if (shot.has(picture) || !view.javaScript) return;
  shot.add(picture);
  await expectGoodInAllLooks(view, picture);
}

/** The first heading of the page. */
export function heading(page: Page): Promise<string> {
  return page.getByRole("heading", { level: 1 }).innerText();
}

/** Fills in the sign-in form that stands on the page, and waits for what comes after it. */
export async function signIn(page: Page, { email, password }: SignInAs): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** Presses Tab until the control has the focus; fails where it never gets it. */
export async function tabTo(page: Page, control: Locator): Promise<void> {
  for (let press = 0; press < 40; press += 1) {
    if ((await control.and(page.locator(":focus")).count()) === 1) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not lead to ${String(control)}`);
}

/** A client whose redirect URI is a server of the test on loopback. */
export interface Application {
  readonly origin: string;
  readonly redirectUri: string;
  /** What came to the redirect URI so far. */
  readonly arrivals: readonly URL[];
}

export async function startApplication(): Promise<Application> {
  const arrivals: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname !== "/callback") {
      response.writeHead(404).end();
      return;
    }
    arrivals.push(url);
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>App</title><h1>Back at the app</h1>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening on a port");
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    redirectUri: `${origin}/callback`,
    arrivals,
  };
}

/** An authorization request with what is needed to redeem its code. */
export interface Asked {
  readonly url: string;
  readonly state: string;
  readonly verifier: string;
}

/** The authorization request of a client (RFC 6749, section 4.1.1) with PKCE. */
export function ask(
  sidecar: Pick<Sidecar, "url">,
  client: { readonly id: string; readonly redirectUri: string },
  more: Readonly<Record<string, string>> = {},
): Asked {
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(9).toString("base64url");
  const query = new URLSearchParams({
    client_id: client.id,
    response_type: "code",
    redirect_uri: client.redirectUri,
    scope: "tickets:read tickets:write",
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...more,
  });
  return { url: `${sidecar.url}/oauth/authorize?${query.toString()}`, state, verifier };
}

const answerOf = z.object({
  access_token: z.string().optional(),
  error: z.string().optional(),
  scope: z.string().optional(),
});

async function postToken(sidecar: Pick<Sidecar, "url">, fields: Record<string, string>) {
  const response = await fetch(`${sidecar.url}/oauth/token`, { method: "POST", body: new URLSearchParams(fields) });
  return answerOf.parse(await response.json());
}

/** Redeems the code that came to the redirect URI. */
export function redeem(
  sidecar: Pick<Sidecar, "url">,
  client: { readonly id: string; readonly redirectUri: string },
  { verifier }: Asked,
  code: string | null,
) {
  return postToken(sidecar, {
    grant_type: "authorization_code",
    client_id: client.id,
    code: code ?? "",
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
}

/** What a device got, and shows. */
export interface Device {
  readonly code: string;
  readonly userCode: string;
  readonly uri: string;
  readonly completeUri: string;
}

const startOf = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
});

/** Starts a device (RFC 8628, section 3.1). */
export async function startDevice(sidecar: Pick<Sidecar, "url">, client: IssuedClient): Promise<Device> {
  const response = await fetch(`${sidecar.url}/oauth/device_authorization`, {
    method: "POST",
    body: new URLSearchParams({ client_id: client.record.id, scope: "tickets:read tickets:write" }),
  });
  const answer = startOf.parse(await response.json());
  return {
    code: answer.device_code,
    userCode: answer.user_code,
    uri: answer.verification_uri,
    completeUri: answer.verification_uri_complete,
  };
}

/** Asks for the device's token once. */
export function poll(sidecar: Pick<Sidecar, "url">, client: IssuedClient, { code }: Device) {
  return postToken(sidecar, { grant_type: DEVICE_GRANT, client_id: client.record.id, device_code: code });
}

/** What `useToken` finds of a token that may do all; read all portals, or acme alone; and nothing. */
export const ALL = { readAcme: 200, readGlobex: 200, writeAcme: 200 };
export const READS = { readAcme: 200, readGlobex: 200, writeAcme: 403 };
export const READS_ACME = { readAcme: 200, readGlobex: 403, writeAcme: 403 };
export const NONE = { readAcme: 401, readGlobex: 401, writeAcme: 401 };

/** Status of requests through the proxy with a token: by what they do. */
export async function useToken(sidecar: Pick<Sidecar, "url">, token: string | undefined) {
  const headers = { authorization: `Bearer ${token ?? ""}`, "content-type": "application/json" };
  const status = async (portal: string, init: RequestInit = {}): Promise<number> =>
    (
      await fetch(`${sidecar.url}/api/portals/${portal}/tickets/${portal === "acme" ? "1001" : "2001"}`, {
        headers,
        ...init,
      })
    ).status;
  return {
    readAcme: await status("acme"),
    readGlobex: await status("globex"),
    writeAcme: await status("acme", { method: "PATCH", body: JSON.stringify({ priority: "high" }) }),
  };
}
