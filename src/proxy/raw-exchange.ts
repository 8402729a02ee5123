import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Outcome, Reason } from "../core/decision.ts";
import { CLIENT_CLOSED_STATUS, Exchange, type ExchangeDeps, type ExchangeStart } from "./exchange.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import type { Answer } from "./refusal.ts";
import { type CollectedBody, LINGER_MS } from "./request-body.ts";
import type { RouteRuntime } from "./route-runtime.ts";

/**
 * A request on a socket that node:http no longer serves: one whose head could not be read, a CONNECT,
 * or (by extension) an upgrade. The answer is written as bytes, and the connection ends with it.
 */
export class RawExchange extends Exchange {
  protected readonly socket: Socket;
  protected answered = false;
  protected readonly deps: ExchangeDeps;
  readonly #bytesReadBefore: number;
  readonly #bytesWrittenBefore: number;

  constructor(socket: Socket, line: ExchangeStart, deps: ExchangeDeps) {
    super(line);
    this.socket = socket;
    line.connection.ending = true;
    this.deps = deps;
    this.#bytesReadBefore = socket.bytesRead;
    this.#bytesWrittenBefore = socket.bytesWritten;
    // Without a listener an error of the socket would end the process; `close` always follows.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#onClose());
  }

  get over(): boolean {
    return this.answered || this.socket.destroyed;
  }

  /** Nothing here has a body: the listener refuses an upgrade with one. */
  async readBody(): Promise<CollectedBody> {
    return { kind: "whole", bytes: Buffer.alloc(0) };
  }

  answer(answer: Answer): void {
    if (this.answered || this.socket.destroyed) return;
    this.answered = true;
    this.status = answer.status;
    // Read on for a while: closing with unread bytes would reset the connection under the answer.
    this.socket.resume();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once("close", () => clearTimeout(timer));
    this.socket.end(rawAnswer(answer, new Date(this.deps.clock.now())));
  }

  forward(_route: RouteRuntime): void {
    throw new Error("a request without a readable head cannot be forwarded");
  }

  /** Pages and documents are asked for in plain HTTP. */
  serveOwn(_own: OwnEndpoints): boolean {
    return false;
  }

  cut(outcome: Outcome): void {
    // What was answered stays the outcome, however the client takes it.
    if (!this.answered || this.isStream) this.outcome = outcome;
    this.socket.destroy();
  }

  takeBack(): "taken" | "answering" | "over" {
    return this.over ? "over" : "taken";
  }

  abandoned(): void {
    this.#onClose();
  }

  malformed(reason: Reason, detail: string): void {
    this.answerFailure(reason, detail);
  }

  awaitsBody(): boolean {
    return false;
  }

  awaitsClient(): boolean {
    return false;
  }

  /** What an extension has to end with the socket. */
  protected closed(): void {}

  #onClose(): void {
    this.closed();
    this.bytesIn = this.socket.bytesRead - this.#bytesReadBefore;
    this.bytesOut = this.socket.bytesWritten - this.#bytesWrittenBefore;
    if (this.status === 0) this.status = CLIENT_CLOSED_STATUS;
    this.deps.recorder.finished(this);
    this.connection.done(this);
  }
}

function rawAnswer(answer: Answer, date: Date): string {
  let text = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n`;
  for (let i = 0; i < answer.fields.length; i += 2) text += `${answer.fields[i]}: ${answer.fields[i + 1]}\r\n`;
  return `${text}Connection: close\r\nDate: ${date.toUTCString()}\r\n\r\n${answer.body}`;
}
