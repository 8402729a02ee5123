import type { Outcome, Reason } from "../core/decision.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import type { UpstreamConnection } from "../http1/upstream-connection.ts";
import type { RequestBodyKind, UpstreamExchange, UpstreamFailure } from "../http1/upstream-exchange.ts";
import { CLIENT_CLOSED_STATUS, type ExchangeDeps, type ExchangeStart } from "./exchange.ts";
import { type HttpMessage, HttpResponder } from "./http-responder.ts";
import type { McpUse } from "./mcp-use.ts";
import { type ListResponse, listResponseFor } from "./list-response.ts";
import { earlyLinks, isEventStream, passTrailers, writeResponseHead } from "./response-head-writer.ts";
import { type CollectedBody, collectBody } from "./request-body.ts";
import type { RouteRuntime } from "./route-runtime.ts";
import { writeUpstreamHead } from "./upstream-head.ts";

/**
 * A request that came in by node:http, between its client (the part in `HttpResponder`) and the upstream,
 * whose response it receives: one object for a request, with methods in place of closures.
 */
export class HttpExchange extends HttpResponder implements UpstreamExchange {
  #upstream: UpstreamConnection | null = null;
  /** The pool holds it: sent, waiting, or being tried again. */
  #dispatched = false;
  /** Between the upstream's body and the client, where lists are filtered. */
  #lists: ListResponse | null = null;
  /** The body, where it was read before the decision: these bytes are sent, no others. */
  #inspected: Buffer | null = null;
  upstreamHead = "";
  bodyKind: RequestBodyKind = "none";

