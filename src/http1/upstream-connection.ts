import type { Socket } from "node:net";
import { ChunkedDecoder, type ChunkedSink } from "./chunked.ts";
import { readResponseHead, type ResponseHead } from "./response-head.ts";
import type { UpstreamExchange, UpstreamFailure } from "./upstream-exchange.ts";

/** An exchange that ended with its connection, and why. */
export interface LostExchange {
  readonly exchange: UpstreamExchange;
  readonly failure: UpstreamFailure;
}

/** What a connection needs of the pool that owns it. */
export interface ConnectionOwner {
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  now(): number;
  /** The exchange is over and the connection may carry another. */
  released(connection: UpstreamConnection): void;
  /** The connection is gone. `lost` is the exchange that got no byte of a response, if any. */
  closed(connection: UpstreamConnection, lost: LostExchange | null): void;
}

type Phase = "connecting" | "idle" | "head" | "length" | "chunked" | "until-close" | "closed";

/**
 * One keep-alive connection to an upstream: writes a request, reads its response strictly, one
 * exchange at a time. A response that breaks framing, or bytes that nobody asked for, end the
 * connection, so that no answer can reach the wrong caller.
 */
export class UpstreamConnection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  #phase: Phase = "connecting";
  #exchange: UpstreamExchange | null = null;
  #pending: Buffer | null = null;
  #remaining = 0;
  readonly #decoder = new ChunkedDecoder();
  /** Takes the decoded bytes of a chunked body; one for all of them. */
  readonly #sink: ChunkedSink = {
    data: (chunk) => {
      if (this.#exchange !== null) this.#deliver(chunk, false, this.#exchange);
    },
  };
  #keepAlive = true;
  #requestDone = false;
  #paused = false;
  #exchanges = 0;
  #responded = false;
  #bodyIdleTimeout: number;
  /** Monotonic ms at which waiting ends; `Infinity` where the other side is waited for. */
  deadline = Infinity;

  constructor(socket: Socket, connectEvent: "connect" | "secureConnect", owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#bodyIdleTimeout = owner.idleTimeout;
    this.deadline = owner.now() + owner.connectTimeout;
    socket.setNoDelay(true);
    socket.once(connectEvent, () => this.#onConnect());
    socket.on("data", (bytes: Buffer) => this.#onData(bytes));
    socket.on("drain", () => this.#onDrain());
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#fail({ code: "upstream_unreachable", detail: error.message }));
    socket.on("close", () => this.#fail({ code: "upstream_unreachable", detail: "the connection was closed" }));
  }

  /** The exchange before this one went over the same connection: it may have been closed meanwhile. */
  get reused(): boolean {
    return this.#exchanges > 1;
  }

  get usable(): boolean {
    return this.#phase === "idle" && !this.#socket.destroyed && this.#socket.writable && !this.#socket.readableEnded;
  }

  /** The exchange waits for the connection to be made: nothing of it was sent. */
  awaits(exchange: UpstreamExchange): boolean {
    return this.#phase === "connecting" && this.#exchange === exchange;
  }

  /** Starts an exchange; the connection is connecting or idle. */
  start(exchange: UpstreamExchange): void {
    this.#exchange = exchange;
    this.#exchanges++;
    this.#responded = false;
    this.#requestDone = false;
    this.#bodyIdleTimeout = this.#owner.idleTimeout;
    if (this.#phase === "idle") this.#send(exchange);
  }

  /** Writes a part of the request body. False asks to wait for `drained`. */
  writeBody(chunk: Buffer): boolean {
    const flowing = this.#exchange?.bodyKind === "chunked" ? this.#writeChunk(chunk) : this.#socket.write(chunk);
    // While it takes all that it is given, the client is waited for.
    if (this.#phase === "head") this.deadline = flowing ? Infinity : this.#owner.now() + this.#owner.idleTimeout;
    return flowing;
  }

  #writeChunk(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    this.#socket.write(chunk);
    const flowing = this.#socket.write("\r\n", "latin1");
    this.#socket.uncork();
    return flowing;
  }

  /** Ends the request body. `trailers`, name and value by turns, go out with a chunked body only. */
  endBody(trailers: readonly string[]): void {
    if (this.#exchange?.bodyKind === "chunked") {
      let text = "0\r\n";
      for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      this.#socket.write(`${text}\r\n`, "latin1");
    }
    this.#requestDone = true;
    if (this.#phase === "head") this.deadline = this.#owner.now() + this.#owner.responseTimeout;
  }

  /** Silence allowed in the response body, ms; streams get more than plain bodies. */
  setBodyIdleTimeout(ms: number): void {
    this.#bodyIdleTimeout = ms;
    if (!this.#paused) this.deadline = this.#owner.now() + ms;
  }

  /** Reads on after `responseBody` returned false. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.deadline = this.#owner.now() + this.#bodyIdleTimeout;
    this.#socket.resume();
  }

  /** Drops the exchange, whose client is gone or refused, and the connection with it. */
  abort(): void {
    this.#exchange = null;
    this.#close();
  }

  /** Ends a connection that carries no exchange. */
  retire(): void {
    this.#close();
  }

  /** Called by the pool's sweep once `deadline` has passed. */
  timedOut(): void {
    const connecting = this.#phase === "connecting";
    this.#fail({ code: "upstream_timeout", detail: connecting ? "connecting took too long" : "no answer in time" });
  }

  #onConnect(): void {
    this.#phase = "idle";
    if (this.#exchange !== null) this.#send(this.#exchange);
  }

  #send(exchange: UpstreamExchange): void {
    this.#phase = "head";
    this.#socket.write(exchange.upstreamHead, "latin1");
    if (exchange.bodyKind === "none") this.#requestDone = true;
    this.deadline = this.#requestDone ? this.#owner.now() + this.#owner.responseTimeout : Infinity;
    exchange.connected(this);
  }

  #onDrain(): void {
    if (this.#requestDone) return;
    if (this.#phase === "head") this.deadline = Infinity;
    this.#exchange?.drained();
  }

  #onData(bytes: Buffer): void {
    if (this.#exchange === null) {
      // Nobody asked for these bytes.
      this.#close();
      return;
    }
    this.#responded = true;
    // The head has one time-out as a whole, however slowly its bytes come.
    if (this.#phase !== "head") this.deadline = this.#owner.now() + this.#bodyIdleTimeout;
    const input = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#pending = null;
    const problem = this.#read(input, this.#exchange);
    if (problem !== null) this.#fail({ code: "upstream_invalid", detail: problem });
    else this.#exchange?.responseFlush();
  }

  /** Reads what `input` holds of the response. Returns the violation where there is one. */
  #read(input: Buffer, exchange: UpstreamExchange): string | null {
    let at = 0;
    while (at < input.length && this.#exchange === exchange) {
      if (this.#phase === "head") {
        const result = readResponseHead(input, at, exchange.method);
        if (result.kind === "invalid") return result.detail;
        if (result.kind === "incomplete") {
          this.#pending = input.subarray(at);
          return null;
        }
        at = result.end;
        const problem = this.#takeHead(result.head, exchange, at < input.length);
        if (problem !== null) return problem;
      } else {
        const next = this.#readBody(input, at, exchange);
        if (typeof next === "string") return next;
        at = next;
      }
    }
    return null;
  }

  #takeHead(head: ResponseHead, exchange: UpstreamExchange, more: boolean): string | null {
    if (head.status === 101) return "a switch of protocols that nobody asked for";
    if (head.status < 200) {
      exchange.informational(head);
      return null;
    }
    this.#keepAlive = head.keepAlive;
    this.deadline = this.#owner.now() + this.#bodyIdleTimeout;
    switch (head.framing.kind) {
      case "none":
        exchange.responseHead(head);
        if (this.#exchange === exchange) this.#finish(exchange, [], more);
        return null;
      case "length":
        this.#phase = "length";
        this.#remaining = head.framing.length;
        break;
      case "chunked":
        this.#phase = "chunked";
        this.#decoder.reset();
        break;
      case "close":
        this.#phase = "until-close";
        break;
    }
    exchange.responseHead(head);
    return null;
  }

  #readBody(input: Buffer, at: number, exchange: UpstreamExchange): number | string {
    if (this.#phase === "length") {
      const end = Math.min(input.length, at + this.#remaining);
      this.#remaining -= end - at;
      const last = this.#remaining === 0;
      this.#deliver(input.subarray(at, end), last, exchange);
      if (last && this.#exchange === exchange) this.#finish(exchange, [], end < input.length);
      return end;
    }
    if (this.#phase === "until-close") {
      this.#deliver(at === 0 ? input : input.subarray(at), false, exchange);
      return input.length;
    }
    const decoder = this.#decoder;
    const next = decoder.decode(input, at, this.#sink);
    if (typeof next === "string") return next;
    if (decoder.done && this.#exchange === exchange) this.#finish(exchange, decoder.trailers, next < input.length);
    return next;
  }

  #deliver(chunk: Buffer, last: boolean, exchange: UpstreamExchange): void {
    if (this.#exchange !== exchange) return;
    if (exchange.responseBody(chunk, last) || last || this.#paused) return;
    this.#paused = true;
    this.deadline = Infinity;
    this.#socket.pause();
  }

  #finish(exchange: UpstreamExchange, trailers: readonly string[], extraBytes: boolean): void {
    const reusable = this.#keepAlive && this.#requestDone && !extraBytes && !this.#socket.readableEnded;
    this.#exchange = null;
    this.#phase = "idle";
    this.deadline = Infinity;
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
    exchange.responseEnd(trailers);
    if (reusable) this.#owner.released(this);
    else this.#close();
  }

  #onEnd(): void {
    if (this.#phase === "until-close" && this.#exchange !== null) {
      const exchange = this.#exchange;
      this.#keepAlive = false;
      exchange.responseBody(EMPTY, true);
      this.#finish(exchange, [], false);
      return;
    }
    this.#fail({ code: "upstream_unreachable", detail: "the upstream closed the connection" });
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#phase === "closed") return;
    const exchange = this.#exchange;
    const lost = this.#responded || exchange === null ? null : { exchange, failure };
    this.#exchange = null;
    this.#close(lost);
    if (lost === null) exchange?.failed(failure);
  }

  #close(lost: LostExchange | null = null): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.deadline = Infinity;
    this.#socket.destroy();
    this.#owner.closed(this, lost);
  }
}

const EMPTY = Buffer.alloc(0);
