import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import type { Desk } from "./desk.ts";
import { sendError } from "./exchange.ts";
import { notFound } from "./failure.ts";
import { matchPath, splitTarget, type Route } from "./router.ts";

const PATH = "/api/portals/:portal/live";
const SEGMENTS = PATH.split("/");
const MAX_MESSAGE = 1_048_576;
/** A client with more unread bytes than this is let go. */
const MAX_UNREAD = 4_194_304;
/** What a client gets to answer the closing handshake, in milliseconds. */
const CLOSE_TIME = 250;

export interface Live {
  /** Answers plain requests to the path: 426. */
  readonly route: Route;
  /** Connections open now. */
  readonly open: number;
  /** True where the request asks for a WebSocket at the path of a portal that exists. */
  wants(req: IncomingMessage): boolean;
  /** Takes over a connection for which `wants` is true. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all connections with code 1001. Resolves once they are gone, after 250 ms at the latest. */
  close(): Promise<void>;
}

/** The WebSocket of a portal: greets, echoes each message as it came, and tells of changed tickets. */
export function createLive(desk: Desk): Live {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  const followers = new Map<WebSocket, string>();
  const unfollow = desk.follow((event) => {
    for (const [socket, portalId] of followers) {
      if (portalId !== event.portal_id) continue;
      socket.send(JSON.stringify(event));
      if (socket.bufferedAmount > MAX_UNREAD) socket.terminate();
    }
  });
  return {
    route: {
      path: PATH,
      handlers: {
        GET: ({ res, params }) => {
          desk.portal(params.get("portal") ?? "");
          sendError(res, 426, "connect by WebSocket", { Upgrade: "websocket", Connection: "Upgrade" });
        },
      },
    },
    get open() {
      return followers.size;
    },
    wants: (req) => req.headers.upgrade?.toLowerCase() === "websocket" && livePortal(desk, req) !== null,
    upgrade(req, socket, head) {
      const portalId = livePortal(desk, req);
      if (portalId === null) throw notFound("portal");
      server.handleUpgrade(req, socket, head, (client) => {
        followers.set(client, portalId);
        client.once("close", () => followers.delete(client));
        greet(client, portalId);
      });
    },
    async close() {
      unfollow();
      await Promise.all([...followers.keys()].map(closeClient));
    },
  };
}

function greet(client: WebSocket, portalId: string): void {
  // A broken frame or connection: `close` follows, and that is all there is to do.
  client.on("error", () => undefined);
  client.on("message", (data, isBinary) => echo(client, data, isBinary));
  client.send(JSON.stringify({ type: "hello", portal_id: portalId }));
}

/** Sends a message back and reads no further until it is on its way: a client that does not read holds up itself. */
function echo(client: WebSocket, data: RawData, binary: boolean): void {
  client.pause();
  client.send(Array.isArray(data) ? Buffer.concat(data) : data, { binary }, () => client.resume());
}

async function closeClient(client: WebSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => client.terminate(), CLOSE_TIME);
  client.once("close", () => {
    clearTimeout(timer);
    resolve();
  });
  client.close(1001, "going away");
  client.resume();
  await promise;
}

function livePortal(desk: Desk, req: IncomingMessage): string | null {
  try {
    const params = matchPath(SEGMENTS, splitTarget(req.url ?? "").path.split("/"));
    const portalId = params?.get("portal");
    return portalId !== undefined && desk.has(portalId) ? portalId : null;
  } catch {
    // A bad percent-encoding: the router answers it.
    return null;
  }
}
