import { createHash, randomBytes } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request, ServerResponse, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DemoService } from "../../deploy/demo/service/server.ts";
import { call, startService, until } from "./support.ts";

const FILES = "/api/portals/acme/tickets/1001/attachments";
const MIB = 1_048_576;
let service: DemoService;

beforeEach(async () => {
  service = await startService({ maxAttachmentBytes: 16 * MIB });
});
afterEach(() => service.close());

async function digest(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of source) hash.update(chunk);
  return hash.digest("hex");
}

async function get(path: string): Promise<IncomingMessage> {
  const req = request(service.url + path, { agent: false });
  const answered = once(req, "response");
  req.end();
  const [response]: IncomingMessage[] = await answered;
  if (response === undefined) throw new Error("no response");
  return response;
}

describe("attachments", () => {
  test("give the seeded log of every ticket", async () => {
    const { status, text, headers } = await call(service, "GET", `${FILES}/log.txt`);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(text).toContain("portal=acme ticket=1001 opened by june.park@acme.example");
    expect((await call(service, "GET", "/api/portals/globex/tickets/2001/attachments/log.txt")).text).toContain("2001");
  });

  test("of 8 MiB, streamed up and down, keep their bytes and type", async () => {
    const dir = await mkdtemp(join(tmpdir(), "demo-files-"));
    try {
      const bytes = randomBytes(8 * MIB);
      const file = join(dir, "up.bin");
      await writeFile(file, bytes);
      const req = request(`${service.url}${FILES}/up.bin`, { method: "PUT", headers: { "Content-Type": "image/png" } });
      const answered = once(req, "response");
      await pipeline(createReadStream(file), req);
      const [response]: IncomingMessage[] = await answered;
      expect(response?.statusCode).toBe(201);
      response?.resume();
      const down = await get(`${FILES}/up.bin`);
      expect(down.headers).toMatchObject({ "content-type": "image/png", "content-length": String(bytes.length) });
      expect(await digest(down)).toBe(createHash("sha256").update(bytes).digest("hex"));
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test("replace one of the same name, and are named by the ticket", async () => {
    expect((await call(service, "PUT", `${FILES}/a%20b.txt`, { body: "one" })).status).toBe(201);
    expect(await call(service, "PUT", `${FILES}/a%20b.txt`, { body: "three" })).toMatchObject({
      status: 200,
      json: { name: "a b.txt", size: 5 },
    });
    expect((await call(service, "GET", `${FILES}/a%20b.txt`)).text).toBe("three");
    expect(service.open().attachmentBytes).toBe(5);
    const { json } = await call(service, "GET", "/api/portals/acme/tickets/1001");
    expect(json).toMatchObject({ attachments: ["log.txt", "a b.txt"] });
  });

  test("that are unknown, or of an unknown ticket, are 404", async () => {
    expect((await call(service, "GET", `${FILES}/none.txt`)).status).toBe(404);
    expect((await call(service, "GET", "/api/portals/acme/tickets/9/attachments/log.txt")).status).toBe(404);
    expect((await call(service, "PUT", "/api/portals/acme/tickets/9/attachments/x", { body: "x" })).status).toBe(404);
  });

  test("above the bound in total are 413 and leave nothing behind", async () => {
    await call(service, "PUT", `${FILES}/kept.bin`, { body: "k".repeat(10 * MIB) });
    expect((await call(service, "PUT", `${FILES}/more.bin`, { body: "m".repeat(7 * MIB) })).status).toBe(413);
    expect(service.open().attachmentBytes).toBe(10 * MIB);
    expect((await call(service, "GET", `${FILES}/more.bin`)).status).toBe(404);
  });

  test("of an upload that breaks off leave nothing behind", async () => {
    const req = request(`${service.url}${FILES}/half.bin`, { method: "PUT", headers: { "Content-Length": MIB } });
    req.on("error", () => undefined);
    req.write(randomBytes(MIB / 2));
    await until(() => service.open().attachmentBytes === MIB / 2);
    req.destroy();
    await until(() => service.open().attachmentBytes === 0);
    expect((await call(service, "GET", `${FILES}/half.bin`)).status).toBe(404);
  });
});

describe("big.bin", () => {
  test("has as many bytes as asked for, always the same", async () => {
    const size = 3 * MIB + 17;
    const first = await digest(await get(`${FILES}/big.bin?bytes=${size}`));
    const response = await get(`${FILES}/big.bin?bytes=${size}`);
    let count = 0;
    const hash = createHash("sha256");
    for await (const chunk of response) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("not bytes");
      count += chunk.length;
      hash.update(chunk);
    }
    expect(count).toBe(size);
    expect(hash.digest("hex")).toBe(first);
  });

  test("answers HEAD with its length, and 0 bytes with nothing", async () => {
    const head = await call(service, "HEAD", `${FILES}/big.bin?bytes=5000000000`);
    expect(head.headers.get("content-length")).toBe("5000000000");
    expect(await call(service, "GET", `${FILES}/big.bin?bytes=0`)).toMatchObject({ status: 200, text: "" });
  });

  test.each(["-1", "1.5", "x", "", "9999999999999"])("refuses bytes=%s", async (bytes) => {
    expect((await call(service, "GET", `${FILES}/big.bin?bytes=${bytes}`)).status).toBe(400);
  });

  test("is not kept: PUT is 405", async () => {
    expect((await call(service, "PUT", `${FILES}/big.bin`, { body: "x" })).status).toBe(405);
  });

  test("waits for a client that does not read, and ends when it goes away", async () => {
    const lines: string[] = [];
    const logged = await startService({ log: (line) => lines.push(line) });
    const answers: ServerResponse[] = [];
    const watch = (message: unknown): void => {
      if (typeof message !== "object" || message === null || !("response" in message)) return;
      if (message.response instanceof ServerResponse) answers.push(message.response);
    };
    subscribe("http.server.request.start", watch);
    try {
      const req = request(`${logged.url}${FILES}/big.bin?bytes=2000000000`, { agent: false });
      req.on("error", () => undefined);
      req.end();
      const [response]: IncomingMessage[] = await once(req, "response");
      response?.on("error", () => undefined);
      await until(() => answers[0]?.writableNeedDrain === true);
      // While the download stands still, other requests are served, and nothing piles up.
      for (let i = 0; i < 50; i += 1) expect((await call(logged, "GET", "/status")).status).toBe(200);
      expect(answers[0]).toMatchObject({ writableNeedDrain: true, writableEnded: false });
      expect(answers[0]?.writableLength).toBeLessThan(MIB);
      response?.destroy();
      await until(() => lines.includes("the client went away"));
    } finally {
      unsubscribe("http.server.request.start", watch);
      await logged.close();
    }
  });
});
