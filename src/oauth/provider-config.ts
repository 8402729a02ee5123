import type { AllClientMetadata, Client, ClientMetadata, Configuration, KoaContextWithOIDC } from "oidc-provider";
import { randomBase62, type RandomBytes } from "../credentials/key-format.ts";
import type { Config } from "../config/config.ts";
import { ownCookieName } from "../core/own-cookies.ts";
import type { Accounts } from "./accounts.ts";
import { CLIENT_SECRET_PREFIX, newClientId } from "./clients-service.ts";
import { checkClientMetadata } from "./client-metadata.ts";
import type { Endpoints } from "./endpoints.ts";
import { askEachTime } from "./interaction-policy.ts";
import { OIDC_SCOPES, type ResourceServers } from "./resource-servers.ts";
import { boundParameters } from "./parameter-bounds.ts";
import { signingKey } from "./signing-key.ts";
import { INTERACTION_MS } from "./stored-models.ts";
import { refuseOtherModes } from "./response-mode.ts";

export interface ProviderConfigOptions {
  readonly endpoints: Endpoints;
  readonly config: Config["oauth"];
  readonly keys: { readonly cookies: readonly string[]; readonly signing: Buffer };
  readonly secure: boolean;
  readonly accounts: Accounts;
  readonly resourceServers: ResourceServers;
  readonly features: Configuration["features"];
  readonly adapter: Configuration["adapter"];
  readonly renderError: Configuration["renderError"];
  readonly now: () => number;
}

const CODE_SECONDS = 60;
/** Clocks of instances differ. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** The configuration of oidc-provider. */
export function providerConfig(options: ProviderConfigOptions): Configuration {
  const { accounts, adapter, endpoints, features, keys, renderError, resourceServers } = options;
  return {
    adapter,
    features,
    renderError,
    routes: routesOf(endpoints),
    cookies: cookiesOf(options),
    ttl: livesOf(options),
    jwks: { keys: [signingKey(keys.signing)] },
    enabledJWA: { idTokenSigningAlgValues: ["EdDSA"] },
    responseTypes: ["code"],
    scopes: [...OIDC_SCOPES],
    subjectTypes: ["public"],
    claims: { openid: ["sub"] },
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
    clientDefaults: {
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      id_token_signed_response_alg: "EdDSA",
    } satisfies AllClientMetadata,
    extraClientMetadata: {
      // One name, so that the check runs once.
      properties: ["redirect_uris"],
      validator: (ctx: KoaContextWithOIDC | undefined, _name: string, _value: unknown, metadata: ClientMetadata) =>
        checkClientMetadata(ctx, metadata),
    },
    extraParams: {
      response_mode: refuseOtherModes,
      scope(ctx, _value, client) {
        boundParameters(ctx);
        return resourceServers.settle(ctx, client);
      },
    },
    findAccount(ctx, sub, token) {
      // The token endpoint has no better place where a request can be put in order before it is answered.
      if (ctx.oidc.route === "token") resourceServers.settleResource(ctx);
      return accounts.findAccount(ctx, sub, token);
    },
    loadExistingGrant: (ctx) => accounts.loadExistingGrant(ctx),
    interactions: { policy: askEachTime(), url: (_ctx, { uid }) => endpoints.interaction(uid) },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed("refresh_token"),
    revokeGrantPolicy: () => true,
    // Tokens end with their grant; the library's session is forgotten when the browser has its code.
    expiresWithSession: () => false,
    clientBasedCORS: (_ctx, origin, client) => redirectsTo(client, origin),
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    acceptQueryParamAccessTokens: false,
    allowOmittingSingleRegisteredRedirectUri: false,
    enableHttpPostMethods: false,
  };
}

/** Ids and secrets of clients that register, in the form of ours. */
export function clientFactories(randomBytes: RandomBytes) {
  return {
    idFactory: () => newClientId(randomBytes),
    secretFactory: () => CLIENT_SECRET_PREFIX + randomBase62(43, randomBytes),
  };
}

function routesOf({ base, paths }: Endpoints): Configuration["routes"] {
  const { device, ...ofLibrary } = paths;
  // Pages of ours own the device page; `end_session` is not served.
  return { ...ofLibrary, code_verification: device, end_session: `${base}/end_session`, userinfo: `${base}/userinfo` };
}

/** The library binds its cookies to paths, which `__Host-` forbids: `__Secure-` on https it is. */
function cookiesOf({ endpoints, keys, secure }: ProviderConfigOptions): Configuration["cookies"] {
  const prefix = secure ? "__Secure-" : "";
  const shared = { httpOnly: true, sameSite: "lax", secure, signed: true } as const;
  return {
    names: {
      session: prefix + ownCookieName("oauth"),
      interaction: prefix + ownCookieName("oauth_interaction"),
      resume: prefix + ownCookieName("oauth_resume"),
    },
    keys: [...keys.cookies],
    long: { ...shared, path: endpoints.base },
    short: shared,
  };
}

/** In seconds. Whatever hangs on a grant ends with it. */
function livesOf({ config, now }: ProviderConfigOptions): Configuration["ttl"] {
  const untilGrantEnds = (ctx: KoaContextWithOIDC, longest: number): number => {
    const end = ctx.oidc.entities.Grant?.exp;
    return end === undefined ? longest : Math.max(1, Math.min(longest, end - Math.floor(now() / 1000)));
  };
  const grant = seconds(config.refresh_token);
  return {
    AccessToken: (ctx) => untilGrantEnds(ctx, seconds(config.access_token)),
    AuthorizationCode: CODE_SECONDS,
    ClientCredentials: seconds(config.access_token),
    DeviceCode: seconds(config.device_code),
    Grant: grant,
    IdToken: seconds(config.access_token),
    Interaction: seconds(INTERACTION_MS),
    RefreshToken: (ctx) => untilGrantEnds(ctx, grant),
    Session: seconds(INTERACTION_MS),
  };
}

/** True where the client has a redirect URI on that origin: it runs there. */
function redirectsTo({ redirectUris }: Client, origin: string): boolean {
  return redirectUris?.some((uri) => URL.parse(uri)?.origin === origin) === true;
}

function seconds(ms: number): number {
  return Math.max(1, Math.floor(ms / 1000));
}
