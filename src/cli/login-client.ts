import * as oauth from "openid-client";
import { CommandFailure } from "./command.ts";
import type { Login } from "./login-file.ts";

type Tokens = NonNullable<Login["tokens"]>;

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);
const CLIENT_METADATA = {
  client_name: "portcullis login",
  redirect_uris: [],
  response_types: [],
  grant_types: [DEVICE_CODE, "refresh_token"],
  token_endpoint_auth_method: "none",
};

/** The URL of a Portcullis: https, or http on this machine. */
export function serverUrl(text: string): URL {
  if (!URL.canParse(text)) throw new CommandFailure(`${text} is not a URL`);
  const url = new URL(text);
  const plain = url.protocol === "http:" && LOOPBACK.has(url.hostname);
  if (url.protocol !== "https:" && !plain) throw new CommandFailure("the URL must be https, or http on this machine");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new CommandFailure("give the URL of Portcullis without a path, such as https://desk.example.com");
  }
  return url;
}

function optionsFor(url: URL): oauth.DiscoveryRequestOptions {
  // Without it, http is refused even on this machine. `serverUrl` has made sure that it is this machine.
  return { algorithm: "oauth2", execute: url.protocol === "http:" ? [oauth.allowInsecureRequests] : [] };
}

/** Reads the metadata of the authorization server (RFC 8414), as a client that is known there. */
export async function knownClient(url: URL, clientId: string): Promise<oauth.Configuration> {
  return told(() => oauth.discovery(url, clientId, undefined, oauth.None(), optionsFor(url)));
}

/** Registers (RFC 7591) as a new client. */
export async function newClient(url: URL): Promise<oauth.Configuration> {
  return told(() => oauth.dynamicClientRegistration(url, CLIENT_METADATA, oauth.None(), optionsFor(url)));
}

/** True where the server does not know the client (any more), or has disabled it. */
export function isUnknownClient(error: unknown): boolean {
  return error instanceof ServerRefusal && error.code === "invalid_client";
}

/** Starts the device flow (RFC 8628, section 3.1). */
export async function startDevice(
  config: oauth.Configuration,
  wanted: { readonly scopes: readonly string[]; readonly resource: string | undefined },
): Promise<oauth.DeviceAuthorizationResponse> {
  const parameters = new URLSearchParams({ scope: ["offline_access", ...wanted.scopes].join(" ") });
  if (wanted.resource !== undefined) parameters.set("resource", wanted.resource);
  return told(() => oauth.initiateDeviceAuthorization(config, parameters));
}

/** Polls until the person has decided, as slowly as the server says. */
export async function awaitTokens(
  config: oauth.Configuration,
  device: oauth.DeviceAuthorizationResponse,
  now: () => number,
): Promise<Tokens> {
  return tokensOf(await told(() => oauth.pollDeviceAuthorizationGrant(config, device)), now);
}

/** Tokens in place of those that expired. */
export async function refresh(
  config: oauth.Configuration,
  { refresh_token: token }: Tokens,
  now: () => number,
): Promise<Tokens> {
  if (token === null) throw new CommandFailure("the login has expired; log in again: portcullis login --device");
  const fresh = tokensOf(await told(() => oauth.refreshTokenGrant(config, token)), now);
  return { ...fresh, refresh_token: fresh.refresh_token ?? token };
}

/** Ends the tokens (RFC 7009). */
export async function revoke(config: oauth.Configuration, { access_token, refresh_token }: Tokens): Promise<void> {
  if (refresh_token !== null) await told(() => oauth.tokenRevocation(config, refresh_token));
  await told(() => oauth.tokenRevocation(config, access_token));
}

function tokensOf(answer: oauth.TokenEndpointResponse, now: () => number): Tokens {
  return {
    access_token: answer.access_token,
    refresh_token: answer.refresh_token ?? null,
    expires_at: now() + (answer.expires_in ?? 0) * 1000,
  };
}

/** An error that the server answered with (RFC 6749, section 5.2), in words for a person. */
export class ServerRefusal extends CommandFailure {
  readonly code: string;

  constructor(code: string, description: string | undefined) {
    super(WORDS[code] ?? `the server refused: ${code}${description === undefined ? "" : ` (${description})`}`);
    this.code = code;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  access_denied: "denied",
  expired_token: "the code has expired; start again",
  invalid_grant: "the login has ended; log in again: portcullis login --device",
};

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) throw new ServerRefusal(error.error, error.error_description);
    if (error instanceof oauth.ClientError || error instanceof TypeError) {
      throw new CommandFailure(`the server cannot be used: ${reasonOf(error)}`);
    }
    throw error;
  }
}

function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? `${error.message} (${cause.message})` : error.message;
}
