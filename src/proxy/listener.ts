import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, Socket } from "node:net";
import { Server as TlsServer, TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { deny, type Deny, type Reason } from "../core/decision.ts";
import type { Log } from "../telemetry/log.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ExchangeDeps, ExchangeStart } from "./exchange.ts";
import { HttpExchange } from "./http-exchange.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Recorder } from "./recorder.ts";
import { RawExchange } from "./raw-exchange.ts";
import { BodyBudget } from "./request-body.ts";
import { type InboundHead, readInbound, type ReadLimits, unreadHead } from "./request-reader.ts";
import type { ActivePolicy } from "./route-runtime.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";
import { UpgradeExchange, type UpgradeProxy } from "./upgrade-exchange.ts";

export interface ListenerOptions {
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly limits: ReadLimits & {
    readonly headBytes: number;
    readonly idleMs: number;
    readonly headTimeoutMs: number;
    readonly connections: number;
    /** Bodies read before the decision, over all requests, bytes. */
    readonly inspectTotal: number;
    /** How long a body may take that Portcullis reads itself, ms. */
    readonly bodyMs: number;
  };
  readonly pipeline: Pipeline;
  readonly recorder: Recorder;
  readonly proxies: TrustedProxies;
  readonly upgrades: UpgradeProxy;
  readonly policy: { current(): ActivePolicy };
  readonly requestId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The public listener: takes sockets, makes an exchange of each request and hands it to the line. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, ClientConnection>();
  readonly #deps: ExchangeDeps & { readonly proxy: UpgradeProxy };
  #draining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { clock, recorder, upgrades } = options;
    this.#deps = {
      clock,
      recorder,
      bodyBudget: new BodyBudget(options.limits.inspectTotal),
      bodyMs: options.limits.bodyMs,
      proxy: upgrades,
      draining: () => this.#draining,
    };
    this.#server =
      options.tls === null
        ? createServer(serverOptions(options))
        : createTlsServer({ ...serverOptions(options), ...options.tls, ...TLS });
    this.#listen();
  }

  /** Serves connections to come with another certificate; without TLS, nothing. Throws where it cannot be used. */
  useCertificate(certificate: { readonly cert: Buffer; readonly key: Buffer }): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ ...certificate, ...TLS });
  }

  /** Starts to accept. Resolves with the port; rejects where the address is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off("error", reject);
        const address: AddressInfo | string | null = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** Requests under way, open streams among them. */
  openRequests(): number {
    let open = 0;
    for (const { current } of this.#connections.values()) if (current !== null) open++;
    return open;
  }

  /**
   * Stops accepting, lets requests under way end for `graceMs` at most, then cuts what is left, open
   * streams among them. Resolves when every connection is closed and its last request is recorded.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => this.#cutAll(), graceMs);
    for (const connection of this.#connections.values()) if (connection.current === null) connection.socket.end();
    // The server is closed before the sockets that were cut say so, and an exchange is recorded when its socket does.
    const recorded = closed.then(() => Promise.all(Array.from(this.#connections.keys(), untilClosed)));
    const last = Promise.withResolvers<void>();
    const lastTimer = setTimeout(() => last.resolve(), graceMs + CUT_MS);
    await Promise.race([recorded, last.promise]);
    clearTimeout(timer);
    clearTimeout(lastTimer);
    for (const connection of this.#connections.values()) {
      if (connection.current !== null) this.#options.recorder.finished(connection.current);
    }
  }

  #cutAll(): void {
    for (const connection of this.#connections.values()) {
      connection.current?.cut("draining");
      connection.socket.destroy();
    }
  }

  #listen(): void {
    const server = this.#server;
    server.keepAliveTimeout = this.#options.limits.idleMs;
    server.headersTimeout = this.#options.limits.headTimeoutMs;
    // A body may take long; silence in it is what `timeout` ends.
    server.requestTimeout = 0;
    server.timeout = this.#options.limits.idleMs;
    // Fields beyond a count would be left out in silence; `head_bytes` bounds them.
    server.maxHeadersCount = 0;
    server.maxConnections = this.#options.limits.connections;
    server.on(this.#options.tls === null ? "connection" : "secureConnection", (socket: Socket) => this.#accept(socket));
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => this.#request(request, response);
    server.on("request", onRequest);
    server.on("checkContinue", onRequest);
    server.on("checkExpectation", onRequest);
    // The streams of these events are the sockets of `connection`, whatever the types say.
    server.on("upgrade", (request, stream, head) => {
      if (stream instanceof Socket) this.#upgrade(request, stream, head);
      else stream.destroy();
    });
    // CONNECT asks for a tunnel to anywhere: its target is in no form that the line takes.
    server.on("connect", (request, stream) => {
      if (!(stream instanceof Socket)) return stream.destroy();
      const connection = this.#connectionOf(stream);
      return connection.take(new RawExchange(stream, this.#line(request, connection), this.#deps));
    });
    server.on("clientError", (error, stream) => {
      if (stream instanceof Socket) this.#clientError(error, stream);
      else stream.destroy();
    });
    server.on("timeout", (socket: Socket) => this.#timeout(socket));
  }

  #accept(socket: Socket): void {
    const connection = this.#connect(socket);
    this.#connections.set(socket, connection);
    socket.on("close", () => this.#connections.delete(socket));
  }

  #connectionOf(socket: Socket): ClientConnection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    return this.#connect(socket);
  }

  #connect(socket: Socket): ClientConnection {
    const { pipeline, proxies } = this.#options;
    return new ClientConnection(socket, socket instanceof TLSSocket, proxies, (exchange) => pipeline.run(exchange));
  }

  #line(request: IncomingMessage, connection: ClientConnection): ExchangeStart {
    return this.#start(this.#read(request), connection);
  }

  /** A head that cannot even be read is refused by the line like any other. */
  #read({ method = "", url = "", rawHeaders, httpVersion }: IncomingMessage): InboundHead {
    try {
      return readInbound({ method, target: url, rawHeaders, httpVersion }, this.#options.limits);
    } catch (error) {
      this.#options.log.error({ err: error }, "a request head could not be read");
      return unreadHead(deny("internal_error"));
    }
  }

  #start(head: InboundHead, connection: ClientConnection): ExchangeStart {
    const { clock, policy, requestId } = this.#options;
    return {
      head,
      connection,
      requestId: requestId(),
      startedAt: clock.monotonic(),
      active: policy.current(),
    };
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connectionOf(request.socket);
    // The parser goes on with what came in one packet; the answer before closes the connection.
    if (connection.ending) return;
    connection.take(new HttpExchange({ request, response }, this.#line(request, connection), this.#deps));
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const connection = this.#connectionOf(socket);
    const line = this.#line(request, connection);
    if (connection.ending) socket.destroy();
    else if (connection.current !== null) this.#refuse(socket, UPGRADE_WAITS);
    else if (line.head.method !== "GET" || line.head.bodyKind !== "none") this.#refuse(socket, UPGRADE_BODY);
    else connection.take(new UpgradeExchange({ request, socket, head }, line, this.#deps));
  }

  /** Refuses what cannot be served as a request, behind the answers that are still due. */
  #refuse(socket: Socket, denied: Deny): void {
    const connection = this.#connectionOf(socket);
    connection.take(new RawExchange(socket, this.#start(unreadHead(denied), connection), this.#deps));
  }

  /** The parser gave up on what the client sends: an answer where none was begun, then the end. */
  #clientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connectionOf(socket);
    const reason = parserReason(error);
    const { current } = connection;
    const detail = `malformed HTTP (${error.code ?? "unknown"})`;
    // The end of the connection inside a body: the client left.
    const left = reason === null || error.code === "HPE_INVALID_EOF_STATE";
    if (current !== null && (left || current.awaitsBody())) {
      if (left) current.cut("client_closed");
      else current.malformed(reason, detail);
      return;
    }
    // A break inside the body of a request that was answered and recorded is no request of its own.
    const answered = connection.unreadBody?.complete === false;
    if (reason === null || answered || connection.ending || !socket.writable || socket.bytesRead === 0) {
      if (current === null) socket.destroy();
      return;
    }
    this.#refuse(socket, deny(reason, detail));
  }

  /** Nothing moved on the socket for `idle`. Waiting for the upstream is not the client's fault. */
  #timeout(socket: Socket): void {
    const connection = this.#connections.get(socket);
    const current = connection?.current ?? null;
    if (current === null) {
      socket.destroy();
    } else if (current.awaitsClient()) {
      current.malformed("request_timeout", "the client was silent for too long");
    } else {
      socket.setTimeout(this.#options.limits.idleMs);
    }
  }
}

const UPGRADE_WAITS = deny("bad_request", "an upgrade behind a request that is not answered yet");
const UPGRADE_BODY = deny("bad_request", "an upgrade is a GET without a body");
/** How long sockets that were cut may take to say that they are closed. */
const CUT_MS = 2_000;
const TLS = { minVersion: "TLSv1.2" } as const;

function untilClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** The reason for a parser's error; `null` where the client just left. */
function parserReason(error: NodeJS.ErrnoException): Reason | null {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return "head_too_large";
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return "body_too_large";
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "request_timeout";
    case "ECONNRESET":
    case "EPIPE":
      return null;
    default:
      return "bad_request";
  }
}

function serverOptions({ limits }: ListenerOptions): ServerOptions {
  return {
    maxHeaderSize: limits.headBytes,
    insecureHTTPParser: false,
    requireHostHeader: false,
    connectionsCheckingInterval: Math.min(1000, limits.headTimeoutMs),
    noDelay: true,
    // Any other protocol is not offered: the request goes on as plain HTTP, without its Upgrade field.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
  };
}
