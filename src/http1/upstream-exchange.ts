import type { UpstreamConnection } from "./upstream-connection.ts";
import type { ResponseHead } from "./response-head.ts";

/** Codes of the error table that a failing upstream leads to. */
export type UpstreamFailureCode =
  | "upstream_unreachable"
  | "upstream_invalid"
  | "upstream_timeout"
  | "upstream_overloaded";

/** Why an exchange with an upstream failed. `detail` is for operators. */
export interface UpstreamFailure {
  readonly code: UpstreamFailureCode;
  readonly detail: string;
}

/** How a request body is framed towards the upstream. */
export type RequestBodyKind = "none" | "length" | "chunked";

/**
 * One request and the receiver of its response. One object with methods rather than closures, since
 * one is made for every request. After `responseEnd` or `failed` nothing more is called.
 */
export interface UpstreamExchange {
  readonly method: string;
  readonly bodyKind: RequestBodyKind;
  /** The whole head with its empty line, Latin-1. Read when a connection is there. */
  readonly upstreamHead: string;
  /** The head was written: the body may be written to `connection` now. */
  connected(connection: UpstreamConnection): void;
  /** The connection takes more of the request body. */
  drained(): void;
  /** A 1xx other than 101. */
  informational(head: ResponseHead): void;
  responseHead(head: ResponseHead): void;
  /** False asks the connection to stop reading until `resume`. `last` is true where no more bytes follow. */
  responseBody(chunk: Buffer, last: boolean): boolean;
  /** All that was read so far has been handed over; what waits for company should be sent. */
  responseFlush(): void;
  responseEnd(trailers: readonly string[]): void;
  failed(failure: UpstreamFailure): void;
}
