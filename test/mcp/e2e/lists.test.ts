import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { connectTo } from "../../proxy/client.ts";
import { type RawUpstream, startRawUpstream } from "../../support/raw-upstream.ts";
import { type Sidecar, startSidecar } from "../../support/sidecar.ts";
import { type Message, statusOf, valuesOf } from "../../support/wire.ts";
import { answer, bare, json, mcpRoutes, post, rpc, SMALL_MCP, startDemoSidecar } from "./support.ts";

const MIB = 1024 * 1024;
const TOOLS = ["get_ticket", "update_ticket", "list_users", "nobody_knows_it", "list_tickets"];
const SHOWN = ["get_ticket", "list_tickets"];
const tool = (name: string): object => ({ name, description: `é 😀 ${name}`, inputSchema: { type: "object" } });
const list = (names: readonly string[] = TOOLS, more: object = {}, id: number | string = 1): object => ({
  jsonrpc: "2.0",
  id,
  result: { tools: names.map(tool), ...more },
});

/** What the upstream says next; each test sets it. */
let reply: Buffer | (() => Buffer) = Buffer.alloc(0);
/** The reply in pieces, each in a packet of its own. */
let pieces: readonly Buffer[] | null = null;
/** The connection ends behind the reply. */
let endsBehind = false;
let upstream: RawUpstream;
let sidecar: Sidecar;

beforeAll(async () => {
  upstream = await startRawUpstream(async (_request, wire) => {
    if (pieces === null) await wire.write(typeof reply === "function" ? reply() : reply);
    else for (const piece of pieces) await wire.write(piece);
    if (endsBehind) wire.socket.end();
  });
  sidecar = await startDemoSidecar(upstream.url);
});

type Framing = "length" | "chunked" | "close";

function framed(type: string, body: Buffer, framing: Framing, fields: readonly string[] = []): Buffer {
  endsBehind = framing === "close";
  if (framing === "length") return answer(type, body, fields);
  const how = framing === "chunked" ? "Transfer-Encoding: chunked" : "Connection: close";
  const head = ["HTTP/1.1 200 OK", `Content-Type: ${type}`, how, ...fields, "", ""].join("\r\n");
  if (framing === "close") return Buffer.concat([Buffer.from(head), body]);
  const chunks: Buffer[] = [Buffer.from(head)];
  for (let at = 0; at < body.length; at += 7) {
    const part = body.subarray(at, at + 7);
    chunks.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  return Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]);
}

function sends(bytes: Buffer): void {
  reply = bytes;
  pieces = null;
}

const ask = (method = "tools/list"): Promise<Message> => post(sidecar, sidecar.keys.reader.key, rpc(method));

function namesOf(text: string): string[] {
  const value: { result: { tools: { name: string }[] } } = JSON.parse(text);
  return value.result.tools.map(({ name }) => name);
}

/** The data of the events of an answer, as the specification has it read. */
function eventsOf(message: Message): string[] {
  return message.body
    .toString("utf8")
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).replace(/^ /, ""))
        .join("\n"),
    )
    .filter((data) => data !== "");
}

const CODINGS: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ["identity", (bytes) => bytes],
  ["gzip", gzipSync],
  ["x-gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];
const FRAMINGS: readonly Framing[] = ["length", "chunked", "close"];
const CELLS = CODINGS.flatMap(([coding, encode]) => FRAMINGS.map((framing) => ({ coding, framing, encode })));

describe.each(CELLS)("an answer in $coding, framed by $framing", ({ coding, encode, framing }) => {
  test("in JSON shows what the caller may call, with its right length and no coding", async () => {
    const body = Buffer.from(JSON.stringify(list()));
    sends(framed("application/json; charset=utf-8", encode(body), framing, [`Content-Encoding: ${coding}`]));
    const response = await ask();
    expect(statusOf(response)).toBe(200);
    expect(namesOf(response.body.toString())).toEqual(SHOWN);
    expect(valuesOf(response, "content-encoding")).toEqual([]);
    expect(valuesOf(response, "content-length")).toEqual([String(response.body.length)]);
    expect(response.body.toString()).toContain("é 😀 get_ticket");
  });

  test("in an event stream shows the same, and the events around it as they were", async () => {
    const note = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } };
    const body = `: hello\n\nid: 1\ndata:\n\nid: 2\ndata: ${JSON.stringify(note)}\n\nid: 3\nevent: message\ndata: ${JSON.stringify(list())}\n\n`;
    sends(framed("text/event-stream", encode(Buffer.from(body)), framing, [`Content-Encoding: ${coding}`]));
    const response = await ask();
    const events = eventsOf(response);
    expect(events[0]).toBe(JSON.stringify(note));
    expect(namesOf(events[1] ?? "")).toEqual(SHOWN);
    expect(events).toHaveLength(2);
    expect(response.body.toString()).toMatch(/^: hello\n\nid: 1\ndata:\n\nid: 2\n/);
    expect(response.body.toString()).toContain("id: 3\nevent: message\n");
    expect(valuesOf(response, "content-encoding")).toEqual([]);
    expect(valuesOf(response, "content-length")).toEqual([]);
  });
});

