import { forwardedFields } from "./client-connection.ts";
import { connectionNames } from "./connection-options.ts";
import type { Exchange } from "./exchange.ts";
import { withoutOwnCookies } from "../core/own-cookies.ts";
import { principalRuntime } from "./principal-runtime.ts";
import { requestFieldClass } from "../core/request-fields.ts";
import { isHost } from "./request-reader.ts";
import type { UpstreamRuntime } from "./route-runtime.ts";

/**
 * Writes the request head for the upstream: the target as it was matched, the fields that pass, then
 * our own. Ours come last and are never subject to what the client's `Connection` names. Values go
 * through as Latin-1, byte for byte. `framing` is the framing field with its CRLF, or `""`.
 */
export function writeUpstreamHead(exchange: Exchange, upstream: UpstreamRuntime, framing: string): string {
  const { connection, head, mcp, principal, requestId } = exchange;
  const raw = head.rawHeaders;
  const named = connectionNames(head.connection);
  const host = upstream.settings.host === "client" ? head.host : upstream.url.host;
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (named.length > 0 && named.includes(name.toLowerCase())) continue;
    const value = passedValue(name, raw[i + 1] ?? "", exchange);
    if (value !== null) text += `${name}: ${value}\r\n`;
  }
  text += framing;
  if (mcp !== null && mcp.sessionId !== null) text += `Mcp-Session-Id: ${mcp.sessionId}\r\n`;
  text += `X-Request-Id: ${requestId}\r\n`;
  text += connection.trusted ? believedFields(exchange) : connection.forwardedFields(head.host);
  if (principal.kind !== "anonymous") text += principalRuntime(principal).upstreamFields;
  return `${text}\r\n`;
}

/** What goes on of a field; `null` where nothing does. */
function passedValue(name: string, value: string, exchange: Exchange): string | null {
  const { connection, mcp } = exchange;
  switch (requestFieldClass(name)) {
    case "pass":
    case "traceparent":
    case "trailer":
      return value;
    case "cookie":
      // A session of ours is nobody else's.
      return withoutOwnCookies(value);
    case "forwarded":
      return connection.trusted && !readsHost(exchange) ? value : null;
    case "mcp-session-id":
      // On MCP routes the session is ours to name.
      return mcp === null ? value : null;
    case "accept-encoding":
      // A list that is filtered is asked for uncompressed.
      return mcp === null || !mcp.asksForLists ? value : null;
    case "range":
      // A part of a list could not be filtered.
      return mcp === null || mcp.mayList === null ? value : null;
    default:
      return null;
  }
}

/** The portal was read from `Host`, so the service may be told of no other host. */
function readsHost({ route }: Exchange): boolean {
  return route?.route.portal?.kind === "host";
}

/** Behind a trusted proxy: its chain with its own address added, and what it says of scheme and host. */
function believedFields(exchange: Exchange): string {
  const { head, connection } = exchange;
  const chain = head.forwardedFor === null ? connection.address : `${head.forwardedFor}, ${connection.address}`;
  const own = connection.secure ? "https" : "http";
  const proto = head.forwardedProto === "http" || head.forwardedProto === "https" ? head.forwardedProto : own;
  const believed = head.forwardedHost !== null && !readsHost(exchange) && isHost(head.forwardedHost);
  return forwardedFields(chain, proto, believed ? (head.forwardedHost ?? head.host) : head.host);
}
