import { request as nodeRequest } from "node:http";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { ChunkedDecoder } from "../../src/http1/chunked.ts";
import { readResponseHead } from "../../src/http1/response-head.ts";
import { run, testPool } from "./exchange.ts";

/** What a client made of a response; `null` where it refused it. */
interface Understood {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

function byNode(port: number, method: string): Promise<Understood | null> {
  return new Promise((resolve) => {
    const request = nodeRequest({ port, host: "127.0.0.1", method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve(null));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? "",
          fields: response.rawHeaders,
          body: Buffer.concat(chunks).toString("latin1"),
          trailers: response.rawTrailers,
        }),
      );
    });
    request.on("error", () => resolve(null));
    request.on("upgrade", (_response, socket) => {
      socket.destroy();
      resolve(null);
    });
    request.end();
  });
}

async function byUs(port: number, method: string): Promise<Understood | null> {
  const { head, body, end } = await run(testPool(port), { method });
  if (end.failure !== null || head === null) return null;
  return { status: head.status, statusText: head.statusText, fields: head.fields, body, trailers: end.trailers };
}

/** Where the response ends: what stands behind it is nobody's, and Node calls it an error. */
function endOf(bytes: Buffer, method: string): number {
  const result = readResponseHead(bytes, 0, method);
  if (result.kind !== "head") return bytes.length;
  const { framing } = result.head;
  if (framing.kind === "none") return result.end;
  if (framing.kind === "length") return result.end + framing.length;
  if (framing.kind === "close") return bytes.length;
  const end = new ChunkedDecoder().decode(bytes, result.end, { data: () => undefined });
  return typeof end === "string" ? bytes.length : end;
}

const statusLine = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 204 No Content") },
  fc.constantFrom("HTTP/1.0 200 OK", "HTTP/1.1 304 Not Modified", "HTTP/1.1 205 Reset Content", "HTTP/1.1 200"),
  fc.constantFrom("HTTP/1.1 200 ", "HTTP/1.1 200 Caf\xe9", "HTTP/1.1  200 OK", "HTTP/2.0 200 OK", "HTTP/1.1 099 No"),
);
const fieldName = fc.constantFrom("X-A", "x-b", "Set-Cookie", "a b", "X\xe9", "!#$%&'*+-.^_`|~");
const fieldValue = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 8 }),
  fc.constantFrom("", " padded ", "\tt\t", "caf\xe9", "a\r\n b", "a\nb", "a\0b", "a:b"),
);
const framingLine = fc.constantFrom(
  "Content-Length: 5",
  "Content-Length: 0",
  "Content-Length: 3",
  "Transfer-Encoding: chunked",
  "Connection: close",
  "Connection: keep-alive",
  "Content-Length: 05",
  "Content-Length: +5",
  "Transfer-Encoding: gzip",
);
const line = fc.oneof(
  { weight: 2, arbitrary: framingLine },
  fc.tuple(fieldName, fc.constantFrom(":", ": ", " : ", ":\t"), fieldValue).map((parts) => parts.join("")),
);
const body = fc.constantFrom(
  "hello",
  "",
  "5\r\nhello\r\n0\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n0\r\nT: v\r\nU:\r\n\r\n",
  "5;x=y\r\nhello\r\n0\r\n\r\n",
  "5\nhello\n0\n\n",
  "05\r\nhello\r\n000\r\n\r\n",
  "5\r\nhello\r\n0\r\nT : v\r\n\r\n",
);
const lineEnd = fc.oneof({ weight: 8, arbitrary: fc.constant("\r\n") }, fc.constant("\n"));
const response = fc
  .tuple(statusLine, fc.array(line, { maxLength: 4 }), body, lineEnd)
  .map(([first, lines, content, end]) => `${[first, ...lines].join(end)}${end}${end}${content}`);

test("what we accept, Node accepts, with the same status, fields, body and trailers", async () => {
  let bytes = "";
  let cut = 0;
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write(bytes.slice(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    await wire.write(bytes.slice(cut));
    wire.socket.end();
  });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(response, fc.nat(), fc.constantFrom("GET", "HEAD"), async (text, where, method) => {
      bytes = text.slice(0, endOf(Buffer.from(text, "latin1"), method));
      cut = where % bytes.length;
      const ours = await byUs(upstream.port, method);
      if (ours === null) return;
      accepted++;
      expect(ours).toEqual(await byNode(upstream.port, method));
    }),
    { numRuns: 1500 },
  );
  // The corpus is not all refused, or the property would say nothing.
  expect(accepted).toBeGreaterThan(100);
});