describe("what goes to and fro with a list", () => {
  test("is asked for uncompressed, while other requests are not", async () => {
    sends(answer("application/json", JSON.stringify(list())));
    const at = upstream.requests.length;
    const fields = ["Accept-Encoding: gzip, br"];
    await post(sidecar, sidecar.keys.reader.key, rpc("tools/list"), fields);
    await post(sidecar, sidecar.keys.reader.key, rpc("ping"), fields);
    expect(valuesOf(await upstream.request(at), "accept-encoding")).toEqual([]);
    expect(valuesOf(await upstream.request(at + 1), "accept-encoding")).toEqual(["gzip, br"]);
  });

  test("the cursor and everything else of the result stay", async () => {
    const more = { nextCursor: "page-2", _meta: { "x/y": [1] }, ttlMs: 5 };
    sends(answer("application/json", JSON.stringify(list(TOOLS, more))));
    const { result } = json(await ask());
    expect(result).toEqual({ tools: SHOWN.map(tool), ...more });
    sends(answer("application/json", JSON.stringify(list(["update_ticket"], { nextCursor: "page-3" }))));
    expect(json(await ask()).result).toEqual({ tools: [], nextCursor: "page-3" });
  });

  test("the request's cursor goes on", async () => {
    sends(answer("application/json", JSON.stringify(list())));
    const at = upstream.requests.length;
    await post(sidecar, sidecar.keys.reader.key, rpc("tools/list", { cursor: "page-2" }));
    expect((await upstream.request(at)).body.toString()).toContain('"cursor":"page-2"');
  });

  test("a list of which all may be shown goes on byte for byte", async () => {
    const text = ` {"result" : {"tools":[${JSON.stringify(tool("get_ticket"))}]},\n"id":1.0, "jsonrpc":"2.0"} `;
    sends(answer("application/json", text));
    expect((await ask()).body.toString()).toBe(text);
  });

  test.each([
    ["resources/list", "resources", "uri", ["ticket://acme/1", "file:///etc/passwd"], ["ticket://acme/1"]],
    [
      "resources/templates/list",
      "resourceTemplates",
      "uriTemplate",
      ["ticket://{portal}/{id}", "f://{x}"],
      ["ticket://{portal}/{id}"],
    ],
    ["prompts/list", "prompts", "name", ["summarize_ticket", "other"], ["summarize_ticket"]],
  ])("%s shows what the caller may use", async (method, listKey, nameKey, names, shown) => {
    const members = names.map((name) => ({ [nameKey]: name }));
    sends(answer("application/json", JSON.stringify({ jsonrpc: "2.0", id: 1, result: { [listKey]: members } })));
    expect(json(await ask(method)).result).toEqual({ [listKey]: shown.map((name) => ({ [nameKey]: name })) });
  });

  test("a member without a name, or with one that is no text, is not shown", async () => {
    const members = [{}, { name: 1 }, null, "get_ticket", { Name: "get_ticket" }, tool("get_ticket")];
    sends(answer("application/json", JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools: members } })));
    expect(json(await ask()).result).toEqual({ tools: [tool("get_ticket")] });
  });

  test("the members of a batch are all filtered", async () => {
    const answers = [list(), { jsonrpc: "2.0", id: 2, result: {} }, list(["update_ticket", "get_ticket"], {}, 3)];
    const batch = [rpc("tools/list"), rpc("ping", {}, 2), rpc("tools/list", {}, 3)];
    sends(answer("application/json", JSON.stringify(answers)));
    const response = await post(sidecar, sidecar.keys.reader.key, batch, ["MCP-Protocol-Version: 2025-03-26"]);
    expect(JSON.parse(response.body.toString())).toEqual([list(SHOWN), answers[1], list(["get_ticket"], {}, 3)]);
    sends(answer("text/event-stream", `data: ${JSON.stringify(answers)}\n\n`));
    const streamed = await post(sidecar, sidecar.keys.reader.key, batch, ["MCP-Protocol-Version: 2025-03-26"]);
    expect(JSON.parse(eventsOf(streamed)[0] ?? "")).toEqual([list(SHOWN), answers[1], list(["get_ticket"], {}, 3)]);
  });

  test("an error answer goes on as it is", async () => {
    const error = JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32602, message: "bad cursor" } });
    sends(answer("application/json", error));
    expect((await ask()).body.toString()).toBe(error);
    sends(answer("application/json", error, [], "400 Bad Request"));
    const refused = await ask();
    expect([statusOf(refused), refused.body.toString()]).toEqual([400, error]);
    sends(answer("text/plain", "no", [], "404 Not Found"));
    expect(statusOf(await ask())).toBe(404);
  });

  test("an answer without a body goes on: there is nothing to hide", async () => {
    sends(answer("application/json", ""));
    const response = await ask();
    expect([statusOf(response), response.body.length]).toEqual([200, 0]);
  });

  test("trailers that the upstream announces do no harm", async () => {
    const body = JSON.stringify(list());
    const lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Trailer: X-T", "Transfer-Encoding: chunked"];
    sends(
      Buffer.from(
        `${lines.join("\r\n")}\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\nX-T: 1\r\n\r\n`,
      ),
    );
    const response = await ask();
    expect(statusOf(response)).toBe(200);
    expect(namesOf(response.body.toString())).toEqual(SHOWN);
  });

  test("a client of HTTP/1.0 is shown no more", async () => {
    sends(framed("text/event-stream", Buffer.from(`data: ${JSON.stringify(list())}\n\n`), "chunked"));
    const wire = await connectTo(sidecar);
    const body = JSON.stringify(rpc("tools/list"));
    const fields = [`X-API-Key: ${sidecar.keys.reader.key}`, "Content-Type: application/json", "Host: a"];
    await wire.write(["POST /mcp HTTP/1.0", ...fields, `Content-Length: ${body.length}`, "", body].join("\r\n"));
    expect(namesOf(eventsOf(await wire.nextResponse("POST"))[0] ?? "")).toEqual(SHOWN);
  });
});

