import type { Socket } from "node:net";

/** An HTTP/1.1 message as it came, read leniently: what a test expects of it, the test says. */
export interface Message {
  readonly startLine: string;
  /** Name and value, in the order of arrival, Latin-1. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly trailers: readonly (readonly [string, string])[];
  /** The head as it came, with its empty line. */
  readonly head: string;
}

/** The values of a field, by its name in lower case. */
export function valuesOf(message: Message, name: string): string[] {
  return message.fields.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value);
}

/** The status of a response. */
export function statusOf(message: Message): number {
  return Number(message.startLine.split(" ")[1]);
}

/** How a connection ended: in order, or by a reset or another error. */
export interface WireEnd {
  readonly error: string | null;
}

/**
 * One end of a TCP or TLS connection: records every byte that it gets, and gives them out as messages.
 * Every wait ends in an error, with what was received, where the connection ends first.
 */
export class Wire {
  readonly socket: Socket;
  /** Resolves once the connection is closed on both sides; never rejects. */
  readonly closed: Promise<WireEnd>;
  #received: Buffer[] = [];
  #joined: Buffer = Buffer.alloc(0);
  #cursor = 0;
  #finished = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    let failure: string | null = null;
    socket.on("data", (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#wake();
    });
    socket.on("end", () => this.#finish());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#finish();
        resolve({ error: failure });
      });
    });
  }

  /** Every byte so far. */
  get received(): Buffer {
    if (this.#received.length > 0) {
      this.#joined = Buffer.concat([this.#joined, ...this.#received]);
      this.#received = [];
    }
    return this.#joined;
  }

  /** Every byte so far, as Latin-1. */
  get text(): string {
    return this.received.toString("latin1");
  }

  /** The other side will send no more. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Resolves once the other side has sent all that it will: FIN or the end of the connection. */
  async end(): Promise<void> {
    while (!this.#finished) await this.#change();
  }

  /** Sends bytes (text is Latin-1). Resolves once the system took them. */
  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve());
    });
  }

  /** Ends the connection by a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves once what came in so far holds `text`. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) await this.#more(`bytes with ${JSON.stringify(text)}`);
  }

  /** The next message's head, without taking it. */
  async head(): Promise<string> {
    for (;;) {
      const end = this.received.indexOf("\r\n\r\n", this.#cursor);
      if (end >= 0) return this.received.toString("latin1", this.#cursor, end + 4);
      await this.#more("a head");
    }
  }

  /** Takes the next request, with its whole body. */
  nextRequest(): Promise<Message> {
    return this.#next("request", (head, at) => this.#framedBody(head, at, at));
  }

  /** Takes the next response, with its whole body. Interim ones (1xx) are responses of their own. */
  nextResponse(method = "GET"): Promise<Message> {
    return this.#next("response", (head, at) => {
      const status = Number(head.split(" ")[1]);
      if (method === "HEAD" || status < 200 || status === 204 || status === 304) return emptyBody(at);
      return this.#framedBody(head, at, this.#finished ? this.received.length : null);
    });
  }

  async #next(kind: string, read: (head: string, at: number) => Body | null): Promise<Message> {
    for (;;) {
      const end = this.received.indexOf("\r\n\r\n", this.#cursor);
      if (end >= 0) {
        const head = this.received.toString("latin1", this.#cursor, end + 4);
        const body = read(head, end + 4);
        if (body !== null) {
          this.#cursor = body.end;
          const [startLine = ""] = head.split("\r\n", 1);
          return { startLine, fields: fieldsOf(head), head, body: body.bytes, trailers: body.trailers };
        }
      }
      await this.#more(`a whole ${kind}`);
    }
  }

  /** `unframedEnd` is where a body without framing ends; `null` where that is not known yet. */
  #framedBody(head: string, at: number, unframedEnd: number | null): Body | null {
    const bytes = this.received;
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) return chunkedBody(bytes, at);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const end = length === undefined ? unframedEnd : at + Number(length);
    return end === null || end > bytes.length ? null : { bytes: bytes.subarray(at, end), trailers: [], end };
  }

  async #more(wanted: string): Promise<void> {
    if (this.#finished) {
      throw new Error(`the connection ended before ${wanted}; received: ${JSON.stringify(this.text.slice(-2000))}`);
    }
    await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #finish(): void {
    this.#finished = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

interface Body {
  readonly bytes: Buffer;
  readonly trailers: readonly (readonly [string, string])[];
  readonly end: number;
}

function emptyBody(end: number): Body {
  return { bytes: Buffer.alloc(0), trailers: [], end };
}

function fieldsOf(head: string): [string, string][] {
  return head
    .split("\r\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}

function chunkedBody(bytes: Buffer, start: number): Body | null {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return null;
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  const end = bytes.indexOf("\r\n", at) === at ? at + 2 : bytes.indexOf("\r\n\r\n", at) + 4;
  if (end < at + 2) return null;
  return { bytes: Buffer.concat(parts), trailers: fieldsOf(`\r\n${bytes.toString("latin1", at, end)}`), end };
}
