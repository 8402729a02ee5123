import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { afterAll, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../src/core/clock.ts";
import { isScope, type Scope } from "../../src/core/ids.ts";
import { createKeyService, type KeyService } from "../../src/credentials/key-service.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/types.ts";
import { TokenDesk } from "../credentials/tokens.ts";
import { type Line, type LineOptions, startLine } from "../support/line.ts";
import { ownPages } from "../support/own-pages.ts";
import type { Wire } from "../support/wire.ts";
import { connectTo, head } from "./client.ts";

const PIECE = Buffer.alloc(64 * 1024, "x");
const READ = { upstream: "up", scopes: ["tickets:read"], portal: "upstream" };

const ROUTES = [
  {
    id: "mcp",
    match: { path: "/mcp" },
    upstream: "up",
    mcp: { tools: { t: { scopes: ["tickets:read"], portal: "upstream" } } },
  },
  {
    id: "upload",
    match: { methods: ["POST"], path: "/upload" },
    ...READ,
    scopes: ["tickets:write"],
    body_bytes: "unlimited",
  },
  { id: "rest", match: { methods: ["GET"], path: "/*" }, ...READ },
];

/** What can be under way when its credential ends. */
export const KINDS = [
  "SSE",
  "WebSocket",
  "download",
  "unread download",
  "upload",
  "wait",
  "MCP GET",
  "MCP POST",
] as const;
export type Kind = (typeof KINDS)[number];

/** Those that are refused rather than cut, because no answer was begun. */
export const UNANSWERED: readonly Kind[] = ["upload", "wait"];

export interface Opened {
  /** Reads on until the other side has closed it, or answered where no answer was begun. Resolves with all that came. */
  end(): Promise<string>;
  /** `null` where nothing was answered yet. */
  readonly requestId: string | null;
}

export type Stage = Awaited<ReturnType<typeof startStage>>;

/** The line, with a service behind it that ends nothing by itself, and the same store over another connection. */
export async function startStage(options: Partial<LineOptions> = {}) {
  const service = await startService();
  const line = await startLine({ upstreamUrl: service.url, routes: ROUTES, own: ownPages(), ...options });
  const other = openStore(line.storeUrl, { clock: systemClock });
  afterAll(() => other.close());
  const desk = new TokenDesk(other, line.digester, systemClock);
  return {
    line,
    service,
    /** As another process has it. */
    other,
    desk,
    keys: keyService(other, line),
    /** A token of a person, good at the line. */
    token: (wish: Parameters<TokenDesk["personal"]>[0] = {}) =>
      desk.personal({ ...wish, payload: { aud: line.url, ...wish.payload } }),
    open: (kind: Kind, credential: string) => start(line, kind, credential),
    /** Runs a change as another process does; resolves with how many streams it closed, once it counts everywhere. */
    async change(work: () => Promise<unknown>): Promise<number> {
      return (await other.changes.report(Infinity, work)).spread.streamsClosed;
    },
  };
}

function keyService(store: Store, { digester }: Line): KeyService {
  const names = ["tickets:read", "tickets:write", "users:read"].filter(isScope);
  const scopes = new Map<Scope, string>(names.map((name) => [name, name]));
  return createKeyService({ keys: store.keys, digester, clock: systemClock, randomBytes, scopes });
}

/** Begins every answer but ends none; counts the requests whose connection is still there. */
async function startService() {
  const open = new Set<ServerResponse>();
  let arrived = 0;
  const server = createServer((request, response) => {
    arrived += 1;
    open.add(response);
    response.on("close", () => open.delete(response));
    const path = request.url ?? "";
    if (path.startsWith("/quick")) return void response.end("quick");
    if (path.startsWith("/wait")) return undefined;
    if (path.startsWith("/upload")) return void request.resume();
    if (path.startsWith("/download")) {
      response.writeHead(200, { "content-length": 1024 * PIECE.length });
      return pour(response, path === "/download" ? 1 : 1024);
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
    return undefined;
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket, request) => {
    // The head of a frame of ten bytes, and two of them.
    if (request.url === "/live/half") request.socket.write(Buffer.from([0x82, 10, 1, 2]));
    else socket.send("first");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    open: () => open.size + sockets.clients.size,
    arrived: () => arrived,
  };
}

function pour(response: ServerResponse, pieces: number): void {
  for (let left = pieces; left > 0; left -= 1) {
    if (response.write(PIECE)) continue;
    response.once("drain", () => pour(response, left - 1));
    return;
  }
}

async function start(line: Line, kind: Kind, credential: string): Promise<Opened> {
  if (kind === "WebSocket") return openSocket(line, credential);
  const before = openBy(line, credential);
  const wire = await connectTo(line);
  await wire.write(bytesOf(kind, credential));
  if (kind === "unread download") wire.socket.pause();
  if (kind === "unread download" || UNANSWERED.includes(kind)) {
    // Nothing tells a client that its request is under way.
    while (openBy(line, credential) === before) await new Promise((resolve) => setTimeout(resolve, 2));
  } else await wire.until(kind === "download" ? "xxxx" : "first");
  return opened(wire, kind);
}

function openBy(line: Line, credential: string): number {
  return line.open.openOf(`digest:${line.digester.stored(credential)}`);
}

function bytesOf(kind: Exclude<Kind, "WebSocket">, credential: string): string {
  const bearer = `Authorization: Bearer ${credential}`;
  const json = ["Content-Type: application/json", "Accept: application/json, text/event-stream"];
  const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "t", arguments: {} } });
  switch (kind) {
    case "upload":
      return `${head("POST /upload", [bearer, "Content-Length: 10000000"])}${"u".repeat(100_000)}`;
    case "MCP GET":
      return head("GET /mcp", [bearer, "Accept: text/event-stream"]);
    case "MCP POST":
      return head("POST /mcp", [bearer, ...json, `Content-Length: ${call.length}`]) + call;
    default: {
      const paths = { SSE: "/stream", download: "/download", "unread download": "/download/whole", wait: "/wait" };
      return head(`GET ${paths[kind]}`, [bearer]);
    }
  }
}

function opened(wire: Wire, kind: Kind): Opened {
  return {
    async end() {
      wire.socket.resume();
      await (UNANSWERED.includes(kind) ? wire.nextResponse() : wire.end());
      return wire.text;
    },
    requestId: requestIdIn(wire.text),
  };
}

export function requestIdIn(text: string): string | null {
  return /x-request-id: (\S+)/i.exec(text)?.[1] ?? null;
}

async function openSocket(line: Line, credential: string): Promise<Opened> {
  const headers = { authorization: `Bearer ${credential}` };
  const socket = new WebSocket(`${line.url.replace("http", "ws")}/live`, { headers });
  onTestFinished(() => socket.terminate());
  let requestId: string | null = null;
  socket.on("upgrade", (response) => (requestId = String(response.headers["x-request-id"])));
  const closed = once(socket, "close").then((args: unknown[]) => `closed with ${String(args[0])}`);
  await once(socket, "message");
  return { end: () => closed, requestId };
}
