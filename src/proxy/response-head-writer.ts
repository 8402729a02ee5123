import type { ServerResponse } from "node:http";
import type { ResponseHead } from "../http1/response-head.ts";
import { connectionNames } from "./connection-options.ts";
import { requestFieldClass } from "./request-fields.ts";
import { responseFieldClass } from "./response-fields.ts";

/**
 * Gives the client the upstream's response head without what ends at this hop. The head goes out with
 * the first bytes of the body, or at the next flush. Returns true where the body is an event stream.
 */
export function writeResponseHead(response: ServerResponse, head: ResponseHead, requestId: string): boolean {
  const fields: string[] = [];
  const named = connectionNames(connectionField(head));
  let isEventStream = false;
  response.sendDate = true;
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] ?? "";
    const value = head.fields[i + 1] ?? "";
    switch (responseFieldClass(name)) {
      case "drop":
      case "connection":
        continue;
      case "content-length":
        if (head.status === 204) continue;
        break;
      case "date":
        response.sendDate = false;
        break;
      case "content-type":
        isEventStream = value.toLowerCase().startsWith("text/event-stream");
        break;
      case "trailer":
        // Without chunks there are no trailers, and node:http throws where they are announced.
        if (head.framing.kind !== "chunked" || !response.useChunkedEncodingByDefault) continue;
        break;
      case "pass":
        break;
    }
    if (named.length === 0 || !named.includes(name.toLowerCase())) fields.push(name, value);
  }
  fields.push("X-Request-Id", requestId);
  response.writeHead(head.status, head.statusText, fields);
  return isEventStream;
}

/** One link of RFC 8288, as node:http takes it; it throws on others. */
const LINK = /^<[^>]*>(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/;

/** The links of early hints (RFC 8297), but for those that cannot be sent on. */
export function earlyLinks(head: ResponseHead): string[] {
  const links: string[] = [];
  for (let i = 0; i < head.fields.length; i += 2) {
    if (head.fields[i]?.toLowerCase() === "link") links.push(...(head.fields[i + 1] ?? "").split(/,\s*(?=<)/));
  }
  return links.filter((link) => LINK.test(link));
}

function connectionField(head: ResponseHead): string | null {
  let options: string | null = null;
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] ?? "";
    if (responseFieldClass(name) !== "connection") continue;
    options = options === null ? (head.fields[i + 1] ?? "") : `${options}, ${head.fields[i + 1]}`;
  }
  return options;
}

/**
 * The trailer fields that may go on: none that frames, routes or authenticates a message (RFC 9110
 * §6.5.1), in either direction.
 */
export function passTrailers(trailers: readonly string[]): [string, string][] {
  const passed: [string, string][] = [];
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] ?? "";
    if (requestFieldClass(name) === "pass" && responseFieldClass(name) === "pass") {
      passed.push([name, trailers[i + 1] ?? ""]);
    }
  }
  return passed;
}
