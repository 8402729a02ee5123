import * as oauth from "openid-client";
import { isLoopbackHost } from "../core/host-name.ts";
import { plain } from "./list-text.ts";
import { CommandFailure } from "./command.ts";
import type { Login } from "./login-file.ts";

type Tokens = NonNullable<Login["tokens"]>;

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
/** For each request; shorter than the lock of the file may be held. */
const TIMEOUT_S = 15;
/** Longer is refreshed after that, and shown as that. */
const MAX_LIFE_S = 86_400;
const MAX_INTERVAL_S = 60;
/** RFC 8628, section 3.2. */
const DEFAULT_INTERVAL_S = 5;
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
  if (!isPrivate(url)) throw new CommandFailure("the URL must be https, or http on this machine");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new CommandFailure("give the URL of Portcullis without a path, such as https://desk.example.com");
  }
  return url;
}

/** True where nobody between here and there can read along. */
function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname));
}

function optionsFor(url: URL): oauth.DiscoveryRequestOptions {
  // Without it, http is refused even on this machine. `serverUrl` has made sure that it is this machine.
  const execute = url.protocol === "http:" ? [oauth.allowInsecureRequests] : [];
  return { algorithm: "oauth2", execute, timeout: TIMEOUT_S };
}

/** Reads the metadata of the authorization server (RFC 8414), as a client that is known there. */
export async function knownClient(url: URL, clientId: string): Promise<oauth.Configuration> {
  return atHome(url, await told(() => oauth.discovery(url, clientId, undefined, oauth.None(), optionsFor(url))));
}

/** Registers (RFC 7591) as a new client. */
export async function newClient(url: URL): Promise<oauth.Configuration> {
  const made = await told(() => oauth.dynamicClientRegistration(url, CLIENT_METADATA, oauth.None(), optionsFor(url)));
  return atHome(url, made);
}

/** Codes and tokens go to the origin that the person named, and to no other that its metadata may name. */
function atHome(url: URL, config: oauth.Configuration): oauth.Configuration {
  const metadata = config.serverMetadata();
  for (const name of ["token_endpoint", "device_authorization_endpoint", "revocation_endpoint"] as const) {
    const endpoint = metadata[name];
    if (endpoint !== undefined && !(URL.canParse(endpoint) && new URL(endpoint).origin === url.origin)) {
      throw new CommandFailure(`the server cannot be used: its ${name} is elsewhere: ${plain(endpoint)}`);
    }
  }
  return config;
}

/** True where the server does not know the client (any more), or has disabled it. */
export function isUnknownClient(error: unknown): boolean {
  return error instanceof ServerRefusal && error.code === "invalid_client";
}

/**
 * Starts the device flow (RFC 8628, section 3.1). Its code counts for a day at most, and it is asked for at least once a
 * minute. `CommandFailure` where the page to open is neither https nor on this machine.
 */
export async function startDevice(
  config: oauth.Configuration,
  wanted: { readonly scopes: readonly string[]; readonly resource: string | undefined },
): Promise<oauth.DeviceAuthorizationResponse> {
  const parameters = new URLSearchParams({ scope: ["offline_access", ...wanted.scopes].join(" ") });
  if (wanted.resource !== undefined) parameters.set("resource", wanted.resource);
  const device = await told(() => oauth.initiateDeviceAuthorization(config, parameters));
  const { verification_uri: page, verification_uri_complete: complete } = device;
  return {
    ...device,
    verification_uri: pageToOpen(page),
    ...(complete === undefined ? {} : { verification_uri_complete: pageToOpen(complete) }),
    expires_in: Math.min(device.expires_in, MAX_LIFE_S),
    interval: Math.min(device.interval ?? DEFAULT_INTERVAL_S, MAX_INTERVAL_S),
  };
}

function pageToOpen(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !isPrivate(url) || url.username !== "") {
    throw new CommandFailure(`the page to open is neither https nor on this machine: ${plain(text)}`);
  }
  return url.href;
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
    expires_at: now() + Math.min(answer.expires_in ?? 0, MAX_LIFE_S) * 1000,
  };
}

/** An error that the server answered with (RFC 6749, section 5.2), in words for a person. */
export class ServerRefusal extends CommandFailure {
  readonly code: string;

  constructor(code: string, description: string | undefined) {
    const said = plain(description === undefined ? code : `${code} (${description})`);
    super(WORDS.get(code) ?? `the server refused: ${said}`);
    this.code = code;
  }
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["access_denied", "denied"],
  ["expired_token", "the code has expired; start again"],
  ["invalid_grant", "the login has ended; log in again: portcullis login --device"],
]);

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
  return plain(cause instanceof Error && cause.message !== "" ? `${error.message} (${cause.message})` : error.message);
}
