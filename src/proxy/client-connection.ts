import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** What is known of a client's connection, made once for all of its requests. */
export class ClientConnection {
  readonly socket: Socket;
  /** The address of the peer; IPv4 in its own form. */
  readonly address: string;
  readonly secure: boolean;
  /** The peer is a trusted proxy. */
  readonly trusted: boolean;
  /** The request under way, if any. There is one at a time, so that what the client does next is always about it. */
  current: Exchange | null = null;
  /** Requests that were sent without waiting for the answer before theirs. */
  readonly #waiting: Exchange[] = [];
  readonly #begin: (exchange: Exchange) => void;
  /** The last request, where it was answered before its body was whole: what follows on the wire is still that body. */
  unreadBody: { readonly complete: boolean } | null = null;
  /** It takes no further requests. */
  ending = false;
  #forwardedHost = "";
  #forwardedFields = "";

  /** `begin` takes a request through the line. */
  constructor(socket: Socket, secure: boolean, proxies: TrustedProxies, begin: (exchange: Exchange) => void) {
    this.socket = socket;
    this.#begin = begin;
    const address = socket.remoteAddress ?? "";
    this.address = address.startsWith("::ffff:") ? address.slice(7) : address;
    this.secure = secure;
    this.trusted = proxies.trusts(this.address);
  }

  /** Begins the request, or lets it wait for those before it. Past a bound the connection takes no more. */
  take(exchange: Exchange): void {
    if (this.current === null) this.#start(exchange);
    else if (this.#waiting.push(exchange) >= MAX_WAITING) this.ending = true;
  }

  /** The request is over: the next that waits begins. */
  done(exchange: Exchange): void {
    if (this.current !== exchange) return;
    this.current = null;
    if (this.socket.destroyed) for (const next of this.#waiting.splice(0)) next.abandoned();
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
  }

  /** Nobody can say where the next request begins: none is begun or taken any more. */
  end(): void {
    this.ending = true;
    for (const next of this.#waiting.splice(0)) next.abandoned();
  }

  #start(exchange: Exchange): void {
    this.current = exchange;
    this.unreadBody = null;
    this.#begin(exchange);
  }

  /** `X-Forwarded-*` for a peer that is not a trusted proxy; the same for all requests to one host. */
  forwardedFields(host: string): string {
    if (this.#forwardedFields === "" || this.#forwardedHost !== host) {
      this.#forwardedHost = host;
      this.#forwardedFields = forwardedFields(this.address, this.secure ? "https" : "http", host);
    }
    return this.#forwardedFields;
  }
}

/** Requests that may wait on one connection. */
const MAX_WAITING = 100;

/** The three fields as they are sent to the upstream. */
export function forwardedFields(forwardedFor: string, proto: string, host: string): string {
  return `X-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n`;
}
