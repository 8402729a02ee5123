import type { IncomingMessage, ServerResponse } from "node:http";

/** What is read and thrown away of a body that nobody wants, before the connection is closed. */
const LINGER_BYTES = 1024 * 1024;
/** How long, ms. */
export const LINGER_MS = 2_000;

/** A body that was read whole, or why it was not. */
export type CollectedBody =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too_large" }
  | { readonly kind: "client_gone" };

/** Reads a body whole, `limit` bytes at most; the rest of a longer one is left unread. Never rejects. */
export function collectBody(request: IncomingMessage, limit: number): Promise<CollectedBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (body: CollectedBody): void => {
      request.off("data", onData);
      request.off("end", onEnd);
      request.off("close", onClose);
      request.off("error", onClose);
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      settle({ kind: "too_large" });
    };
    const onEnd = (): void => settle({ kind: "whole", bytes: Buffer.concat(chunks) });
    const onClose = (): void => settle({ kind: "client_gone" });
    request.on("data", onData);
    request.on("end", onEnd);
    request.on("close", onClose);
    request.on("error", onClose);
  });
}

/**
 * Ends an answer while its request is still coming in. The end of the response closes the connection,
 * and closing it with unread bytes would reset it, so that the client might never read the answer
 * (RFC 9112 §9.6). So the answer is sent, what still comes is thrown away for a while, then it ends.
 */
export function lingerThenEnd(request: IncomingMessage, response: ServerResponse, lastChunk: Buffer | string): void {
  if (lastChunk.length > 0) response.write(lastChunk);
  else response.flushHeaders();
  let discarded = 0;
  const timer = setTimeout(end, LINGER_MS);
  function end(): void {
    clearTimeout(timer);
    request.off("end", end);
    request.off("close", end);
    response.end();
  }
  request.on("data", (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) end();
  });
  request.on("end", end);
  request.on("close", end);
  request.on("error", end);
  request.resume();
}
