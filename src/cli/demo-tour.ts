import { request as httpRequest } from "node:http";
import { z } from "zod";
import type { DemoStage } from "./demo-stage.ts";
import { type PlainStop, plainStops } from "./demo-tour-stops.ts";
import { mcpStops } from "./demo-tour-mcp.ts";
import { eventStreamStop, liveRevocationStop, webSocketStop } from "./demo-tour-streams.ts";

/** What one stop of the tour showed. */
export interface TourResult {
  readonly title: string;
  /** What was sent, with the name of the key, never the key. */
  readonly request: string;
  readonly expected: string;
  readonly seen: string;
}

const problem = z.object({ code: z.string() });

/** Makes the requests of the tour, one after the other, over real sockets. */
export async function* tour(stage: DemoStage): AsyncGenerator<TourResult> {
  for (const stop of plainStops(stage)) {
    const key = stop.key === undefined ? "no key" : `key ${stop.key[0]}`;
    yield {
      title: stop.title,
      request: `${stop.method} ${stop.target}  (${key})`,
      expected: stop.expected,
      seen: await send(stage.publicUrl, stop),
    };
  }
  yield await liveRevocationStop(stage, send);
  yield await eventStreamStop(stage, send);
  yield await webSocketStop(stage);
  yield* mcpStops(stage);
}

/** Sends a request as it is: `fetch` would tidy the target up. Returns `STATUS` or `STATUS code`. */
function send(base: string, stop: PlainStop): Promise<string> {
  const { hostname, port } = new URL(base);
  const body = stop.body === undefined ? null : Buffer.from(JSON.stringify(stop.body));
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      hostname,
      port,
      method: stop.method,
      path: stop.target,
      headers: {
        ...(stop.key === undefined ? {} : { authorization: `Bearer ${stop.key[1]}` }),
        ...(body === null ? {} : { "content-type": "application/json", "content-length": body.length }),
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const isProblem = response.headers["content-type"] === "application/problem+json";
        const code = isProblem ? ` ${problem.parse(JSON.parse(Buffer.concat(chunks).toString())).code}` : "";
        resolve(`${response.statusCode}${code}`);
      });
    });
    request.end(body ?? undefined);
  });
}

export type Send = typeof send;
