import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { PROXY_CORE, run, type Server, startServer } from "./child.ts";

const MAIN = resolve(import.meta.dirname, "../src/cli/bin.ts");
const ROUTES = 50;

export interface Sidecar extends Server {
  /** Keys: one that is allowed, one without the scope, one for another portal. */
  readonly keys: { readonly good: string; readonly otherScope: string; readonly otherPortal: string };
  /** An OAuth access token that may do what the first key may. */
  readonly token: string;
}

const issuedSchema = z.object({ key: z.string() });
const clientSchema = z.object({ id: z.string(), client_secret: z.string() });
const tokenSchema = z.object({ access_token: z.string() });

/** Starts `portcullis serve` from source: SQLite, 50 rules, audit to a file. `nodeArgs` go to Node, such as `--cpu-prof`. */
export async function startSidecar(upstream: string, nodeArgs: readonly string[] = []): Promise<Sidecar> {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-bench-"));
  const config = join(folder, "portcullis.yaml");
  await writeFile(join(folder, "rules.yaml"), rules(upstream));
  await writeFile(config, CONFIG);
  const make = async (what: readonly string[], args: readonly string[]): Promise<unknown> => {
    const create = [...what, "--config", config, "--json", "--name", "bench", ...args];
    return JSON.parse(await run([process.execPath, [MAIN, ...create]]));
  };
  const issue = async (args: readonly string[]): Promise<string> =>
    issuedSchema.parse(await make(["keys", "create"], args)).key;
  const keys = {
    good: await issue(["--scope", "tickets:read", "--portal", "acme"]),
    otherScope: await issue(["--scope", "users:read", "--portal", "acme"]),
    otherPortal: await issue(["--scope", "tickets:read", "--portal", "globex"]),
  };
  const rights = ["--confidential", "--scope", "tickets:read", "--portal", "acme"];
  const client = clientSchema.parse(await make(["clients", "add"], rights));
  const server = await startServer(PROXY_CORE, [...nodeArgs, MAIN, "serve", "--config", config]);
  return {
    ...server,
    keys,
    token: await fetchToken(server.url, client),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** By client credentials (RFC 6749, section 4.4). */
async function fetchToken(url: string, client: z.infer<typeof clientSchema>): Promise<string> {
  const headers = { authorization: `Basic ${Buffer.from(`${client.id}:${client.client_secret}`).toString("base64")}` };
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const response = await fetch(`${url}/oauth/token`, { method: "POST", headers, body });
  if (response.status !== 200) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return tokenSchema.parse(await response.json()).access_token;
}

const CONFIG = `version: 1
listen: { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } }
store: { url: "sqlite:./portcullis.db" }
audit: { sinks: [{ file: ./audit.ndjson }] }
limits: { drain: 1s }
log: { level: warn }
rules: ./rules.yaml
`;

/** Fifty rules: the two that are asked for, and others of the usual shapes around them. */
function rules(upstream: string): string {
  const others = Array.from({ length: ROUTES - 2 }, (_, index) => {
    const path = index % 2 === 0 ? `/api/portals/:portal/part${index}/:id` : `/api/area${index}/:portal/*`;
    return `  - { id: other.${index}, match: { methods: [GET], path: "${path}" }, upstream: desk, scopes: [users:read], portal: "path:portal" }`;
  });
  return [
    "version: 1",
    `upstreams: { desk: { url: "${upstream}" } }`,
    "routes:",
    `  - { id: tickets.read, match: { methods: [GET], path: "/api/portals/:portal/tickets/*" }, upstream: desk, scopes: [tickets:read], portal: "path:portal" }`,
    `  - { id: status, match: { methods: [GET], path: "/status/*" }, upstream: desk, public: true }`,
    ...others,
    "",
  ].join("\n");
}
