import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Desk } from "./desk.ts";
import { sendJson } from "./exchange.ts";
import { registerReading } from "./mcp-reading.ts";
import { registerDeskTools } from "./mcp-desk-tools.ts";
import { registerTicketTools } from "./mcp-ticket-tools.ts";

/** More sessions than this, and the one that was quiet for longest is closed. Its client makes a new one. */
const MAX_SESSIONS = 256;

interface Session {
  readonly server: McpServer;
  readonly transport: StreamableHTTPServerTransport;
}

export interface McpEndpoint {
  /** Sessions open now. */
  readonly open: number;
  /** Answers any request to `/mcp`. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Closes all sessions and their streams. */
  close(): Promise<void>;
}

/** MCP over Streamable HTTP, with sessions. Each session has its own server, all of them the same data. */
export function createMcpEndpoint(desk: Desk): McpEndpoint {
  // In the order of last use: the first is the one that was quiet for longest.
  const sessions = new Map<string, Session>();
  return {
    get open() {
      return sessions.size;
    },
    async handle(req, res) {
      const id = req.headers["mcp-session-id"];
      if (typeof id !== "string") {
        await begin(desk, sessions, req, res);
        return;
      }
      const session = sessions.get(id);
      if (session === undefined) {
        sendJson(res, 404, { jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null });
        return;
      }
      sessions.delete(id);
      sessions.set(id, session);
      await session.transport.handleRequest(req, res);
    },
    async close() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(({ server }) => server.close()));
    },
  };
}

async function begin(
  desk: Desk,
  sessions: Map<string, Session>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const server = createServer(desk);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: async (id) => {
      sessions.set(id, { server, transport });
      const [oldest] = sessions;
      if (sessions.size <= MAX_SESSIONS || oldest === undefined) return;
      sessions.delete(oldest[0]);
      await oldest[1].server.close();
    },
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await server.connect(transport);
  await transport.handleRequest(req, res);
  // Anything but an initialize request made no session: the transport has answered it, and nobody can use it again.
  if (transport.sessionId === undefined) await server.close();
}

function createServer(desk: Desk): McpServer {
  const server = new McpServer({ name: "demo-ticket-service", title: "Demo ticket service", version: "1.0.0" });
  registerTicketTools(server, desk);
  registerDeskTools(server, desk);
  registerReading(server, desk);
  return server;
}
