import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createProxyServer, type ProxyServer } from "http-proxy-3";
import { setsOwnCookie } from "../core/own-cookies.ts";
import type { Outcome } from "../core/decision.ts";
import type { Log } from "../telemetry/log.ts";
import type { ExchangeDeps, ExchangeStart } from "./exchange.ts";
import { closeFrame, FrameBoundary } from "./frame-boundary.ts";
import { RawExchange } from "./raw-exchange.ts";
import { type ResponseFieldClass, responseFieldClass } from "./response-fields.ts";
import type { RouteRuntime } from "./route-runtime.ts";
import { writeUpstreamHead } from "./upstream-head.ts";

/** Carries WebSocket upgrades to upstreams; one for the whole process. */
export class UpgradeProxy {
  readonly #proxy: ProxyServer = createProxyServer({ ws: true, xfwd: false });
  readonly #exchanges = new WeakMap<IncomingMessage, UpgradeExchange>();

  constructor(log: Log) {
    this.#proxy.on("proxyReqWs", (upstreamRequest, request) => {
      this.#exchanges.get(request)?.watch(upstreamRequest);
    });
    // Failures reach the exchange by the callback of `ws`; this is for what comes after.
    this.#proxy.on("error", (error) => log.debug({ err: error }, "an upgraded connection failed"));
  }

  /** Sends the upgrade with exactly the fields of `headers`. `onFailure` is called where no answer came. */
  send(
    exchange: UpgradeExchange,
    message: { readonly request: IncomingMessage; readonly socket: Socket; readonly head: Buffer },
    route: RouteRuntime,
    headers: IncomingHttpHeaders,
    onFailure: (error: Error) => void,
  ): void {
    const { host, port, serverName, settings, tls, url } = route.upstream;
    this.#exchanges.set(message.request, exchange);
    message.request.headers = headers;
    this.#proxy.ws(
      message.request,
      message.socket,
      message.head,
      {
        target: { protocol: url.protocol, host, hostname: host, port, ...tls },
        toProxy: true,
        prependPath: false,
        secure: true,
        // Left out, node:https would verify the certificate against the client's own `Host`.
        ssl: { servername: serverName, minVersion: "TLSv1.2" },
        connectTimeout: settings.connect_timeout,
      },
      (error: Error) => onFailure(error),
    );
  }
}

/**
 * A WebSocket upgrade on the line: decided like any request. A tunnel exists only after the upstream's
 * own 101 to `websocket`; before it, the client's bytes wait.
 */
export class UpgradeExchange extends RawExchange {
  readonly #request: IncomingMessage;
  readonly #firstBytes: Buffer;
  readonly #proxy: UpgradeProxy;
  #upstreamRequest: ClientRequest | null = null;
  #upstreamSocket: Duplex | null = null;
  /** The upstream's own answer goes to the client, a switch or not. */
  #relays = false;
  /** Of the messages that go to the client, once it is a WebSocket. */
  #messages: FrameBoundary | null = null;

  constructor(
    message: { readonly request: IncomingMessage; readonly socket: Socket; readonly head: Buffer },
    line: ExchangeStart,
    deps: ExchangeDeps & { readonly proxy: UpgradeProxy },
  ) {
    super(message.socket, line, deps);
    this.#request = message.request;
    this.#firstBytes = message.head;
    this.#proxy = deps.proxy;
  }

  override forward(route: RouteRuntime): void {
    if (this.deps.draining()) return this.answerFailure("draining", "an upgrade while shutting down");
    const text = writeUpstreamHead(this, route.upstream, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    this.dispatchedAt = this.deps.clock.monotonic();
    const message = { request: this.#request, socket: this.socket, head: this.#firstBytes };
    this.#proxy.send(this, message, route, headersOf(text), (error) => {
      if (this.answered) return;
      this.answeredAt = this.deps.clock.monotonic();
      this.answerFailure("upstream_unreachable", error.message);
    });
  }

