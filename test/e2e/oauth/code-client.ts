import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { authorize, type Choice, type SignInAs } from "../../support/person-at-browser.ts";
import type { Place } from "./support.ts";

/** A client that does each step of OAuth by itself, so that a test may do one twice, or at another instance. */

const REDIRECT = "http://127.0.0.1:9/callback";
const GRANT_TYPES = ["authorization_code", "refresh_token", "device_code"];

export const tokenAnswer = z.object({ access_token: z.string(), refresh_token: z.string() });
export type Tokens = z.infer<typeof tokenAnswer>;

const metadata = z.object({
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  device_authorization_endpoint: z.string(),
});
const deviceAnswer = z.object({ device_code: z.string(), verification_uri_complete: z.string() });

/** Fields of a request to the token endpoint. */
export type TokenRequest = Readonly<Record<string, string>>;

/** Adds a public client for all flows at the command line; its id. */
export async function addClient({ command }: Pick<Place, "command">): Promise<string> {
  const grantTypes = GRANT_TYPES.flatMap((type) => ["--grant-type", type]);
  const out = await command("clients", "add", "--name", "App", "--redirect-uri", REDIRECT, ...grantTypes, "--json");
  return z.object({ id: z.string() }).parse(JSON.parse(out)).id;
}

/** The endpoints, as the metadata of the issuer tells them. */
export async function endpointsOf(issuer: string): Promise<z.infer<typeof metadata>> {
  return metadata.parse(await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json());
}

/** The person signs in and allows it; what redeems the code. */
export async function codeRequest(
  issuer: string,
  client: string,
  who: SignInAs,
  choice?: Choice,
): Promise<TokenRequest> {
  const { authorization_endpoint: endpoint } = await endpointsOf(issuer);
  const verifier = randomBytes(32).toString("base64url");
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    client_id: client,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope: "tickets:read",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: "state",
  }).toString();
  const back = new URL(await authorize(url.href, who, choice));
  const code = back.searchParams.get("code");
  if (code === null) throw new Error(`no code: ${back.href}`);
  const by = { client_id: client, redirect_uri: REDIRECT, code_verifier: verifier };
  return { grant_type: "authorization_code", code, ...by };
}

export function refreshRequest(client: string, { refresh_token }: Tokens): TokenRequest {
  return { grant_type: "refresh_token", client_id: client, refresh_token };
}

/** Starts the device flow; where the person goes, and what redeems it afterwards. */
export async function startDevice(
  issuer: string,
  client: string,
): Promise<{ readonly link: string; readonly request: TokenRequest }> {
  const { device_authorization_endpoint: endpoint } = await endpointsOf(issuer);
  const answer = await fetch(endpoint, {
    method: "POST",
    body: new URLSearchParams({ client_id: client, scope: "tickets:read" }),
  });
  const { device_code: code, verification_uri_complete: link } = deviceAnswer.parse(await answer.json());
  const type = "urn:ietf:params:oauth:grant-type:device_code";
  return { link, request: { grant_type: type, client_id: client, device_code: code } };
}

/** Sends it to the token endpoint of an instance: the tokens, or the error. */
export async function redeem(instance: string, request: TokenRequest, path = "/oauth"): Promise<Tokens | string> {
  const answer = await fetch(`${instance}${path}/token`, { method: "POST", body: new URLSearchParams(request) });
  const body: unknown = await answer.json();
  return answer.ok ? tokenAnswer.parse(body) : z.object({ error: z.string() }).parse(body).error;
}

/** As `redeem`; rejects where it is refused. */
export async function tokensFor(instance: string, request: TokenRequest, path?: string): Promise<Tokens> {
  const got = await redeem(instance, request, path);
  if (typeof got === "string") throw new Error(`refused: ${got}`);
  return got;
}