describe("event streams however they are written", () => {
  const message = JSON.stringify(list());
  const pretty = JSON.stringify(list(), null, 1);

  test.each([
    ["LF", `id: 9\ndata: ${message}\n\n`],
    ["CRLF", `id: 9\r\ndata: ${message}\r\n\r\n`],
    ["CR", `id: 9\rdata: ${message}\r\r`],
    ["a comment in the event", `: x\nid: 9\ndata: ${message}\n: y\n\n`],
    ["a byte order mark", `\ufeffid: 9\ndata: ${message}\n\n`],
    ["no space behind the colon", `id:9\ndata:${message}\n\n`],
    ["data on several lines", `id: 9\n${pretty.replaceAll(/^/gm, "data: ")}\n\n`],
    [
      "data on several lines by CRLF",
      `id: 9\r\n${pretty
        .split("\n")
        .map((line) => `data: ${line}\r\n`)
        .join("")}\r\n`,
    ],
    ["data before the id", `data: ${message}\nid: 9\n\n`],
  ])("%s, split at every byte", async (_name, text) => {
    const bytes = Buffer.from(text);
    const head = Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    endsBehind = true;
    pieces = [head, ...Array.from(bytes, (byte) => Buffer.of(byte))];
    const response = await ask();
    expect(eventsOf(response).map(namesOf)).toEqual([SHOWN]);
    expect(response.body.toString()).toMatch(/^id: ?9$/m);
    expect(response.body.toString()).not.toContain("update_ticket");
  });

  test("an event that the end of the stream cuts off is no event", async () => {
    sends(framed("text/event-stream", Buffer.from(`data: {}\n\ndata: ${message}\n`), "close"));
    expect(eventsOf(await ask())).toEqual(["{}"]);
  });

  test("a resumed stream that repeats the answer to a list is filtered", async () => {
    sends(framed("text/event-stream", Buffer.from(`id: 4\ndata: ${message}\n\n`), "chunked"));
    const response = await bare(sidecar, "GET", sidecar.keys.reader.key, [
      "Accept: text/event-stream",
      "Last-Event-ID: 3",
    ]);
    expect(eventsOf(response).map(namesOf)).toEqual([SHOWN]);
    expect(response.body.toString()).toContain("id: 4\n");
  });
});