  /** Called once with the request to the upstream, before its answer. */
  watch(upstreamRequest: ClientRequest): void {
    this.#upstreamRequest = upstreamRequest;
    const settings = this.route?.upstream.settings;
    upstreamRequest.setTimeout(settings?.response_timeout ?? 0, () => {
      this.answerFailure("upstream_timeout", "no answer to the upgrade in time");
      upstreamRequest.destroy();
    });
    upstreamRequest.on("upgrade", (response: IncomingMessage, upstream: Duplex) => {
      upstreamRequest.setTimeout(0);
      this.#opened(response, upstream, settings?.stream_idle_timeout ?? 0);
    });
    // http-proxy-3 listens for the answer right after this; it would relay one without back-pressure or time-outs.
    setImmediate(() => {
      upstreamRequest.removeAllListeners("response");
      upstreamRequest.on("response", (response: IncomingMessage) => this.#relay(response, settings?.idle_timeout ?? 0));
    });
  }

  /** The upstream does not switch: its answer goes to the client, and the connection ends with it. */
  #relay(response: IncomingMessage, idleMs: number): void {
    this.#upstreamRequest?.setTimeout(idleMs, () => response.destroy());
    this.answered = true;
    this.#relays = true;
    this.answeredAt = this.deps.clock.monotonic();
    this.status = response.statusCode ?? 502;
    this.socket.setTimeout(idleMs, () => this.socket.destroy());
    this.socket.write(relayedHead(response, this.requestId), "latin1");
    response.on("error", () => {
      this.outcome = "upstream_cut";
      this.socket.resetAndDestroy();
    });
    // The client's own end is not waited for.
    response.on("end", () => this.socket.destroySoon());
    response.pipe(this.socket, { end: false });
  }

  #opened(response: IncomingMessage, upstream: Duplex, idleMs: number): void {
    this.answeredAt = this.deps.clock.monotonic();
    this.answered = true;
    this.#upstreamSocket = upstream;
    if (response.headers.upgrade?.toLowerCase() !== "websocket") {
      this.outcome = "upstream_invalid";
      this.status = 502;
      this.detail = "a switch to another protocol than websocket";
      this.socket.destroy();
      upstream.destroy();
      return;
    }
    this.status = 101;
    this.#relays = true;
    const messages = new FrameBoundary();
    this.#messages = messages;
    // After http-proxy-3 has put back what came with the head, and before anything flows.
    process.nextTick(() => upstream.on("data", (bytes: Buffer) => messages.take(bytes)));
    cleanSwitch(response, this.requestId);
    this.deps.recorder.streamOpened(this);
    // http-proxy-3 takes time-outs off both sockets right after this.
    setImmediate(() => this.socket.setTimeout(idleMs, () => this.socket.destroy()));
  }

  override cut(outcome: Outcome): void {
    const isOurs = outcome !== "draining" && outcome !== "client_closed";
    // Inside a frame the client would take it for a part of the message.
    if (isOurs && this.#messages?.between === true && this.socket.writableLength === 0) {
      this.socket.write(POLICY_VIOLATION);
    }
    super.cut(outcome);
  }

  override takeBack(): "taken" | "answering" | "over" {
    if (this.#relays) return this.socket.destroyed ? "over" : "answering";
    if (this.over) return "over";
    if (this.dispatchedAt !== 0) this.answeredAt = this.deps.clock.monotonic();
    this.#upstreamRequest?.destroy();
    return "taken";
  }

  protected override closed(): void {
    this.#upstreamRequest?.destroy();
    this.#upstreamSocket?.destroy();
  }
}

/** The fields of a written head as node:http takes them; a field sent twice becomes one (RFC 9110 §5.3). */
function headersOf(head: string): IncomingHttpHeaders {
  // No prototype: a field may be called `constructor`.
  const headers: IncomingHttpHeaders = Object.create(null);
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 2);
    const before = headers[name];
    const separator = name === "cookie" ? "; " : ", ";
    headers[name] = before === undefined ? value : `${String(before)}${separator}${value}`;
  }
  return headers;
}

/** Drops what ends at this hop, in place: http-proxy-3 copies what is left to the client. */
function cleanSwitch(response: IncomingMessage, requestId: string): void {
  for (const name of Object.keys(response.headers)) {
    const keep = name === "connection" || name === "upgrade";
    if (!keep && ENDS_HERE.has(responseFieldClass(name))) delete response.headers[name];
  }
  const set = response.headers["set-cookie"]?.filter((value) => !setsOwnCookie(value));
  if (set !== undefined) response.headers["set-cookie"] = set;
  response.headers["x-request-id"] = requestId;
}

const POLICY_VIOLATION = closeFrame(1008);
const ENDS_HERE: ReadonlySet<ResponseFieldClass> = new Set(["drop", "connection", "trailer"]);

/** The head of an answer that ends with the connection. node:http has read it strictly and decoded its chunks. */
function relayedHead(response: IncomingMessage, requestId: string): string {
  let text = `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n`;
  const { rawHeaders } = response;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const value = rawHeaders[i + 1] ?? "";
    const fieldClass = responseFieldClass(name);
    if (ENDS_HERE.has(fieldClass) || (fieldClass === "set-cookie" && setsOwnCookie(value))) continue;
    text += `${name}: ${value}\r\n`;
  }
  return `${text}X-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n`;
}
