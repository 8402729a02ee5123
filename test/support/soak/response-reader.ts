import { ChunkedDecoder } from "../../../src/http1/chunked.ts";

/** Reads one answer as a client does, 1xx before it included. */
export class ResponseReader {
  status = 0;
  bodyBytes = 0;
  /** The answer came to its end. */
  complete = false;
  requestId: string | null = null;
  marker: string | null = null;
  /** The answer is over, or never will be. */
  done = false;
  /** Resolves with the first byte of the final head read. */
  readonly started: Promise<void>;
  /** Resolves with `100 Continue`. */
  readonly mayContinue: Promise<void>;
  readonly #method: string;
  readonly #start: () => void;
  readonly #continue: () => void;
  #head = "";
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #untilClose = false;
  #keepAlive = true;
  #echo: { left: number; resolve: () => void } | null = null;

  constructor(method: string) {
    this.#method = method;
    const started = Promise.withResolvers<void>();
    const mayContinue = Promise.withResolvers<void>();
    this.started = started.promise;
    this.mayContinue = mayContinue.promise;
    this.#start = started.resolve;
    this.#continue = mayContinue.resolve;
  }

  /** The connection may carry another request. */
  get reusable(): boolean {
    return this.complete && this.#keepAlive;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.done)
      at = this.status === 0 ? this.#pushHead(bytes, at) : this.#pushBody(bytes, at);
    if (at < bytes.length && this.done)
      throw new Error(`bytes behind the answer: ${bytes.toString("latin1", at, at + 200)}`);
  }

  /** The connection is closed. */
  closed(): void {
    if (this.#untilClose && !this.done) this.complete = true;
    this.done = true;
    this.#keepAlive = false;
  }

  /** Resolves once so many bytes came through the tunnel. */
  tunnelled(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#echo = { left: bytes, resolve };
    });
  }

  finishTunnel(): void {
    this.complete = true;
    this.#keepAlive = false;
  }

  #pushHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1", at);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return bytes.length;
    const head = this.#head.slice(0, end);
    this.#head = "";
    this.#readHead(head);
    return at + end + 4 - before;
  }

  #readHead(head: string): void {
    const status = Number(/^HTTP\/1\.1 (\d{3})(?: |\r|$)/.exec(head)?.[1] ?? Number.NaN);
    if (!(status >= 100)) throw new Error(`a malformed answer: ${head.slice(0, 100)}`);
    if (status < 200 && status !== 101) {
      if (status === 100) this.#continue();
      return;
    }
    const field = (name: string): string | null =>
      new RegExp(`\\r\\n${name}: (.*?)(?=\\r\\n|$)`, "i").exec(head)?.[1] ?? null;
    this.status = status;
    this.requestId = field("x-request-id");
    this.marker = field("x-marker");
    this.#keepAlive = field("connection")?.toLowerCase() !== "close";
    this.#frame(status, field("content-length"), field("transfer-encoding"));
    this.#start();
  }

  #frame(status: number, length: string | null, coding: string | null): void {
    if (status === 101) this.#untilClose = false;
    else if (status === 204 || status === 304 || this.#method === "HEAD") this.#finish();
    else if (coding !== null) this.#decoder = new ChunkedDecoder();
    else if (length === null) this.#untilClose = true;
    else {
      this.#left = Number(length);
      if (this.#left === 0) this.#finish();
    }
  }

  #pushBody(bytes: Buffer, at: number): number {
    if (this.status === 101) return this.#pushTunnel(bytes, at);
    if (this.#decoder !== null) {
      const count = (chunk: Buffer): void => {
        this.bodyBytes += chunk.length;
      };
      const next = this.#decoder.decode(bytes, at, { data: count });
      if (typeof next === "string") throw new Error(`a malformed chunk: ${next}`);
      if (this.#decoder.done) this.#finish();
      return next;
    }
    const end = this.#untilClose ? bytes.length : Math.min(bytes.length, at + this.#left);
    this.bodyBytes += end - at;
    this.#left -= end - at;
    if (!this.#untilClose && this.#left === 0) this.#finish();
    return end;
  }

  #pushTunnel(bytes: Buffer, at: number): number {
    this.bodyBytes += bytes.length - at;
    const echo = this.#echo;
    if (echo !== null) {
      echo.left -= bytes.length - at;
      if (echo.left <= 0) echo.resolve();
    }
    return bytes.length;
  }

  #finish(): void {
    this.complete = true;
    this.done = true;
  }
}
