import type { IncomingMessage, ServerResponse } from "node:http";
import { deny, type Deny } from "../core/decision.ts";

/** What is read and thrown away of a body that nobody wants, before the connection is closed. */
const LINGER_BYTES = 1024 * 1024;
/** How long, ms. */
export const LINGER_MS = 2_000;

/** How long a body may take that Portcullis reads itself, to decide by it or at endpoints of its own, ms. */
export const BODY_MS = 30_000;

/** Bodies that are read before the decision, over all requests of the process. */
export class BodyBudget {
  #left: number;

  /** `bytes` may be held at once. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** False where it would be over the budget. What was taken is given back. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** A body that was read whole, or why it was not. */
export type CollectedBody =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "refused"; readonly deny: Deny }
  | { readonly kind: "client_gone" };

const TOO_LARGE = deny("body_too_large", "longer than what is read before the decision");
const BUSY = deny("too_many_requests", "other bodies fill limits.inspect_total");
const TOO_SLOW = deny("request_timeout", "the body took too long to arrive");

export interface BodyBounds {
  /** Longest body, bytes. */
  readonly limit: number;
  readonly budget: BodyBudget;
  /** The whole body has to be there so long after its first bytes, ms. */
  readonly timeoutMs: number;
}

/** Reads a body whole within its bounds; the rest of another one is left unread. Never rejects. */
export function collectBody(
  request: IncomingMessage,
  { limit, budget, timeoutMs }: BodyBounds,
): Promise<CollectedBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let timer: NodeJS.Timeout | undefined;
    const settle = (body: CollectedBody): void => {
      clearTimeout(timer);
      budget.giveBack(size);
      request.off("data", onData);
      request.off("end", onEnd);
      request.off("close", onClose);
      request.off("error", onClose);
      resolve(body);
    };
    const stop = (denied: Deny): void => {
      request.pause();
      settle({ kind: "refused", deny: denied });
    };
    const onData = (chunk: Buffer): void => {
      if (size + chunk.length > limit) return stop(TOO_LARGE);
      if (!budget.take(chunk.length)) return stop(BUSY);
      size += chunk.length;
      chunks.push(chunk);
      // Most bodies come in one piece; where nothing comes at all, the connection's own time-out ends it.
      if (!request.complete) timer ??= setTimeout(() => stop(TOO_SLOW), timeoutMs);
    };
    const onEnd = (): void =>
      settle({ kind: "whole", bytes: (chunks.length === 1 ? chunks[0] : undefined) ?? Buffer.concat(chunks) });
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
export function lingerThenEnd(
  request: IncomingMessage,
  response: Pick<ServerResponse, "write" | "end" | "flushHeaders">,
  lastChunk: Buffer | string,
): void {
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