  constructor(message: HttpMessage, line: ExchangeStart, deps: ExchangeDeps) {
    super(message, line, deps);
    this.response.on("close", () => this.#onClose());
  }

  get method(): string {
    return this.head.method;
  }

  async readBody(limit: number): Promise<CollectedBody> {
    if (this.head.expectsContinue) this.response.writeContinue();
    const body = await collectBody(this.request, { limit, budget: this.deps.bodyBudget, timeoutMs: this.deps.bodyMs });
    if (body.kind === "whole") {
      this.bytesIn = body.bytes.length;
      this.#inspected = body.bytes;
    }
    return body;
  }

  forward(route: RouteRuntime): void {
    // A malformed chunk that came with the head is found by the parser before this runs.
    if (this.head.bodyKind === "chunked" && this.#inspected === null) setImmediate(() => this.#dispatch(route));
    else this.#dispatch(route);
  }

  #dispatch(route: RouteRuntime): void {
    if (this.over) return;
    const framing = this.#frame();
    this.upstreamHead = writeUpstreamHead(this, route.upstream, framing);
    // Small, it goes out in one write with the head.
    if (this.#inspected !== null && this.#inspected.length <= BODY_WITH_HEAD) {
      this.upstreamHead += this.#inspected.toString("latin1");
    }
    this.#dispatched = true;
    this.dispatchedAt = this.deps.clock.monotonic();
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
      if (this.#inspected.length > BODY_WITH_HEAD) connection.writeBody(this.#inspected);
      connection.endBody([]);
      return;
    }
    if (this.head.expectsContinue) this.response.writeContinue();
    this.request.on("data", (chunk: Buffer) => this.#onRequestData(chunk));
    this.request.on("end", () => this.#onRequestEnd());
  }

  drained(): void {
    this.request.resume();
  }

  protected clientDrained(): void {
    if (this.#lists !== null) this.#lists.resume();
    else this.#upstream?.resume();
  }

  informational(head: ResponseHead): void {
    // HTTP/1.0 has no interim answers (RFC 9110 §15.2).
    if (head.status !== 103 || this.response.headersSent || this.request.httpVersionMinor === 0) return;
    const links = earlyLinks(head);
    if (links.length > 0) this.response.writeEarlyHints({ link: links });
  }

  responseHead(head: ResponseHead): void {
    this.answeredAt = this.deps.clock.monotonic();
    this.status = head.status;
    // An answer before the end of the request: the rest of the body has nowhere to go.
    if (!this.bodyIsWhole() || this.deps.draining()) this.response.shouldKeepAlive = false;
    if (this.mcp !== null && !this.#filterLists(head, this.mcp)) return;
    const rewritten = this.#lists === null ? null : { bytes: null };
    writeResponseHead(this.response, head, { requestId: this.requestId, mcp: this.mcp, rewritten });
    this.headWaits = true;
    if (!isEventStream(head) || this.route === null) return;
    this.#upstream?.setBodyIdleTimeout(this.route.upstream.settings.stream_idle_timeout);
    this.deps.recorder.streamOpened(this);
  }

  /** Puts the filter between the upstream's body and the client. True where the head can be written now. */
  #filterLists(head: ResponseHead, { mayList, asksForLists }: McpUse): boolean {
    if (mayList === null) return true;
    try {
      this.#lists = listResponseFor(
        head,
        { mayList, asksForLists },
        {
          budget: this.deps.bodyBudget,
          whole: (body) => {
            const rewritten = { bytes: body.length };
            writeResponseHead(this.response, head, { requestId: this.requestId, mcp: this.mcp, rewritten });
            this.bytesOut = body.length;
            this.end(body);
          },
          part: (chunk) => this.write(chunk),
          ended: () => this.end(null),
          resumed: () => this.#upstream?.resume(),
          failed: (detail) => this.#listsFailed(detail),
        },
      );
    } catch (error) {
      this.#listsFailed(error instanceof Error ? error.message : "a list that cannot be filtered");
      return false;
    }
    return this.#lists === null || !this.#lists.holdsHead;
  }

  /** What cannot be filtered is not shown. */
  #listsFailed(detail: string): void {
    if (this.ended) return;
    this.#dropUpstream();
    this.#fail("upstream_invalid", detail);
  }

  responseBody(chunk: Buffer, last: boolean): boolean {
    if (this.#lists !== null) return chunk.length === 0 || this.#lists.write(chunk) || last;
    if (!last) return this.write(chunk);
    this.bytesOut += chunk.length;
    this.end(chunk);
    return true;
  }

  responseFlush(): void {
    this.flush();
  }

  responseEnd(trailers: readonly string[]): void {
    this.#upstream = null;
    this.#dispatched = false;
    if (this.ended) return;
    if (this.#lists !== null) return this.#lists.end();
    if (trailers.length > 0) this.response.addTrailers(passTrailers(trailers));
    this.end(null);
  }

  failed(failure: UpstreamFailure): void {
    this.#upstream = null;
    this.#dispatched = false;
    this.#fail(failure.code, failure.detail);
  }

  cut(outcome: Outcome): void {
    // What was answered stays the outcome, however the client takes it.
    if (!this.ended && !this.response.writableEnded) this.outcome = outcome;
    this.#dropUpstream();
    this.cutClient();
  }

  takeBack(): "taken" | "answering" | "over" {
    if (this.response.destroyed || this.response.writableFinished) return "over";
    if (this.response.headersSent) return UNDER_WAY.has(this.outcome) ? "answering" : "over";
    if (this.ended) return "over";
    if (this.dispatchedAt !== 0) this.answeredAt = this.deps.clock.monotonic();
    this.#dropUpstream();
    return "taken";
  }

  abandoned(): void {
    this.#onClose();
  }

  malformed(reason: Reason, detail: string): void {
    this.connection.end();
    this.#dropUpstream();
    if (this.response.headersSent) {
      if (!this.ended) this.detail = detail;
      this.cut(reason);
      return;
    }
    // The framing of what follows can't be trusted.
    this.response.shouldKeepAlive = false;
    this.#fail(reason, detail);
    this.response.once("finish", () => this.connection.socket.destroySoon());
  }

  /** The request was allowed, then something went wrong: an answer where none was begun, else the connection is cut. */
  #fail(reason: Reason, detail: string): void {
    if (this.response.headersSent) {
      this.detail = detail;
      this.outcome = "upstream_cut";
      this.cutClient();
      return;
    }
    if (this.dispatchedAt !== 0) this.answeredAt = this.deps.clock.monotonic();
    this.answerFailure(reason, detail);
  }

  #onRequestData(chunk: Buffer): void {
    if (this.#upstream === null) return;
    this.bytesIn += chunk.length;
    if (this.route !== null && this.bytesIn > this.route.bodyLimit) {
      this.#dropUpstream();
      this.#fail("body_too_large", "the body grew over its limit");
      return;
    }
    if (!this.#upstream.writeBody(chunk)) this.request.pause();
  }

  #onRequestEnd(): void {
    this.#upstream?.endBody(passTrailers(this.request.rawTrailers, this.#portalField()).flat());
  }

  /** The field that names the portal: it was judged where it stands in the head, so it may not come again behind. */
  #portalField(): string | null {
    const selector = this.route?.route.portal ?? null;
    return selector?.kind === "header" ? selector.name : null;
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
    if (this.isOwn && this.status === 0 && this.response.headersSent) this.status = this.response.statusCode;
    if (!this.response.writableFinished) {
      if (UNDER_WAY.has(this.outcome)) this.outcome = "client_closed";
      if (this.status === 0) this.status = CLIENT_CLOSED_STATUS;
      this.ended = true;
    }
    this.#dropUpstream();
    this.#lists?.destroy();
    this.deps.recorder.finished(this);
    if (!this.bodyIsWhole()) this.connection.unreadBody = this.request;
    this.connection.done(this);
    // The client was not told that its connection ends, where the answer began before the draining.
    if (this.deps.draining() && this.connection.current === null) this.connection.socket.destroySoon();
  }
}

/** What the outcome is until the answer is over. */
const UNDER_WAY: ReadonlySet<Outcome> = new Set(["allowed", "public", "own_endpoint"]);

/** Inspected bodies up to this size, bytes, are worth a copy to save a write. */
const BODY_WITH_HEAD = 16 * 1024;
