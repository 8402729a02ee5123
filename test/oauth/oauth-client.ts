import * as oauth from "oauth4webapi";
import { type AddedClient, browse, REDIRECT, type Stage } from "./oauth-stage.ts";

/** A strict client (oauth4webapi) for the tests. */

export const insecure = { [oauth.allowInsecureRequests]: true } as const;
export const none = oauth.None();
export const STATE = "the-state";

export interface Code {
  readonly params: URLSearchParams;
  readonly verifier: string;
}

type App = Pick<AddedClient, "id">;

export interface StrictClient {
  readonly as: oauth.AuthorizationServer;
  /** The URL of an authorization request, with PKCE. */
  authorizationUrl(
    app: App,
    more?: Record<string, string>,
  ): Promise<{ readonly url: string; readonly verifier: string }>;
  /** Goes through it in a browser; throws where the answer is an error. */
  authorize(app: App, more?: Record<string, string>): Promise<Code>;
  redeem(app: App, code: Code, auth?: oauth.ClientAuth, redirect?: string): Promise<oauth.TokenEndpointResponse>;
  refresh(app: App, token: string): Promise<oauth.TokenEndpointResponse>;
  tokens(app: App, more?: Record<string, string>): Promise<oauth.TokenEndpointResponse & { refresh_token: string }>;
}

export async function strictClient(issuerText: string): Promise<StrictClient> {
  const issuer = new URL(issuerText);
  const response = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" });
  const as = await oauth.processDiscoveryResponse(issuer, response);
  const client: StrictClient = {
    as,
    async authorizationUrl(app, more = {}) {
      const verifier = oauth.generateRandomCodeVerifier();
      const url = new URL(as.authorization_endpoint ?? "");
      const query = {
        client_id: app.id,
        redirect_uri: REDIRECT,
        response_type: "code",
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state: STATE,
        ...more,
      };
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      return { url: url.href, verifier };
    },
    async authorize(app, more) {
      const { url, verifier } = await client.authorizationUrl(app, more);
      const { url: back, response: page } = await browse(url, issuerText);
      if (back.origin === issuer.origin) throw new Error(`stopped at ${page.status}: ${await page.text()}`);
      return { params: oauth.validateAuthResponse(as, { client_id: app.id }, back, STATE), verifier };
    },
    async redeem(app, { params, verifier }, auth = none, redirect = REDIRECT) {
      const own = { client_id: app.id };
      const answer = await oauth.authorizationCodeGrantRequest(as, own, auth, params, redirect, verifier, insecure);
      return oauth.processAuthorizationCodeResponse(as, own, answer);
    },
    async refresh(app, token) {
      const own = { client_id: app.id };
      return oauth.processRefreshTokenResponse(
        as,
        own,
        await oauth.refreshTokenGrantRequest(as, own, none, token, insecure),
      );
    },
    async tokens(app, more) {
      const { refresh_token: refresh, ...token } = await client.redeem(app, await client.authorize(app, more));
      if (refresh === undefined) throw new Error("no refresh token");
      return { ...token, refresh_token: refresh };
    },
  };
  return client;
}

/** The OAuth error that a call ends in. */
export async function errorOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError)
      return error.error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Whether the line would take the token: the stored token with a grant in force. */
export async function isAlive({ store, digester, grants }: Stage, token: string): Promise<boolean> {
  const document = await store.documents.get("AccessToken", digester.stored(token));
  const grantId = document?.value["grantId"];
  if (document === null || typeof grantId !== "string") return false;
  const { items } = { items: await grants.list("all", { limit: 1000 }) };
  return items.some(({ id, revokedAt }) => id === grantId && revokedAt === null);
}

export function post(url: string, fields: Record<string, string> | string, headers: Record<string, string> = {}) {
  const body = typeof fields === "string" ? fields : new URLSearchParams(fields).toString();
  return fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });
}

export function basic(id: string, secret: string): Record<string, string> {
  const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
