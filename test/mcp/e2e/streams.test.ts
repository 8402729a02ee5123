import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { z } from "zod";
import { startUpstream } from "../../e2e/support.ts";
import { head } from "../../proxy/client.ts";
import { type Sidecar, startSidecar } from "../../support/sidecar.ts";
import { mcpRoutes, rpc } from "./support.ts";

const EVENTS = 10_000;
const FILLER = "é".repeat(1000);

/** Events that are kept, so that a stream can be taken up behind any of them. */
class EventStore {
  /** Ids that were asked for, in order; `null` is from the start. */
  readonly resumed: (string | null)[] = [];
  /** The event that is being sent. */
  at = 0;

  /** Sends what stands behind `lastId`, and cuts the connection after `cutAfter` events, in the middle of one. */
  async send(response: ServerResponse, lastId: string | null, cutAfter: number): Promise<void> {
    this.resumed.push(lastId);
    response.writeHead(200, { "content-type": "text/event-stream", "mcp-session-id": "s" });
    const from = lastId === null ? 1 : Number(lastId) + 1;
    for (let id = from; id <= EVENTS; id++) {
      // Bytes, for text beyond ASCII node:http counts wrongly, and may never say that more can be written.
      const text = Buffer.from(eventText(id));
      this.at = id;
      if (id - from === cutAfter) {
        response.write(text.subarray(0, text.length / 2));
        await new Promise((resolve) => setImmediate(resolve));
        response.destroy();
        return;
      }
      if (response.write(text) || response.destroyed) continue;
      await drainOf(response);
      if (response.destroyed) return;
    }
    response.end();
  }
}

/** Resolves once more may be written, or never will. */
function drainOf(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}

function eventText(id: number): string {
  const data = JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: { progress: id, FILLER } });
  // All ways to end a line.
  const end = ["\n", "\r\n", "\r"][id % 3] ?? "\n";
  return [`id: ${id}`, `data: ${data}`, "", ""].join(end);
}

let store = new EventStore();
let cutAfter = Infinity;
let sidecar: Sidecar;

function serve(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const lastId = request.headers["last-event-id"];
  store.send(response, typeof lastId === "string" ? lastId : null, cutAfter).catch(() => response.destroy());
}

beforeAll(async () => {
  const upstreamUrl = await startUpstream(serve);
  const long = { scopes: ["tickets:read"], portal: "upstream" };
  sidecar = await startSidecar({ upstreamUrl, routes: [mcpRoutes({ tools: { long }, methods: {} })] });
});

/** Collects events over as many connections as it takes. */
class Reader {
  readonly ids: number[] = [];
  #rest = "";

  get lastId(): number {
    return this.ids.at(-1) ?? 0;
  }

  /** A new connection: half an event of the one before is no event. */
  begin(): void {
    this.#rest = "";
  }

  take(text: string): void {
    // Here as the test writes them; an LF on its own may follow a CR that ended the event.
    const parts = (this.#rest + text).split(/\r\n\r\n|\n\n|\r\r/);
    this.#rest = parts.pop() ?? "";
    for (const part of parts) {
      const id = /^\s*id: (\d+)[\r\n]/.exec(part)?.[1];
      const progress = /"progress":(\d+),"FILLER":"(é+)"\}\}\s*$/.exec(part);
      if (id === undefined || progress?.[1] !== id || progress[2] !== FILLER)
        throw new Error(`torn: ${part.slice(0, 80)}`);
      this.ids.push(Number(id));
    }
  }
}

const HEADERS = (key: string): Record<string, string> => ({
  authorization: `Bearer ${key}`,
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
});

/** Reads one answer until it ends, is cut, or `limit` events more are there; then the client itself leaves. */
async function read(reader: Reader, init: RequestInit, limit = Infinity): Promise<void> {
  const aborter = new AbortController();
  const response = await fetch(`${sidecar.url}/mcp`, { ...init, signal: aborter.signal });
  expect(response.status).toBe(200);
  reader.begin();
  const stop = reader.ids.length + limit;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      reader.take(decoder.decode(chunk, { stream: true }));
      if (reader.ids.length >= stop) return aborter.abort();
    }
  } catch {
    // Cut: the caller takes it up again.
  }
}

const ALL = Array.from({ length: EVENTS }, (_, index) => index + 1);
const call = JSON.stringify(rpc("tools/call", { name: "long", arguments: {} }));

