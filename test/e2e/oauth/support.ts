import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { type OAuthClientProvider, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { main } from "../../../src/cli/main.ts";
import { authorize, type Choice, type SignInAs } from "../../support/person-at-browser.ts";
import { outputOf, type RunningProcess, spawnPortcullis, waitForLine } from "../../support/processes.ts";
import { tempFolder } from "../../support/temp.ts";

/** Nobody listens there: the test takes the redirect itself. */
const CALLBACK = "http://127.0.0.1:9/callback";

/** Where a sidecar is, and how an administrator reaches it. */
export interface Place {
  readonly mcpUrl: string;
  /** Runs `portcullis ARGS` as a process of its own. Rejects where it does not exit 0. */
  command(this: void, ...args: readonly string[]): Promise<string>;
}

const person = z.object({ email: z.string(), password: z.string() });
const demoLine = z.object({
  public_url: z.string(),
  admin_url: z.string(),
  mcp_url: z.string(),
  data_dir: z.string(),
  member: person,
  keys: z.object({ reader: z.object({ key: z.string() }) }),
});

/** A running `portcullis demo`. */
export interface Demo extends Place {
  readonly process: RunningProcess;
  readonly url: string;
  readonly adminUrl: string;
  readonly member: SignInAs;
  /** An API key with tickets:read. */
  readonly key: string;
  readonly config: string;
  readonly auditFile: string;
}

/** Starts `portcullis demo --json` as a process of its own, on free ports. It ends with the test file. */
export async function startDemo(): Promise<Demo> {
  const started = spawnPortcullis(["demo", "--json", "--port", "0", "--data", tempFolder()]);
  const text = await waitForLine(started, (_line, stream) => stream === "stdout", 30_000);
  const line = demoLine.parse(JSON.parse(text));
  const config = join(line.data_dir, "demo.yaml");
  return {
    process: started,
    url: line.public_url,
    adminUrl: line.admin_url,
    mcpUrl: line.mcp_url,
    member: line.member,
    key: line.keys.reader.key,
    config,
    auditFile: join(line.data_dir, "audit.ndjson"),
    command: (...args) => run([...args, "--config", config]),
  };
}

/** Runs a command as a process of its own; its standard output. Rejects where it does not exit 0. */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const started = spawnPortcullis(args, { env });
  const { code } = await started.exited;
  if (code !== 0) throw new Error(`exit ${code}: ${outputOf(started)}`);
  return started.stdout();
}

/** Somebody more, with a password: added from this process, which is another than the sidecar's. */
export async function addPerson(config: string, email: string): Promise<SignInAs> {
  const password = "a long enough password of a test";
  let error = "";
  const args = ["users", "add", "--email", email, "--name", "Test", "--password-stdin", "--config", config];
  const code = await main(args, {
    env: {},
    out: () => {},
    error: (text) => void (error += text),
    readInput: () => Promise.resolve(`${password}\n`),
  });
  if (code !== 0) throw new Error(`users add: exit ${code}: ${error}`);
  return { email, password };
}

/** The one client that waits for approval. */
export async function waitingClient({ command }: Place): Promise<string> {
  const listed = z
    .array(z.object({ id: z.string(), status: z.string() }))
    .parse(JSON.parse(await command("clients", "list", "--json")));
  const [first, ...more] = listed.filter(({ status }) => status === "waiting");
  if (first === undefined || more.length > 0) throw new Error(`not one that waits: ${JSON.stringify(listed)}`);
  return first.id;
}

const grantSchema = z.object({
  id: z.string(),
  state: z.string(),
  portal: z.string().nullable(),
  scopes: z.array(z.string()),
  resource: z.string(),
  flow: z.string(),
});

/** What people allowed a client, newest first. */
export async function grantsOf({ command }: Place, clientId: string): Promise<readonly z.infer<typeof grantSchema>[]> {
  return z.array(grantSchema).parse(JSON.parse(await command("grants", "list", "--client", clientId, "--json")));
}

export interface McpAppOptions {
  readonly grantTypes?: readonly string[];
  /** What it starts with, where it has been authorized before. */
  readonly client?: OAuthClientInformationMixed;
  readonly tokens?: OAuthTokens;
  /** False opens no stream of its own: one that is cut is opened anew by the SDK, with a refresh, at a time of its choice. */
  readonly stream?: boolean;
}

