import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { VERSION } from "../app/version.ts";
import { compareTools, type ToolComparison } from "../mcp/compare.ts";
import type { McpRules, Policy } from "../policy/types.ts";
import { CommandFailure, UsageError } from "./command.ts";

/** How the rules of one MCP route differ from a live server. */
export interface RouteComparison extends ToolComparison {
  readonly route: string;
}

export interface AgainstOptions {
  /** Of the server's MCP endpoint. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`; `null` sends none. */
  readonly key: string | null;
  /** The one MCP route to compare; `null` takes them all. */
  readonly route: string | null;
}

/** More pages than this, and the server is going round in circles. */
const MAX_PAGES = 1000;
const TIMEOUT_MS = 30_000;

/**
 * Compares the tools that a live server lists with the MCP routes of the rules. A server behind Portcullis
 * lists only what the key may call, so ask the service itself or use a key that may call everything.
 */
export async function checkAgainst(policy: Policy, options: AgainstOptions): Promise<readonly RouteComparison[]> {
  const routes = mcpRoutes(policy, options.route);
  const names = await listTools(endpoint(options.url), options.key);
  return routes.map(({ id, mcp }) => ({ route: id, ...compareTools(mcp, names) }));
}

/** Lines for people, without a newline at the end; none where rules and server agree. */
export function differences(comparisons: readonly RouteComparison[]): readonly string[] {
  return comparisons.flatMap(({ route, without_rule, without_tool }) => [
    ...without_rule.map((name) => `${route}: the tool \`${quoted(name)}\` has no rule: nobody can call it`),
    ...without_tool.map((name) => `${route}: the rule \`${name}\` is for no tool that the server listed`),
  ]);
}

/** A server chooses its names: what a terminal would obey is not written to it. */
function quoted(name: string): string {
  return name.replaceAll(/\p{C}/gu, "?");
}

function mcpRoutes(policy: Policy, wanted: string | null): readonly { readonly id: string; readonly mcp: McpRules }[] {
  const all = policy.routes.flatMap(({ id, mcp }) => (mcp === null ? [] : [{ id, mcp }]));
  const ids = all.map(({ id }) => id).join(", ");
  if (all.length === 0) throw new CommandFailure("no rule has `mcp:`, so there is nothing to compare");
  const routes = wanted === null ? all : all.filter(({ id }) => id === wanted);
  if (routes.length === 0) throw new UsageError(`no MCP route is called ${wanted}; there is: ${ids}`);
  return routes;
}

function endpoint(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new UsageError("--against takes http(s)://HOST[:PORT]/PATH without a user; a key is read with --key -");
  }
  return url;
}

/** The names of all pages of `tools/list`. The session that was opened for it is ended. */
async function listTools(url: URL, key: string | null): Promise<readonly string[]> {
  const client = new Client({ name: "portcullis-check", version: VERSION });
  const headers = key === null ? undefined : { authorization: `Bearer ${key}` };
  const transport = new StreamableHTTPClientTransport(url, headers === undefined ? {} : { requestInit: { headers } });
  try {
    await client.connect(transport, { timeout: TIMEOUT_MS });
    const names = await allPages(client);
    // A server that ends no sessions by request answers 405, and that is fine.
    await transport.terminateSession().catch(() => undefined);
    return names;
  } catch (error) {
    throw new CommandFailure(`cannot list the tools of ${url.href}: ${reasonOf(error)}`);
  } finally {
    await client.close();
  }
}

async function allPages(client: Client): Promise<readonly string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { tools, nextCursor } = await client.listTools({ cursor }, { timeout: TIMEOUT_MS });
    names.push(...tools.map(({ name }) => name));
    if (nextCursor === undefined) return names;
    cursor = nextCursor;
  }
  throw new Error(`more than ${MAX_PAGES} pages`);
}

/** `fetch failed` alone says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if ("code" in error && error.code === 401)
    return "it asks for a credential; give a key on standard input with --key -";
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
