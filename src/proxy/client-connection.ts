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
  /** The request under way, if any. */
  current: Exchange | null = null;
  /** The last request, where it was answered before its body was whole: what follows on the wire is still that body. */
  unreadBody: { readonly complete: boolean } | null = null;
  /** Where its requests begin and end can no longer be trusted: it takes no further ones. */
  ending = false;
  #forwardedHost = "";
  #forwardedFields = "";

  constructor(socket: Socket, secure: boolean, proxies: TrustedProxies) {
    this.socket = socket;
    const address = socket.remoteAddress ?? "";
    this.address = address.startsWith("::ffff:") ? address.slice(7) : address;
    this.secure = secure;
    this.trusted = proxies.trusts(this.address);
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

/** The three fields as they are sent to the upstream. */
export function forwardedFields(forwardedFor: string, proto: string, host: string): string {
  return `X-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n`;
}
