import { deny, type Deny } from "../core/decision.ts";
import type { RequestHead } from "../core/request.ts";
import { parseTarget } from "../core/target.ts";
import type { CredentialFields } from "../credentials/extract.ts";
import type { RequestBodyKind } from "../http1/upstream-exchange.ts";
import { requestFieldClass } from "../core/request-fields.ts";

/** A request head, read once: what the line needs of it, and what is wrong with it. */
export interface InboundHead extends RequestHead, CredentialFields {
  /** The first rule of HTTP that the head breaks. The line refuses with it before anything else. */
  readonly problem: Deny | null;
  readonly bodyKind: RequestBodyKind;
  /** Bytes; 0 where there is no body, -1 where only its end will tell. */
  readonly contentLength: number;
  readonly connection: string | null;
  readonly expectsContinue: boolean;
  readonly upgrade: string | null;
  readonly traceparent: string | null;
  readonly forwardedFor: string | null;
  readonly forwardedProto: string | null;
  readonly forwardedHost: string | null;
}

export interface ReadLimits {
  readonly targetBytes: number;
  /** Hosts that are served, lower case, without port; empty serves all. */
  readonly hosts: ReadonlySet<string>;
}

/** RFC 3986 §3.2.2 without user info; IP literals in brackets; an optional port. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
/** True for the value of a `Host` field. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

const LENGTH = /^[0-9]{1,15}$/;
/** Other codings, then chunked. */
const CHUNKED_LAST = /[,\s]chunked$/i;
const NOT_CHUNKED = "the transfer coding is not exactly `chunked`";

/**
 * Reads a request head strictly. The parser in front (node:http, or later our own) has split it into
 * lines; what one reader could take for another request is refused here (RFC 9112 §3, §6).
 */
export function readInbound(request: RequestParts, limits: ReadLimits): InboundHead {
  const reader = new HeadReader(request.method, request.target, request.rawHeaders);
  reader.read(request.httpVersion, limits);
  return reader;
}

/** A request head as the parser in front splits it. */
export interface RequestParts {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  /** Such as `1.1`. */
  readonly httpVersion: string;
}

/** Stands for a head that could not be read at all, for the reason given. */
export function unreadHead(problem: Deny): InboundHead {
  const reader = new HeadReader("", "", []);
  reader.problem = problem;
  return reader;
}

class HeadReader implements InboundHead {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  path = "";
  query = "";
  host = "";
  problem: Deny | null = null;
  bodyKind: RequestBodyKind = "none";
  contentLength = 0;
  authorization: string | null = null;
  authorizationCount = 0;
  apiKey: string | null = null;
  apiKeyCount = 0;
  connection: string | null = null;
  expectsContinue = false;
  upgrade: string | null = null;
  traceparent: string | null = null;
  forwardedFor: string | null = null;
  forwardedProto: string | null = null;
  forwardedHost: string | null = null;
  #hostCount = 0;

  constructor(method: string, target: string, rawHeaders: readonly string[]) {
    this.method = method;
    this.target = target;
    this.rawHeaders = rawHeaders;
  }

  read(httpVersion: string, limits: ReadLimits): void {
    if (httpVersion !== "1.1" && httpVersion !== "1.0") this.#refuse("a version of HTTP that is not spoken here");
    for (let i = 0; i < this.rawHeaders.length; i += 2) {
      this.#field(this.rawHeaders[i] ?? "", this.rawHeaders[i + 1] ?? "");
    }
    // RFC 9110 §10.1.1: HTTP/1.0 has no interim answers.
    if (httpVersion === "1.0") this.expectsContinue = false;
    if (httpVersion === "1.0" && this.bodyKind === "chunked") this.#refuse("HTTP/1.0 with a transfer coding");
    this.#checkHost(limits.hosts);
    this.#checkTarget(limits.targetBytes);
  }

  #field(name: string, value: string): void {
    switch (requestFieldClass(name)) {
      case "pass":
      case "drop":
      case "forwarded":
      case "trailer":
      case "accept-encoding":
      case "range":
      case "cookie":
      case "mcp-session-id":
        return;
      case "host":
        this.#hostCount++;
        this.host = value;
        return;
      case "authorization":
        this.authorizationCount++;
        this.authorization = value;
        return;
      case "api-key":
        this.apiKeyCount++;
        this.apiKey = value;
        return;
      case "connection":
        this.connection = this.connection === null ? value : `${this.connection}, ${value}`;
        return;
      case "content-length":
        return this.#readLength(value);
      case "transfer-encoding":
        return this.#readCoding(value);
      case "expect":
        if (value.toLowerCase() !== "100-continue") this.#refuse("an expectation other than 100-continue");
        this.expectsContinue = true;
        return;
      case "upgrade":
        this.upgrade = this.upgrade === null ? value : `${this.upgrade}, ${value}`;
        return;
      case "traceparent":
        this.traceparent = value;
        return;
      case "forwarded-for":
        this.forwardedFor = this.forwardedFor === null ? value : `${this.forwardedFor}, ${value}`;
        return;
      case "forwarded-proto":
        this.forwardedProto = value;
        return;
      case "forwarded-host":
        this.forwardedHost = value;
        return;
    }
  }

  #readLength(value: string): void {
    if (this.bodyKind === "length") this.#refuse("two lengths");
    else if (this.bodyKind === "chunked") this.#refuse("a length beside a transfer coding");
    else if (!LENGTH.test(value)) this.#refuseFraming("the length is not a number");
    else {
      this.bodyKind = "length";
      this.contentLength = Number(value);
    }
  }

  #readCoding(value: string): void {
    if (this.bodyKind === "length") this.#refuse("a length beside a transfer coding");
    else if (this.bodyKind === "chunked") this.#refuse("two transfer codings");
    else if (CHUNKED_LAST.test(value)) this.#refuseFraming(NOT_CHUNKED);
    else if (value.toLowerCase() !== "chunked") this.#refuse(NOT_CHUNKED);
    else {
      this.bodyKind = "chunked";
      this.contentLength = -1;
    }
  }

  #checkHost(hosts: ReadonlySet<string>): void {
    if (this.#hostCount !== 1) return this.#refuse(this.#hostCount === 0 ? "no Host" : "two Hosts");
    if (!HOST.test(this.host)) return this.#refuse("the Host is malformed");
    if (hosts.size === 0) return;
    const name = this.host.replace(/:[0-9]+$/, "").toLowerCase();
    if (!hosts.has(name)) this.problem ??= deny("misdirected_request", "the Host is not in listen.public.hosts");
  }

  #checkTarget(targetBytes: number): void {
    if (this.target.length > targetBytes) {
      this.problem ??= deny("target_too_long");
      return;
    }
    const parsed = parseTarget(this.target);
    if (!parsed.ok) return this.#refuse(parsed.detail);
    this.path = parsed.path;
    this.query = parsed.query;
  }

  /** As `refuse`, where the parser reads on in the body. It counts as endless, so the connection ends with the answer. */
  #refuseFraming(detail: string): void {
    this.bodyKind = "chunked";
    this.contentLength = -1;
    this.#refuse(detail);
  }

  #refuse(detail: string): void {
    this.problem ??= deny("bad_request", detail);
  }
}
