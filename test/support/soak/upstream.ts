import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { ChunkedDecoder } from "../../../src/http1/chunked.ts";
import { makePlan, type Plan } from "./plan.ts";
import { chunked, indexOf } from "./request-text.ts";

/** What the upstream saw of a request. */
export interface Seen {
  /** How often its head came. More than once is a retry. */
  heads: number;
  /** Body bytes of the last time. */
  bodyBytes: number;
  bodyWhole: boolean;
  /** Body bytes of the answer that were handed to the socket. */
  sent: number;
}

/**
 * A service that goes wrong as the plan of each request says. Raw sockets, so that it can break framing; it keeps
 * books of its own by the marker in the path.
 */
export class FaultyUpstream {
  readonly seen = new Map<number, Seen>();
  /** Requests that no plan knows, credentials that came through, and other things that must not be. */
  readonly violations: string[] = [];
  readonly #seed: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Map<number, () => void>();

  constructor(seed: number) {
    this.#seed = seed;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the system gave no port");
    return address.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  /** Resolves once the head of the request was here. */
  arrived(index: number): Promise<void> {
    if (this.seen.has(index)) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.set(index, resolve));
  }

  /** Takes back a wait that is no longer needed. */
  forget(index: number): void {
    this.#waiters.delete(index);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    const reader = new RequestReader(socket, (head) => this.#begin(socket, head));
    socket.on("data", (bytes: Buffer) => {
      try {
        reader.push(bytes);
      } catch (error) {
        this.violations.push(String(error));
        socket.destroy();
      }
    });
  }

  #begin(socket: Socket, head: string): Receiver | null {
    const [requestLine = "", ...fields] = head.split("\r\n");
    const index = indexOf(requestLine.split(" ")[1] ?? "");
    if (index < 0) {
      this.violations.push(`unknown request: ${requestLine}`);
      socket.destroy();
      return null;
    }
    if (fields.some((field) => /^(authorization|x-api-key):/i.test(field))) {
      this.violations.push(`m${index}: a credential reached the upstream`);
    }
    const plan = makePlan(this.#seed, index);
    const seen = this.seen.get(index) ?? { heads: 0, bodyBytes: 0, bodyWhole: false, sent: 0 };
    this.seen.set(index, seen);
    seen.heads++;
    seen.bodyBytes = 0;
    this.#waiters.get(index)?.();
    this.#waiters.delete(index);
    if (!requestLine.startsWith(`${plan.method} `)) this.violations.push(`m${index}: another method, ${requestLine}`);
    if (plan.fault === "early") answer(socket, plan, seen);
    return {
      framing: framingOf(fields),
      data: (bytes) => {
        seen.bodyBytes += bytes;
      },
      end: () => {
        seen.bodyWhole = true;
        if (plan.fault !== "early") answer(socket, plan, seen);
      },
    };
  }
}

/** Takes the body of one request. */
interface Receiver {
  readonly framing: { readonly chunked: boolean; readonly length: number };
  data(bytes: number): void;
  end(): void;
}

function framingOf(fields: readonly string[]): Receiver["framing"] {
  const length = fields.find((field) => /^content-length:/i.test(field))?.split(":")[1];
  return { chunked: fields.some((field) => /^transfer-encoding:/i.test(field)), length: Number(length ?? 0) };
}

/** Splits what comes over a connection into heads and bodies. */
class RequestReader {
  readonly #socket: Socket;
  readonly #begin: (head: string) => Receiver | null;
  #head = "";
  #receiver: Receiver | null = null;
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #tunnel = false;

