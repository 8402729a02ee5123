import type { IncomingMessage, ServerResponse } from "node:http";
import { lingerThenEnd } from "./request-body.ts";

/** What the line wants to know and to say of an answer that our own endpoints write to node:http. */
export interface OwnAnswerHooks {
  /** Before the head: the last time to set fields. */
  head(): void;
  /** Bytes of the request's body that came in. */
  received(bytes: number): void;
  /** Bytes of the answer's body that go out. */
  sent(bytes: number): void;
  /** True where the rest of the request's body is too large to be read only to be thrown away. */
  bodyIsLeft(): boolean;
}

/**
 * Puts hooks around an answer that others write, whatever way they write it. An answer that ends before the request's
 * body is whole is kept open for a while, so that the client can read it (see `lingerThenEnd`).
 */
export function watchOwnAnswer(request: IncomingMessage, response: ServerResponse, hooks: OwnAnswerHooks): void {
  const writeHead = response.writeHead.bind(response);
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  const push = request.push.bind(request);
  let lingers = false;
  hooks.received(request.readableLength);
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) hooks.received(chunk.length);
    return push(chunk, encoding);
  };
  response.writeHead = (...given: readonly unknown[]) => {
    hooks.head();
    Reflect.apply(writeHead, response, given);
    return response;
  };
  response.write = (...given: readonly unknown[]) => {
    hooks.sent(sizeOf(given[0], given[1]));
    return Reflect.apply(write, response, given) === true;
  };
  response.end = (...given: readonly unknown[]) => {
    if (lingers) return response;
    hooks.sent(sizeOf(given[0], given[1]));
    lingers = !response.writableEnded && hooks.bodyIsLeft();
    if (lingers) lingerThenEnd(request, { write, end, flushHeaders: () => response.flushHeaders() }, bytesOf(given));
    else Reflect.apply(end, response, given);
    return response;
  };
}

function sizeOf(chunk: unknown, encoding: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.length;
  return typeof chunk === "string" ? Buffer.byteLength(chunk, encodingOf(encoding)) : 0;
}

function bytesOf([chunk, encoding]: readonly unknown[]): Buffer {
  if (chunk instanceof Uint8Array) return Buffer.from(chunk);
  return typeof chunk === "string" ? Buffer.from(chunk, encodingOf(encoding)) : Buffer.alloc(0);
}

function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
}
