import type { IncomingMessage, ServerResponse } from "node:http";
import { Exchange, type ExchangeDeps, type ExchangeStart } from "./exchange.ts";
import { watchOwnAnswer } from "./own-answer.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import type { Answer } from "./refusal.ts";
import { lingerThenEnd } from "./request-body.ts";

/** A request of node:http with its response. */
export interface HttpMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The client's side of a request that came in by node:http: how it is answered, and how the answer ends. */
export abstract class HttpResponder extends Exchange {
  protected readonly request: IncomingMessage;
  protected readonly response: ServerResponse;
  protected readonly deps: ExchangeDeps;
  /** The answer is complete, or there will be none. */
  protected ended = false;
  /** The head is written and waits for company. */
  protected headWaits = false;
  #waitsForDrain = false;

  constructor(message: HttpMessage, line: ExchangeStart, deps: ExchangeDeps) {
    super(line);
    this.request = message.request;
    this.response = message.response;
    this.deps = deps;
  }

  /** The client takes more after `write` returned false. */
  protected abstract clientDrained(): void;

  get over(): boolean {
    return this.ended || this.response.destroyed;
  }

  answer(answer: Answer): void {
    if (this.response.headersSent || this.response.destroyed) {
      this.response.destroy();
      return;
    }
    this.ended = true;
    if (this.isOwn) for (const name of this.response.getHeaderNames()) this.response.removeHeader(name);
    // After a head that is malformed nobody can say where the next one begins.
    if (this.head.problem !== null) {
      this.connection.end();
      this.response.shouldKeepAlive = false;
    }
    this.status = answer.status;
    this.bytesOut = this.head.method === "HEAD" ? 0 : Buffer.byteLength(answer.body);
    this.response.shouldKeepAlive &&= !this.deps.draining();
    this.response.sendDate = true;
    if (!this.#bodyIsLeft()) {
      this.response.writeHead(answer.status, answer.fields);
      this.response.end(answer.body);
      return;
    }
    this.response.shouldKeepAlive = false;
    this.response.writeHead(answer.status, answer.fields);
    lingerThenEnd(this.request, this.response, answer.body);
  }

  serveOwn(own: OwnEndpoints): boolean {
    const { head, request, response } = this;
    watchOwnAnswer(request, response, {
      head: () => {
        // What the line answers after a fault is written as it is.
        if (this.ended) return;
        if (this.#bodyIsLeft() || this.deps.draining()) response.shouldKeepAlive = false;
        response.setHeader("X-Request-Id", this.requestId);
      },
      received: (bytes) => (this.bytesIn += bytes),
      sent: (bytes) => {
        if (!this.ended && head.method !== "HEAD") this.bytesOut += bytes;
      },
      bodyIsLeft: () => !this.ended && this.#bodyIsLeft(),
    });
    // The client may go in the middle of an answer; its end is recorded.
    response.on("error", () => response.destroy());
    if (head.expectsContinue) response.writeContinue();
    if (!this.bodyIsWhole()) this.#boundBody();
    own.serve(request, response, { requestId: this.requestId, clientIp: this.deps.recorder.clientIp(this) });
    return true;
  }

  /** Each byte of a body moves the time-out of silence; this one nothing moves. */
  #boundBody(): void {
    const timer = setTimeout(() => {
      if (this.bodyIsWhole()) return;
      // Answered already, and what is left of a small body drips on.
      if (this.over || this.response.writableEnded) this.connection.socket.destroy();
      else this.malformed("request_timeout", "the body took too long to arrive");
    }, this.deps.bodyMs);
    const stop = (): void => clearTimeout(timer);
    this.request.once("end", stop);
    this.request.once("close", stop);
  }

  protected write(chunk: Buffer): boolean {
    this.bytesOut += chunk.length;
    this.headWaits = false;
    if (this.response.write(chunk)) return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      this.response.once("drain", () => {
        this.#waitsForDrain = false;
        this.clientDrained();
      });
    }
    return false;
  }

  protected end(chunk: Buffer | null): void {
    this.headWaits = false;
    this.ended = true;
    if (this.bodyIsWhole()) {
      if (chunk === null || chunk.length === 0) this.response.end();
      // As text it goes out in one write with the head; a Buffer would take a second one.
      else if (chunk.length <= ANSWER_AS_TEXT) this.response.end(chunk.toString("latin1"), "latin1");
      else this.response.end(chunk);
    } else {
      lingerThenEnd(this.request, this.response, chunk ?? "");
    }
  }

  protected cutClient(): void {
    const { socket, secure } = this.connection;
    // To HTTP/1.0 a plain end would make the cut body look whole.
    const resets = this.request.httpVersionMinor === 0 && !secure;
    // While its end is under way a socket cannot be reset: it would never close.
    if (resets && !socket.destroyed && !socket.writableEnded) socket.resetAndDestroy();
    else this.response.destroy();
  }

  awaitsBody(): boolean {
    return !this.bodyIsWhole();
  }

  awaitsClient(): boolean {
    // A body that is paused waits for the upstream to take more.
    return (!this.bodyIsWhole() && !this.request.isPaused()) || this.connection.socket.writableLength > 0;
  }

  protected bodyIsWhole(): boolean {
    return this.head.bodyKind === "none" || this.head.contentLength === 0 || this.request.complete;
  }

  /** So much is left of the body that the connection ends with the answer. Of a small one node:http drops the rest. */
  #bodyIsLeft(): boolean {
    if (this.bodyIsWhole()) return false;
    const { contentLength, expectsContinue } = this.head;
    return contentLength < 0 || contentLength > SMALL_BODY || expectsContinue;
  }

  /** Sends a head that nothing came with. */
  protected flush(): void {
    if (!this.headWaits) return;
    this.headWaits = false;
    this.response.flushHeaders();
  }
}

/** A refused body up to this size, bytes, is read to its end rather than answered by closing the connection. */
const SMALL_BODY = 64 * 1024;

/** Bodies up to this size, bytes, are worth a copy to save a write. */
const ANSWER_AS_TEXT = 4096;
