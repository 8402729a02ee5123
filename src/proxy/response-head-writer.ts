import type { ServerResponse } from "node:http";
import type { ResponseHead } from "../http1/response-head.ts";
import { connectionNames } from "./connection-options.ts";
import type { McpUse } from "./mcp-use.ts";
import { setsOwnCookie } from "../core/own-cookies.ts";
import { requestFieldClass } from "../core/request-fields.ts";
import { responseFieldClass } from "./response-fields.ts";

/** What is known of a response beyond its head. */
export interface ResponseContext {
  readonly requestId: string;
  /** Set on MCP routes. */
  readonly mcp: McpUse | null;
  /** The body goes on changed: its length and coding are ours to say. `bytes` where it is known. */
  readonly rewritten: { readonly bytes: number | null } | null;
}

/** True where the body is an event stream, which is handed on event by event. */
export function isEventStream({ contentType }: ResponseHead): boolean {
  return contentType !== null && contentType.toLowerCase().startsWith("text/event-stream");
}

/**
 * Gives the client the upstream's response head without what ends at this hop. The head goes out with
 * the first bytes of the body, or at the next flush.
 */
export function writeResponseHead(response: ServerResponse, head: ResponseHead, context: ResponseContext): void {
  const fields: string[] = [];
  const named = connectionNames(head.connection);
  response.sendDate = true;
  let unbuffered = !isEventStream(head);
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] ?? "";
    let value = head.fields[i + 1] ?? "";
    switch (responseFieldClass(name)) {
      case "drop":
      case "connection":
        continue;
      case "content-length":
        if (head.status === 204 || context.rewritten !== null) continue;
        break;
      case "content-encoding":
      case "of-bytes":
        if (context.rewritten !== null) continue;
        break;
      case "date":
        response.sendDate = false;
        break;
      case "trailer":
        // Without chunks there are no trailers, and node:http throws where they are announced.
        if (head.framing.kind !== "chunked" || !response.useChunkedEncodingByDefault) continue;
        if (context.rewritten !== null) continue;
        break;
      case "x-accel-buffering":
        unbuffered = true;
        break;
      case "mcp-session-id":
        if (context.mcp !== null) value = context.mcp.sealSession(value);
        break;
      case "set-cookie":
        if (setsOwnCookie(value)) continue;
        break;
      case "content-type":
      case "pass":
        break;
    }
    if (named.length === 0 || !named.includes(name.toLowerCase())) fields.push(name, value);
  }
  if (context.rewritten !== null && context.rewritten.bytes !== null) {
    fields.push("Content-Length", String(context.rewritten.bytes));
  }
  // Tells proxies in front of us, such as nginx, not to hold events back.
  if (!unbuffered) fields.push("X-Accel-Buffering", "no");
  fields.push("X-Request-Id", context.requestId);
  response.writeHead(head.status, head.statusText, fields);
}

/**
 * One link (RFC 8288) in the simple form that is in use: what node:http throws on, or takes exponential
 * time over, is left out. Each part can match in one way only.
 */
const LINK = /^<[^<>\s]{1,1024}>(?:; ?[A-Za-z*-]{1,32}(?:=(?:"[^"\s;=]{0,256}"|[^"\s;=,]{1,256}))?){0,16}$/;

/** The links of early hints (RFC 8297), but for those that cannot be sent on. */
export function earlyLinks(head: ResponseHead): string[] {
  const links: string[] = [];
  for (let i = 0; i < head.fields.length; i += 2) {
    if (head.fields[i]?.toLowerCase() === "link") links.push(...(head.fields[i + 1] ?? "").split(/,\s*(?=<)/));
  }
  return links.filter((link) => LINK.test(link));
}

/** Fields that a service would act on as if they stood in the head. */
const HEAD_ONLY = new Set(["origin", "content-type", "content-encoding", "content-range"]);

/**
 * The trailer fields that may go on: none that frames, routes or authenticates a message (RFC 9110
 * §6.5.1), in either direction, and not `except` (lower case).
 */
export function passTrailers(trailers: readonly string[], except: string | null = null): [string, string][] {
  const passed: [string, string][] = [];
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] ?? "";
    const lower = name.toLowerCase();
    if (requestFieldClass(name) !== "pass" || !["pass", "of-bytes"].includes(responseFieldClass(name))) continue;
    if (lower !== except && !HEAD_ONLY.has(lower)) passed.push([name, trailers[i + 1] ?? ""]);
  }
  return passed;
}