describe.each(["GET", "POST"])("a stream of 10,000 events by %s", (method) => {
  const first = (key: string): RequestInit =>
    method === "GET" ? { method, headers: HEADERS(key) } : { method, headers: HEADERS(key), body: call };

  test("reaches a reader who reads nothing until the service has to wait", async () => {
    store = new EventStore();
    cutAfter = Infinity;
    const socket = connect({ port: sidecar.port, host: "127.0.0.1" });
    const fields = Object.entries(HEADERS(sidecar.keys.reader.key)).map(([name, value]) => `${name}: ${value}`);
    const body = method === "GET" ? "" : call;
    socket.write(
      head(`${method} /mcp`, [
        ...fields,
        ...(body === "" ? [] : [`Content-Length: ${body.length}`]),
        "Connection: close",
      ]) + body,
    );
    const stoppedAt = await untilStill(() => store.at);
    expect(stoppedAt).toBeGreaterThan(0);
    expect(stoppedAt).toBeLessThan(EVENTS);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(Buffer.from(chunk));
    const reader = new Reader();
    const bytes = Buffer.concat(chunks);
    const text = unchunk(bytes.subarray(bytes.indexOf("\r\n\r\n") + 4)).toString("utf8");
    reader.take(text);
    expect(reader.ids).toEqual(ALL);
  });

  test("loses none over cuts in the middle of events and clients that leave", { timeout: 60_000 }, async () => {
    store = new EventStore();
    cutAfter = 1777;
    const { key } = sidecar.keys.reader;
    const reader = new Reader();
    await read(reader, first(key));
    for (let turn = 0; reader.lastId < EVENTS && turn < 100; turn++) {
      const headers = { ...HEADERS(key), "last-event-id": String(reader.lastId) };
      await read(reader, { headers }, turn % 2 === 0 ? 700 + turn : Infinity);
    }
    expect(reader.ids).toEqual(ALL);
    expect(store.resumed.length).toBeGreaterThan(6);
    expect(store.resumed.slice(1)).not.toContain(null);
  });
});

/** The value, once it is over 0 and has not changed for 200 ms: nothing tells that a writer waits. */
async function untilStill(value: () => number): Promise<number> {
  for (let before = -1; ;) {
    const now = value();
    if (now > 0 && now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The body of a chunked message. */
function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}

test("the SDK's client takes a call up again by itself, and loses no event", { timeout: 60_000 }, async () => {
  const total = 500;
  const connections: string[] = [];
  const upstreamUrl = await startUpstream((request, response) => {
    const resumed = request.headers["last-event-id"];
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      if (request.method === "DELETE") return response.writeHead(200).end();
      if (request.method === "GET" && resumed === undefined) return response.writeHead(405).end();
      const { method, id, params } = text === "" ? { method: "", id: 0, params: {} } : asked.parse(JSON.parse(text));
      if (method === "initialize") {
        const result = {
          protocolVersion: params.protocolVersion,
          capabilities: {},
          serverInfo: { name: "s", version: "1" },
        };
        response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s" });
        return response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      }
      if (method === "notifications/initialized") return response.writeHead(202).end();
      // The stream's id names the request and the event.
      const [callId = 0, last = 0] = typeof resumed === "string" ? resumed.split("_").map(Number) : [id, 0];
      connections.push(resumed === undefined ? "call" : String(resumed));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("retry: 1\n\n");
      for (let at = last + 1; at <= total; at++) {
        const note = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: at } };
        response.write(`id: ${callId}_${at}\ndata: ${JSON.stringify(note)}\n\n`);
        if (at - last === 90) return setImmediate(() => response.destroy());
      }
      const result = { content: [{ type: "text", text: "done" }] };
      return response.end(
        `id: ${callId}_${total + 1}\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: callId, result })}\n\n`,
      );
    });
  });
  const long = { scopes: ["tickets:read"], portal: "upstream" };
  const small = await startSidecar({ upstreamUrl, routes: [mcpRoutes({ tools: { long } })] });
  const client = new Client({ name: "test", version: "1" });
  const seen: unknown[] = [];
  client.fallbackNotificationHandler = async ({ params }) => void seen.push(params?.["data"]);
  const transport = new StreamableHTTPClientTransport(new URL(`${small.url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${small.keys.reader.key}` } },
    reconnectionOptions: {
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 5,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 20,
    },
  });
  await client.connect(transport);
  const result = await client.callTool({ name: "long", arguments: {} });
  expect(result.content).toEqual([{ type: "text", text: "done" }]);
  expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  expect(connections.length).toBeGreaterThan(5);
  await client.close();
});

const asked = z.looseObject({
  id: z.number().default(0),
  method: z.string(),
  params: z.looseObject({ protocolVersion: z.string().optional() }).default({}),
});
