import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Configuration, Provider } from "oidc-provider";

/** Somebody at the company. */
export interface CompanyAccount {
  readonly subject: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly name?: string;
  readonly groups?: readonly string[];
}

export interface CompanyProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By what is typed into its login form. May be changed at any time: the next sign-in tells. */
  readonly accounts: Map<string, CompanyAccount>;
  /** Lets it send people back to one more address: of a sidecar that had to know the issuer first. */
  readonly allowRedirect: (uri: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface CompanyProviderOptions {
  /** Where it may send people back to. */
  readonly redirectUris: readonly string[];
  readonly accounts: Readonly<Record<string, CompanyAccount>>;
  /** False leaves all but `sub` to the user info endpoint, as some providers do. */
  readonly claimsInIdToken?: boolean;
  /** 0 (any free port) where not given. */
  readonly port?: number;
}

const CLIENT_ID = "portcullis-at-the-company";

/**
 * The company's OpenID provider: a second oidc-provider, on a socket of its own, with a login form of one field
 * (`login`) and a button. It asks for no consent. Memory is its store.
 */
export async function startCompanyProvider(options: CompanyProviderOptions): Promise<CompanyProvider> {
  const accounts = new Map(Object.entries(options.accounts));
  const clientSecret = randomBytes(32).toString("base64url");
  const server = createServer();
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening on a port");
  const issuer = `http://127.0.0.1:${address.port}`;
  const provider = quietly(() => new Provider(issuer, configurationOf(options, accounts, clientSecret)));
  const serveOthers = provider.callback();
  server.on("request", (request, response) => {
    if (request.url?.startsWith("/login/") === true) void login(provider, accounts, request, response);
    else void serveOthers(request, response);
  });
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret,
    accounts,
    async allowRedirect(uri) {
      const client = await provider.Client.find(CLIENT_ID);
      if (client === undefined) throw new Error("the provider does not know us");
      // A client that stands in the configuration is one object for as long as the provider lives.
      Object.assign(client, { redirectUris: [...(client.redirectUris ?? []), uri] });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

function configurationOf(
  options: CompanyProviderOptions,
  accounts: ReadonlyMap<string, CompanyAccount>,
  clientSecret: string,
): Configuration {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        redirect_uris: [...options.redirectUris],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: "company" }] },
    cookies: { keys: [randomBytes(32).toString("hex")], names: { session: "company_session" } },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    conformIdTokenClaims: options.claimsInIdToken === false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_context, interaction) => `/login/${interaction.uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    findAccount(_context, id) {
      const account = [...accounts.values()].find(({ subject }) => subject === id);
      if (account === undefined) return undefined;
      return { accountId: id, claims: () => claimsOf(account) };
    },
    /** Everybody agreed to everything when they were hired. */
    async loadExistingGrant(context) {
      const { client, provider, session } = context.oidc;
      const grant = new provider.Grant({ accountId: session?.accountId ?? "", clientId: client?.clientId ?? "" });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  };
}

function claimsOf({ email, emailVerified, groups, name, subject }: CompanyAccount) {
  return {
    sub: subject,
    ...(email === undefined ? {} : { email }),
    ...(emailVerified === undefined ? {} : { email_verified: emailVerified }),
    ...(name === undefined ? {} : { name }),
    ...(groups === undefined ? {} : { groups }),
  };
}

const LOGIN_PAGE = `<!doctype html><html lang="en"><title>Company sign-in</title><h1>Company sign-in</h1>
<form method="post" action=""><label for="login">Login</label> <input id="login" name="login" value=""><button>Sign in</button></form>
<form method="post" action=""><input type="hidden" name="cancel" value="1"><button>Cancel</button></form></html>`;

async function login(
  provider: Provider,
  accounts: ReadonlyMap<string, CompanyAccount>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "POST") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(LOGIN_PAGE);
    return;
  }
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const form = new URLSearchParams(body);
  const account = accounts.get(form.get("login") ?? "");
  if (form.has("cancel")) {
    await provider.interactionFinished(request, response, { error: "access_denied" });
  } else if (account === undefined) {
    response.statusCode = 403;
    response.end("unknown login");
  } else {
    await provider.interactionFinished(request, response, { login: { accountId: account.subject } });
  }
}

/** It warns of its store in memory, which is what a test wants. */
function quietly<T>(make: () => T): T {
  const { warn, info } = console;
  console.warn = () => {};
  console.info = () => {};
  try {
    return make();
  } finally {
    console.warn = warn;
    console.info = info;
  }
}