  constructor(socket: Socket, begin: (head: string) => Receiver | null) {
    this.#socket = socket;
    this.#begin = begin;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#socket.destroyed) {
      if (this.#tunnel) {
        this.#socket.write(bytes.subarray(at));
        return;
      }
      at = this.#receiver === null ? this.#pushHead(bytes, at) : this.#pushBody(bytes, at, this.#receiver);
    }
  }

  #pushHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1", at);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return bytes.length;
    const head = this.#head.slice(0, end);
    this.#head = "";
    this.#tunnel = /\r\nupgrade: websocket/i.test(head);
    this.#receiver = this.#begin(head);
    if (this.#receiver !== null) {
      this.#left = this.#receiver.framing.length;
      this.#decoder = this.#receiver.framing.chunked ? new ChunkedDecoder() : null;
      if (this.#decoder === null && this.#left === 0) this.#end(this.#receiver);
    }
    return at + end + 4 - before;
  }

  #pushBody(bytes: Buffer, at: number, receiver: Receiver): number {
    if (this.#decoder === null) {
      const end = Math.min(bytes.length, at + this.#left);
      receiver.data(end - at);
      this.#left -= end - at;
      if (this.#left === 0) this.#end(receiver);
      return end;
    }
    const next = this.#decoder.decode(bytes, at, { data: (chunk) => receiver.data(chunk.length) });
    if (typeof next === "string") throw new Error(`the sidecar sent a malformed chunk: ${next}`);
    if (this.#decoder.done) this.#end(receiver);
    return next;
  }

  #end(receiver: Receiver): void {
    this.#receiver = null;
    this.#decoder = null;
    receiver.end();
  }
}

const FILLER = Buffer.alloc(1024 * 1024, "y");

/** Answers as the plan says. */
function answer(socket: Socket, plan: Plan, seen: Seen): void {
  switch (plan.fault) {
    case "reset":
      socket.resetAndDestroy();
      return;
    case "malformed":
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
      return;
    case "hang":
      return;
    case "slow":
      // In the plan's own time, but for those whose client leaves meanwhile: they wait for its leaving.
      setTimeout(() => respond(socket, plan, seen), plan.abort === "waiting" ? 200 : 20 + (plan.index % 60));
      return;
    case "continue":
      socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      break;
    case "hints":
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
      break;
    default:
  }
  respond(socket, plan, seen);
}

function respond(socket: Socket, plan: Plan, seen: Seen): void {
  if (socket.destroyed) return;
  if (plan.route === "live") {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    return;
  }
  const body = FILLER.subarray(0, plan.responseSize);
  const framing = plan.fault === "early" && plan.responseFraming === "close" ? "length" : plan.responseFraming;
  socket.write(headOf(plan, framing), "latin1");
  if (plan.fault === "reset-after-head") {
    // Once the head is out, so that the reset does not overtake it.
    setTimeout(() => socket.resetAndDestroy(), 5);
    return;
  }
  if (plan.route === "events") return stream(socket, plan, seen);
  if (plan.fault === "cut") {
    const coded = framing === "chunked" ? chunked(body) : body;
    socket.end(coded.subarray(0, Math.floor(coded.length / 2)));
    return;
  }
  seen.sent = body.length;
  if (plan.method !== "HEAD" && plan.status !== 204 && plan.status !== 304) {
    socket.write(framing === "chunked" ? chunked(body) : body);
  }
  if (framing === "close") socket.end();
}

function headOf(plan: Plan, framing: Plan["responseFraming"]): string {
  const lines = [`HTTP/1.1 ${plan.status} Whatever`, `X-Marker: m${plan.index}`];
  if (plan.route === "events") lines.push("Content-Type: text/event-stream", "Cache-Control: no-store");
  const noBody = plan.status === 204 || plan.status === 304;
  if (!noBody) {
    if (framing === "length") lines.push(`Content-Length: ${plan.responseSize}`);
    if (framing === "chunked") lines.push("Transfer-Encoding: chunked");
    if (framing === "close") lines.push("Connection: close");
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Events of 64 bytes, some milliseconds apart. */
function stream(socket: Socket, plan: Plan, seen: Seen): void {
  if (socket.destroyed) return;
  const done = seen.sent >= plan.responseSize;
  const half = plan.fault === "cut" && seen.sent >= plan.responseSize / 2;
  if (half) {
    socket.end();
    return;
  }
  socket.write(done ? "0\r\n\r\n" : `40\r\ndata: ${"z".repeat(56)}\n\n\r\n`);
  if (done) return;
  seen.sent += 64;
  setTimeout(() => stream(socket, plan, seen), 3);
}
