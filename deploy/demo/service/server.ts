import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { Attachments } from "./attachments.ts";
import { Desk } from "./desk.ts";
import { createEventFeed } from "./events.ts";
import { sendError } from "./exchange.ts";
import { Failure } from "./failure.ts";
import { createLive } from "./live.ts";
import { createMcpEndpoint } from "./mcp.ts";
import { restRoutes } from "./rest.ts";
import { createRouter, splitTarget } from "./router.ts";

export interface DemoServiceOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `127.0.0.1`. The service asks nobody for a credential: leave it where only a proxy reaches it. */
  readonly host?: string;
  /** Gets a line for each request and each fault. Query values are left out. Default: nothing is logged. */
  readonly log?: (line: string) => void;
  /** Wall clock, milliseconds. Default: the machine's. */
  readonly now?: () => number;
  /** Milliseconds between the comments on a quiet event stream. Default 15 s. */
  readonly heartbeatMs?: number;
  /** Bytes that all uploaded attachments may take together. Default 64 MiB. */
  readonly maxAttachmentBytes?: number;
}

export interface DemoService {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** What is open now: for tests and for looking at. */
  open(): { streams: number; sockets: number; sessions: number; attachmentBytes: number };
  /** Ends open streams, and resolves when no connection is left: within about half a second. Repeats are harmless. */
  close(): Promise<void>;
}

/** What requests on their way get to finish in, in milliseconds, before their connections are cut. */
const CLOSE_TIME = 250;

/**
 * Starts the demo ticket service: it stands for the legacy service behind Portcullis, and knows nothing
 * of keys. State is in memory and the same at each start. Rejects where the port cannot be had.
 */
export async function startDemoService(options: DemoServiceOptions): Promise<DemoService> {
  const { port, host = "127.0.0.1", log = () => undefined, now = Date.now } = options;
  const { heartbeatMs = 15_000, maxAttachmentBytes = 64 * 1_048_576 } = options;
  const desk = new Desk(now);
  const attachments = new Attachments(maxAttachmentBytes);
  const events = createEventFeed(desk, heartbeatMs);
  const live = createLive(desk);
  const mcp = createMcpEndpoint(desk);
  const route = createRouter([...restRoutes(desk, attachments), events.route, live.route]);
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const target = splitTarget(req.url ?? "");
    log(`${req.method} ${target.path}`);
    try {
      await (target.path === "/mcp" ? mcp.handle(req, res) : route(req, res, target));
    } catch (error) {
      answerFailure(req, res, error, log);
    }
  };
  // Only WebSockets are taken over; any other `Upgrade` is ignored, as RFC 9110 section 7.8 allows.
  const server = createServer({ shouldUpgradeCallback: (req) => live.wants(req) }, (req, res) => void answer(req, res));
  // Longer than the pools of proxies in front keep a connection, so that none is used while it closes.
  server.keepAliveTimeout = 75_000;
  server.on("upgrade", (req, socket, head) => live.upgrade(req, socket, head));
  let closing: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    events.close();
    closing ??= Promise.all([live.close(), mcp.close(), closeServer(server)]);
    await closing;
  };
  try {
    const bound = await listen(server, port, host);
    log(`listening on ${host}:${bound}`);
    return {
      url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
      port: bound,
      open: () => ({
        streams: events.open,
        sockets: live.open,
        sessions: mcp.open,
        attachmentBytes: attachments.bytes,
      }),
      close,
    };
  } catch (error) {
    events.close();
    throw error;
  }
}

/** Answers what a handler threw: a `Failure` with its status, anything else with 500. */
function answerFailure(req: IncomingMessage, res: ServerResponse, error: unknown, log: (line: string) => void): void {
  if (res.destroyed) {
    log("the client went away");
    return;
  }
  if (!(error instanceof Failure)) log(`fault: ${error instanceof Error ? error.message : String(error)}`);
  if (res.headersSent) {
    res.destroy();
    return;
  }
  if (error instanceof Failure) sendError(res, error.status, error.message);
  else sendError(res, 500, "internal error");
  // Whatever is left of the body is read and dropped, so that the client gets to read the answer.
  req.resume();
}

/** Resolves with the port once connections are taken. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP listener");
  return address.port;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIME);
  server.close();
  // A connection whose answer ends only now is idle from here on, and is not closed by `close` alone.
  const sweep = setInterval(() => server.closeIdleConnections(), 10);
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}
