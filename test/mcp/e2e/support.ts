import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import { connectTo, head } from "../../proxy/client.ts";
import { type Sidecar, type SidecarOptions, startSidecar } from "../../support/sidecar.ts";
import { type Message, statusOf, valuesOf } from "../../support/wire.ts";

export const DEMO_RULES = readFileSync(join(import.meta.dirname, "../../../config/demo.rules.yaml"), "utf8").replace(
  "${DEMO_SERVICE}",
  "${UPSTREAM}",
);

/** A sidecar with the demo's rules in front of any service. */
export function startDemoSidecar(upstreamUrl: string, options: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  return startSidecar({ upstreamUrl, rules: DEMO_RULES, ...options });
}

/** One MCP route; `mcp` is what stands under `mcp:`. */
export function mcpRoutes(mcp: object, id = "mcp", path = "/mcp"): object {
  return { id, match: { methods: ["GET", "POST", "DELETE"], path }, upstream: "up", mcp };
}

/** `mcp:` with two tools, of which a key with tickets:read may call `get_ticket` alone. */
export const SMALL_MCP = {
  tools: {
    get_ticket: { scopes: ["tickets:read"], portal: "argument:portal_id" },
    update_ticket: { scopes: ["tickets:write"], portal: "argument:portal_id" },
  },
} as const;

/** A request as a client sends it. */
export function rpc(method: string, params?: unknown, id: string | number = 1): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
}

/** Sends bytes to `/mcp` as they are, and takes the answer. */
export function post(
  sidecar: Pick<Sidecar, "port">,
  key: string,
  body: unknown,
  fields: readonly string[] = [],
): Promise<Message> {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const text = head("POST /mcp", [
    `Authorization: Bearer ${key}`,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    `Content-Length: ${bytes.length}`,
    ...fields,
  ]);
  return exchange(sidecar, "POST", text + Buffer.from(bytes).toString("latin1"));
}

/** Sends a request without a body to `/mcp`. */
export function bare(
  sidecar: Pick<Sidecar, "port">,
  method: string,
  key: string | null,
  fields: readonly string[] = [],
): Promise<Message> {
  const credential = key === null ? [] : [`Authorization: Bearer ${key}`];
  return exchange(sidecar, method, head(`${method} /mcp`, [...credential, ...fields]));
}

async function exchange(sidecar: Pick<Sidecar, "port">, method: string, bytes: string): Promise<Message> {
  const wire = await connectTo(sidecar);
  await wire.write(bytes);
  return wire.nextResponse(method);
}

export interface JsonRpcAnswer {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Readonly<Record<string, unknown>>;
  };
}

/** The JSON of an answer. */
export function json(message: Message): JsonRpcAnswer {
  const value: JsonRpcAnswer = JSON.parse(message.body.toString("utf8"));
  return value;
}

/** Status and what a JSON-RPC client is told: for whole comparisons. */
export function refusalOf(message: Message): Record<string, unknown> {
  const { jsonrpc, id, error } = json(message);
  return { status: statusOf(message), jsonrpc, id, rpc: error?.code, code: error?.data?.["code"] };
}

export function sessionIdOf(message: Message): string {
  return valuesOf(message, "mcp-session-id")[0] ?? "";
}

/** An HTTP answer of an upstream, with a length. */
export function answer(type: string, body: string | Buffer, fields: readonly string[] = [], status = "200 OK"): Buffer {
  const bytes = Buffer.from(body);
  const lines = [`HTTP/1.1 ${status}`, `Content-Type: ${type}`, `Content-Length: ${bytes.length}`, ...fields, "", ""];
  return Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), bytes]);
}

export interface SdkClient {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

/** The SDK's client, connected through a sidecar; closed after the test. */
export async function connectSdk(
  url: string,
  key: string,
  options: StreamableHTTPClientTransportOptions = {},
): Promise<SdkClient> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
    ...options,
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport };
}