/** An MCP client on the SDK, as a desktop app would write it. It keeps all in memory, and notes each request. */
export class McpApp implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata;
  /** `METHOD path status` of each request, in order. */
  readonly requests: string[] = [];
  /** `WWW-Authenticate` of the answers that had one. */
  readonly challenges: string[] = [];
  authorizationUrl: URL | null = null;
  readonly #place: Place;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";
  readonly #opensStream: boolean;

  constructor(place: Place, options: McpAppOptions = {}) {
    this.#place = place;
    this.#client = options.client;
    this.#tokens = options.tokens;
    this.#opensStream = options.stream ?? true;
    this.clientMetadata = {
      client_name: "Desktop app",
      redirect_uris: [CALLBACK],
      grant_types: [...(options.grantTypes ?? ["authorization_code", "refresh_token"])],
      token_endpoint_auth_method: "none",
    };
  }

  clientInformation() {
    return this.#client;
  }
  saveClientInformation(client: OAuthClientInformationMixed) {
    this.#client = client;
  }
  tokens() {
    return this.#tokens;
  }
  saveTokens(tokens: OAuthTokens) {
    this.#tokens = tokens;
  }
  redirectToAuthorization(url: URL) {
    this.authorizationUrl = url;
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier;
  }
  codeVerifier() {
    return this.#verifier;
  }
  invalidateCredentials(scope: string) {
    this.#tokens = undefined;
    if (scope === "all" || scope === "client") this.#client = undefined;
  }

  get clientId(): string {
    if (this.#client === undefined) throw new Error("it has not registered");
    return this.#client.client_id;
  }
  get accessToken(): string {
    if (this.#tokens === undefined) throw new Error("it has no token");
    return this.#tokens.access_token;
  }

  readonly #fetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
    if (!this.#opensStream && init?.method === "GET" && String(url) === this.#place.mcpUrl) {
      return new Response(null, { status: 405 });
    }
    const response = await fetch(url, init);
    const challenge = response.headers.get("www-authenticate");
    this.requests.push(`${init?.method ?? "GET"} ${new URL(url).pathname} ${response.status}`);
    if (challenge !== null) this.challenges.push(challenge);
    return response;
  };

  /** A transport with the tokens that it holds then. */
  transport(): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(this.#place.mcpUrl), { authProvider: this, fetch: this.#fetch });
  }

  /** Connects with the tokens that it holds. The connection ends with the test. */
  async connect(): Promise<Connection> {
    const client = new Client({ name: "test", version: "1" });
    const transport = this.transport();
    await client.connect(transport);
    onTestFinished(() => client.close());
    return { client, transport };
  }

  /** Connects without a token, and stops where it would open the browser. Returns the URL that it would open. */
  async start(): Promise<string> {
    const client = new Client({ name: "test", version: "1" });
    const refused = await client.connect(this.transport()).then(
      () => "connected",
      (error: unknown) => error,
    );
    if (!(refused instanceof UnauthorizedError)) throw new Error(`not sent to sign in: ${String(refused)}`);
    return this.opened();
  }

  /** The URL that the browser would have been opened with. */
  opened(): string {
    if (this.authorizationUrl === null) throw new Error("it opened no browser");
    return this.authorizationUrl.href;
  }

  /** The person goes through the page that was opened, and comes back with a code, which is redeemed. */
  async finish(who: SignInAs, choice: Choice = {}, transport = this.transport()): Promise<void> {
    const back = new URL(await authorize(this.opened(), who, choice));
    const code = back.searchParams.get("code");
    if (code === null) throw new Error(`no code: ${back.href}`);
    await transport.finishAuth(code);
  }

  /** All of it. */
  async authorize(who: SignInAs, choice: Choice = {}): Promise<Connection> {
    await this.start();
    await this.finish(who, choice);
    return this.connect();
  }
}

export interface Connection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

/** What a ticket tool of the demo is called with. */
export const readTicket = { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } } as const;
export const readElsewhere = { name: "get_ticket", arguments: { portal_id: "globex", ticket_id: "2001" } } as const;
export const writeTicket = {
  name: "update_ticket",
  arguments: { portal_id: "acme", ticket_id: "1001", priority: "low" },
} as const;

/** Names of the tools that the caller is shown, sorted. */
export async function toolNames(client: Client): Promise<readonly string[]> {
  const { tools } = await client.listTools();
  return tools.map(({ name }) => name).toSorted();
}

/** One ping to `/mcp`, outside of any client and session: the status, which is 401 where the token is not in force. */
export async function askMcp(mcpUrl: string, token: string): Promise<number> {
  const response = await fetch(mcpUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
    signal: AbortSignal.timeout(10_000),
  });
  await response.text();
  return response.status;
}