describe("an answer that cannot be filtered is not shown", () => {
  const secret = "update_ticket";

  test.each([
    ["broken JSON", () => answer("application/json", `{"result":{"tools":[{"name":"${secret}"}]`)],
    ["a space", () => answer("application/json", " ")],
    ["another content type", () => answer("text/html", secret)],
    ["no content type", () => Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${secret.length}\r\n\r\n${secret}`)],
    [
      "two content types",
      () => answer("application/json", JSON.stringify(list()), ["Content-Type: text/event-stream"]),
    ],
    ["a coding that is not known", () => answer("application/json", secret, ["Content-Encoding: compress"])],
    ["two codings", () => answer("application/json", gzipSync(secret), ["Content-Encoding: gzip, br"])],
    ["a coding twice", () => answer("application/json", secret, ["Content-Encoding: gzip", "Content-Encoding: gzip"])],
    ["broken gzip", () => answer("application/json", secret, ["Content-Encoding: gzip"])],
    [
      "a stream in a coding that is not known",
      () => answer("text/event-stream", secret, ["Content-Encoding: compress"]),
    ],
    ["a byte order mark before JSON", () => answer("application/json", `\ufeff${JSON.stringify(list())}`)],
  ])("%s is a 502", async (_name, make) => {
    endsBehind = false;
    sends(make());
    const response = await ask();
    expect(statusOf(response)).toBe(502);
    expect(response.body.toString()).not.toContain(secret);
    expect(json(response)).toMatchObject({ code: "upstream_invalid" });
  });

  const many = (bytes: number): string => {
    const one = JSON.stringify(tool("get_ticket"));
    const count = Math.ceil(bytes / (one.length + 1));
    return `{"jsonrpc":"2.0","id":1,"result":{"tools":[${`${one},`.repeat(count)}${JSON.stringify(tool(secret))}]}}`;
  };

  test("a list over 8 MiB is a 502, and one of nearly 8 MiB is not", { timeout: 60_000 }, async () => {
    endsBehind = false;
    sends(answer("application/json", many(7.5 * MIB)));
    const fits = await ask();
    expect(statusOf(fits)).toBe(200);
    expect(fits.body.toString()).not.toContain(secret);
    sends(answer("application/json", many(8.5 * MIB)));
    expect(statusOf(await ask())).toBe(502);
    sends(answer("application/json", gzipSync(many(8.5 * MIB)), ["Content-Encoding: gzip"]));
    expect(statusOf(await ask())).toBe(502);
  });

  test("an event over 8 MiB ends the stream before anything of it is shown", { timeout: 60_000 }, async () => {
    const body = `data: {}\n\ndata: ${many(8.5 * MIB)}\n\n`;
    for (const [coding, encode] of [["identity", (bytes: Buffer) => bytes] as const, ["gzip", gzipSync] as const]) {
      sends(framed("text/event-stream", encode(Buffer.from(body)), "length", [`Content-Encoding: ${coding}`]));
      const response = await ask().catch((error: unknown) => String(error));
      const seen = typeof response === "string" ? response : response.body.toString();
      expect(seen).not.toContain("get_ticket");
    }
    expect(await sidecar.auditLine({ reason: "upstream_cut" })).toMatchObject({
      detail: expect.stringContaining("limit"),
    });
  });

  test("broken JSON in an event ends the stream before it is shown", async () => {
    sends(framed("text/event-stream", Buffer.from(`data: {}\n\ndata: {"result":{"tools":["${secret}"\n\n`), "length"));
    const response = await ask().catch((error: unknown) => String(error));
    expect(typeof response === "string" ? response : response.body.toString()).not.toContain(secret);
  });
});

test("with filter_lists: false lists go on as they are, compressed too", async () => {
  const unfiltered = await startSidecar({
    upstreamUrl: upstream.url,
    routes: [mcpRoutes({ ...SMALL_MCP, filter_lists: false })],
  });
  endsBehind = false;
  const body = gzipSync(JSON.stringify(list()));
  sends(answer("application/json", body, ["Content-Encoding: gzip"]));
  const response = await post(unfiltered, unfiltered.keys.reader.key, rpc("tools/list"), ["Accept-Encoding: gzip"]);
  expect(response.body).toEqual(body);
  expect(valuesOf(response, "content-encoding")).toEqual(["gzip"]);
  sends(answer("text/event-stream", `data: ${JSON.stringify(list())}\n\n`));
  const stream = await bare(unfiltered, "GET", unfiltered.keys.reader.key, ["Accept: text/event-stream"]);
  expect(stream.body.toString()).toContain("nobody_knows_it");
});
