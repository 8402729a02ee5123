import { hasOddBytes, readFields } from "./field.ts";

/** How a response body ends (RFC 9112 §6.3). */
export type ResponseFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** The head of a response. `fields` are as received, name and value by turns, Latin-1. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
  /** The values of `Connection`, joined. */
  readonly connection: string | null;
  /** The first `Content-Type`. */
  readonly contentType: string | null;
  readonly framing: ResponseFraming;
  /** The connection may carry another request when the body is done. */
  readonly keepAlive: boolean;
}

export type ResponseHeadResult =
  | { readonly kind: "head"; readonly head: ResponseHead; readonly end: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "invalid"; readonly detail: string };

/** Longest response head that is read, in bytes. */
export const MAX_RESPONSE_HEAD = 64 * 1024;

const INCOMPLETE: ResponseHeadResult = { kind: "incomplete" };
const NO_BODY: ResponseFraming = { kind: "none" };
const CHUNKED: ResponseFraming = { kind: "chunked" };
const UNTIL_CLOSE: ResponseFraming = { kind: "close" };
const VERSION = "HTTP/1.";
const ODD_HEAD = "the response head holds a control character or a bare line end";
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const LENGTH = /^[0-9]{1,15}$/;

/**
 * Reads a response head from `bytes` at `start`, strictly. `requestMethod` decides whether a body
 * follows (HEAD has none). Anything that two readers could frame in two ways is invalid: two lengths,
 * a length beside a transfer coding, a coding other than `chunked`, HTTP/1.0 with a transfer coding.
 */
export function readResponseHead(bytes: Buffer, start: number, requestMethod: string): ResponseHeadResult {
  const end = bytes.indexOf("\r\n\r\n", start, "latin1");
  if (end < 0) return readUnfinished(bytes, start);
  if (end - start > MAX_RESPONSE_HEAD) return invalid("the response head is too long");
  const text = bytes.toString("latin1", start, end + 2);
  if (hasOddBytes(text)) return invalid(ODD_HEAD);
  const lineEnd = text.indexOf("\r\n");
  const match = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (match === null) return invalid("the status line is malformed");
  const fields: string[] = [];
  const problem = readFields(text, lineEnd + 2, text.length, fields);
  if (problem !== null) return invalid(problem);
  const status = Number(match[2]);
  const head = frame(status, match[3] ?? "", match[1] === "0", fields, requestMethod);
  return typeof head === "string" ? invalid(head) : { kind: "head", head, end: end + 4 };
}

/** What can't become a valid head is invalid at once, rather than when a time-out ends the wait for its end. */
function readUnfinished(bytes: Buffer, start: number): ResponseHeadResult {
  if (bytes.length - start > MAX_RESPONSE_HEAD) return invalid("the response head is too long");
  const text = bytes.toString("latin1", start);
  if (!text.startsWith(VERSION.slice(0, text.length))) return invalid("the status line is malformed");
  // A CR at the end may yet get its LF.
  if (hasOddBytes(text.endsWith("\r") ? text.slice(0, -1) : text)) return invalid(ODD_HEAD);
  return INCOMPLETE;
}

function invalid(detail: string): ResponseHeadResult {
  return { kind: "invalid", detail };
}

function frame(
  status: number,
  statusText: string,
  http10: boolean,
  fields: readonly string[],
  requestMethod: string,
): ResponseHead | string {
  let length = -1;
  let chunked = false;
  let keepAlive = !http10;
  let close = false;
  let connection: string | null = null;
  let contentType: string | null = null;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    const value = fields[i + 1] ?? "";
    // Lengths tell most names apart from the four that matter, without lower-casing each.
    if (name.length === 14 && name.toLowerCase() === "content-length") {
      if (length >= 0) return "two lengths";
      if (!LENGTH.test(value)) return "the length is not a number";
      length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (chunked || value.toLowerCase() !== "chunked") return "the transfer coding is not exactly `chunked`";
      chunked = true;
    } else if (name.length === 10 && name.toLowerCase() === "connection") {
      connection = connection === null ? value : `${connection}, ${value}`;
      const options = value.toLowerCase();
      if (options.includes("close")) close = true;
      else if (options.includes("keep-alive")) keepAlive = true;
    } else if (name.length === 12 && name.toLowerCase() === "content-type") {
      contentType ??= value;
    }
  }
  if (close) keepAlive = false;
  if (chunked && length >= 0) return "a length beside a transfer coding";
  if (chunked && http10) return "HTTP/1.0 with a transfer coding";
  const framing = framingOf(status, requestMethod, chunked, length);
  keepAlive &&= framing.kind !== "close";
  return { status, statusText, fields, connection, contentType, framing, keepAlive };
}

/** RFC 9112 §6.3, for one length or coding at most; `length` below 0 is none. */
function framingOf(status: number, requestMethod: string, chunked: boolean, length: number): ResponseFraming {
  if (status < 200 || status === 204 || status === 304 || requestMethod === "HEAD") return NO_BODY;
  if (chunked) return CHUNKED;
  if (length === 0) return NO_BODY;
  return length > 0 ? { kind: "length", length } : UNTIL_CLOSE;
}
