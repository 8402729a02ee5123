import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reason } from "../core/decision.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import type { UpstreamConnection } from "../http1/upstream-connection.ts";
import type { RequestBodyKind, UpstreamExchange, UpstreamFailure } from "../http1/upstream-exchange.ts";
import { Exchange, type ExchangeDeps, type ExchangeStart, type Outcome } from "./exchange.ts";
import { type Answer, refusal } from "./refusal.ts";
import { earlyLinks, passTrailers, writeResponseHead } from "./response-head-writer.ts";
import { type CollectedBody, collectBody, lingerThenEnd } from "./request-body.ts";
import type { RouteRuntime } from "./route-runtime.ts";
import { writeUpstreamHead } from "./upstream-head.ts";

/**
 * A request that came in by node:http. It is also the receiver of the upstream's response: one object
 * for a request, with methods in place of closures.
 */
export class HttpExchange extends Exchange implements UpstreamExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #deps: ExchangeDeps;
  #upstream: UpstreamConnection | null = null;
  /** The pool holds it: sent, waiting, or being tried again. */
  #dispatched = false;
  #waitsForDrain = false;
  #headWaits = false;
  #ended = false;
  /** The body, where it was read before the decision: these bytes are sent, no others. */
  #inspected: Buffer | null = null;
  upstreamHead = "";
  bodyKind: RequestBodyKind = "none";

  constructor(
    message: { readonly request: IncomingMessage; readonly response: ServerResponse },
    line: ExchangeStart,
    deps: ExchangeDeps,
  ) {
    super(line);
    this.#request = message.request;
    this.#response = message.response;
    this.#deps = deps;
    this.#response.on("close", () => this.#onClose());
  }

  get method(): string {
    return this.head.method;
  }

  get over(): boolean {
    return this.#ended || this.#response.destroyed;
  }

  async readBody(limit: number): Promise<CollectedBody> {
    if (this.head.expectsContinue) this.#response.writeContinue();
    const body = await collectBody(this.#request, limit);
    if (body.kind === "whole") {
      this.bytesIn = body.bytes.length;
      this.#inspected = body.bytes;
    }
    return body;
  }

  answer(answer: Answer): void {
    if (this.#response.headersSent || this.#response.destroyed) {
      this.#response.destroy();
      return;
    }
    this.#ended = true;
    // After a head that is malformed nobody can say where the next one begins.
    if (this.head.problem !== null) {
      this.connection.ending = true;
      this.#response.shouldKeepAlive = false;
    }
    this.status = answer.status;
    this.bytesOut = this.method === "HEAD" ? 0 : Buffer.byteLength(answer.body);
    this.#response.shouldKeepAlive &&= !this.#deps.draining();
    this.#response.sendDate = true;
    if (this.#bodyIsWhole() || this.#restIsSmall()) {
      this.#response.writeHead(answer.status, [...answer.fields]);
      this.#response.end(answer.body);
      return;
    }
    this.#response.shouldKeepAlive = false;
    this.#response.writeHead(answer.status, [...answer.fields]);
    lingerThenEnd(this.#request, this.#response, answer.body);
  }

  forward(route: RouteRuntime): void {
    // A malformed chunk that came with the head is found by the parser before this runs.
    if (this.head.bodyKind === "chunked" && this.#inspected === null) setImmediate(() => this.#dispatch(route));
    else this.#dispatch(route);
  }

  #dispatch(route: RouteRuntime): void {
    if (this.over) return;
    const framing = this.#frame();
    this.upstreamHead = writeUpstreamHead({
      head: this.head,
      connection: this.connection,
      proxies: this.#deps.proxies,
      principal: this.principal,
      requestId: this.requestId,
      upstream: route.upstream,
      framing,
    });
    this.#dispatched = true;
    this.dispatchedAt = this.#deps.clock.monotonic();
    route.upstream.pool.dispatch(this);
  }

  /** Decides how the body goes to the upstream; returns the framing field. */
  #frame(): string {
    if (this.#inspected !== null) {
      this.bodyKind = this.#inspected.length === 0 ? "none" : "length";
      return `Content-Length: ${this.#inspected.length}\r\n`;
    }
    const { bodyKind, contentLength } = this.head;
    this.bodyKind = contentLength === 0 ? "none" : bodyKind;
    if (bodyKind === "length") return `Content-Length: ${contentLength}\r\n`;
    return bodyKind === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
  }

  connected(connection: UpstreamConnection): void {
    this.#upstream = connection;
    if (this.bodyKind === "none") return;
    if (this.#inspected !== null) {
      connection.writeBody(this.#inspected);
      connection.endBody([]);
      return;
    }
    if (this.head.expectsContinue) this.#response.writeContinue();
    this.#request.on("data", (chunk: Buffer) => this.#onRequestData(chunk));
    this.#request.on("end", () => this.#onRequestEnd());
  }

  drained(): void {
    this.#request.resume();
  }

  informational(head: ResponseHead): void {
    // HTTP/1.0 has no interim answers (RFC 9110 §15.2).
    if (head.status !== 103 || this.#response.headersSent || this.#request.httpVersionMinor === 0) return;
    const links = earlyLinks(head);
    if (links.length > 0) this.#response.writeEarlyHints({ link: links });
  }

  responseHead(head: ResponseHead): void {
    this.answeredAt = this.#deps.clock.monotonic();
    this.status = head.status;
    const response = this.#response;
    // An answer before the end of the request: the rest of the body has nowhere to go.
    if (!this.#bodyIsWhole() || this.#deps.draining()) response.shouldKeepAlive = false;
    const isEventStream = writeResponseHead(response, head, this.requestId);
    this.#headWaits = true;
    if (!isEventStream || this.route === null) return;
    this.#upstream?.setBodyIdleTimeout(this.route.upstream.settings.stream_idle_timeout);
    this.#deps.recorder.streamOpened(this);
  }

  responseBody(chunk: Buffer, last: boolean): boolean {
    this.bytesOut += chunk.length;
    this.#headWaits = false;
    if (last) {
      this.#end(chunk);
      return true;
    }
    if (this.#response.write(chunk)) return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      this.#response.once("drain", () => {
        this.#waitsForDrain = false;
        this.#upstream?.resume();
      });
    }
    return false;
  }

  responseFlush(): void {
    if (!this.#headWaits) return;
    this.#headWaits = false;
    this.#response.flushHeaders();
  }

  responseEnd(trailers: readonly string[]): void {
    this.#upstream = null;
    this.#dispatched = false;
    if (this.#ended) return;
    if (trailers.length > 0) this.#response.addTrailers(passTrailers(trailers));
    this.#end(null);
  }

  #end(chunk: Buffer | null): void {
    this.#ended = true;
    if (this.#bodyIsWhole()) {
      if (chunk === null || chunk.length === 0) this.#response.end();
      else this.#response.end(chunk);
    } else {
      lingerThenEnd(this.#request, this.#response, chunk ?? "");
    }
  }

  failed(failure: UpstreamFailure): void {
    this.#upstream = null;
    this.#dispatched = false;
    this.#fail(failure.code, failure.detail);
  }

  cut(outcome: Outcome): void {
    // What was answered stays the outcome, however the client takes it.
    if (!this.#ended) this.outcome = outcome;
    this.#dropUpstream();
    this.#cutClient();
  }

  #cutClient(): void {
    const { socket, secure } = this.connection;
    // To HTTP/1.0 a plain end would make the cut body look whole.
    if (this.#request.httpVersionMinor === 0 && !secure && !socket.destroyed) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  malformed(reason: Reason, detail: string): void {
    this.connection.ending = true;
    this.#dropUpstream();
    if (this.#response.headersSent) {
      if (!this.#ended) this.detail = detail;
      this.cut(reason);
      return;
    }
    this.#fail(reason, detail);
    // The framing of what follows can't be trusted.
    this.#response.once("finish", () => this.connection.socket.destroySoon());
    this.#response.shouldKeepAlive = false;
  }

  awaitsClient(): boolean {
    // A body that is paused waits for the upstream to take more.
    return (!this.#bodyIsWhole() && !this.#request.isPaused()) || this.connection.socket.writableLength > 0;
  }

  /** The request was allowed, then something went wrong: an answer where none was begun, else the connection is cut. */
  #fail(reason: Reason, detail: string): void {
    this.detail = detail;
    if (this.#response.headersSent) {
      this.outcome = "upstream_cut";
      this.#cutClient();
      return;
    }
    this.outcome = reason;
    if (this.dispatchedAt !== 0) this.answeredAt = this.#deps.clock.monotonic();
    this.answer(refusal(reason, detail, { requestId: this.requestId, scopeText: "", allowedMethods: [] }));
  }

  #onRequestData(chunk: Buffer): void {
    if (this.#upstream === null) return;
    this.bytesIn += chunk.length;
    if (this.route !== null && this.bytesIn > this.route.bodyLimit) {
      this.#dropUpstream();
      this.#fail("body_too_large", "the body grew over its limit");
      return;
    }
    if (!this.#upstream.writeBody(chunk)) this.#request.pause();
  }

  #onRequestEnd(): void {
    this.#upstream?.endBody(passTrailers(this.#request.rawTrailers).flat());
  }

  #bodyIsWhole(): boolean {
    return this.head.bodyKind === "none" || this.head.contentLength === 0 || this.#request.complete;
  }

  /** Little is left of the body: node:http reads and drops it, and the connection can go on. */
  #restIsSmall(): boolean {
    const { contentLength, expectsContinue } = this.head;
    return contentLength > 0 && contentLength <= SMALL_BODY && !expectsContinue;
  }

  #dropUpstream(): void {
    if (!this.#dispatched) return;
    this.#dispatched = false;
    this.#upstream?.abort();
    this.#upstream = null;
    // It may wait for a connection, the second time too.
    this.route?.upstream.pool.cancel(this);
  }

  #onClose(): void {
    if (this.recorded) return;
    if (!this.#response.writableFinished) {
      if (this.outcome === "allowed" || this.outcome === "public") this.outcome = "client_closed";
      if (this.status === 0) this.status = CLIENT_CLOSED_STATUS;
      this.#ended = true;
    }
    this.#dropUpstream();
    if (this.connection.current === this) this.connection.current = null;
    if (!this.#bodyIsWhole()) this.connection.unreadBody = this.#request;
    this.#deps.recorder.finished(this);
    // The client was not told that its connection ends, where the answer began before the draining.
    if (this.#deps.draining() && this.connection.current === null) this.connection.socket.destroySoon();
  }
}

/** A refused body up to this size, bytes, is read to its end rather than answered by closing the connection. */
const SMALL_BODY = 64 * 1024;

/** What the audit says where the client left before an answer; nothing is sent. */
const CLIENT_CLOSED_STATUS = 499;
