import type { IncomingMessage, ServerResponse } from "node:http";
import { isReserved } from "../../src/core/reserved-paths.ts";
import type { OwnRequest } from "../../src/core/own-request.ts";
import type { OwnEndpoints } from "../../src/proxy/own-endpoints.ts";
import { RESERVED } from "./line.ts";

export const ORIGIN = "https://desk.example.com";

export interface OwnPages extends OwnEndpoints {
  /** What was served, in order. */
  readonly served: { readonly method: string; readonly url: string; readonly about: OwnRequest }[];
}

/** The longest body that is read, bytes. */
const LIMIT = 64 * 1024;

/**
 * A handler of node:http in the place of sign-in and OAuth. `/oauth/echo` answers with the body that it got,
 * `/oauth/never` not at all, `/oauth/fault` throws, `/oauth/half` begins an answer and leaves it, anything else has a page.
 */
export function ownPages(): OwnPages {
  const served: OwnPages["served"] = [];
  return {
    served,
    owns: (path) => isReserved(RESERVED, path),
    resourceMetadataUrl: (path) => `${ORIGIN}/.well-known/oauth-protected-resource${path}`,
    serve(request, response, about) {
      const { method = "", url = "" } = request;
      served.push({ method, url, about });
      if (url.startsWith("/oauth/fault")) {
        response.setHeader("Set-Cookie", "secret=1");
        throw new Error("a fault of the test");
      }
      if (url.startsWith("/oauth/never")) return;
      if (url.startsWith("/oauth/half")) {
        response.writeHead(200, { "content-length": 10 });
        response.write("half");
        return;
      }
      if (url.startsWith("/oauth/echo")) echo(request, response);
      else if (url.startsWith("/oauth/late")) setTimeout(() => answer(response, 200, "late"), 50);
      else if (url.startsWith("/oauth/chunks")) {
        response.writeHead(200, "Fine", ["Content-Type", "text/plain"]);
        response.write("ä");
        response.end(Buffer.from("b"));
      } else if (url.startsWith("/oauth/denied")) answer(response, 401, "no");
      else answer(response, 200, `page of ${url}`);
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  let size = 0;
  request.on("data", (part: Buffer) => {
    size += part.length;
    parts.push(part);
    if (size > LIMIT && !response.headersSent) answer(response, 413, "too large");
  });
  request.on("end", () => {
    if (!response.headersSent) answer(response, 200, Buffer.concat(parts).toString());
  });
}
