/**
 * The head of a request as the line sees it. Nothing in it is normalised: what is matched here is,
 * byte for byte, what is sent to the upstream. `path` and `query` are slices of `target`.
 */
export interface RequestHead {
  /** Upper case, as sent. */
  readonly method: string;
  /** The request target in origin form, checked by `parseTarget`. */
  readonly target: string;
  readonly path: string;
  /** Behind the first `?`, without it; `""` where there is none. */
  readonly query: string;
  /** The one `Host` field, as sent. */
  readonly host: string;
  /** Names and values by turns, as sent, bytes as Latin-1. */
  readonly rawHeaders: readonly string[];
}
