import { request } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { type AdminServerOptions, createAdminServer } from "../../src/admin/server.ts";
import { createLog, silentLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

async function start(over: Partial<AdminServerOptions> = {}): Promise<number> {
  const admin = createAdminServer({
    metrics: createMetrics({ version: "1", instance: "i" }),
    readiness: () => ({ ready: true, reasons: [] }),
    log: silentLog(),
    hosts: [],
    ...over,
  });
  onTestFinished(() => admin.close());
  const { port } = await admin.listen({ host: "127.0.0.1", port: 0 });
  return port;
}

function ask(port: number, path: string, options: { host?: string; method?: string } = {}): Promise<Answer> {
  const { host = `127.0.0.1:${port}`, method = "GET" } = options;
  return new Promise((resolve, reject) => {
    const call = request({ port, host: "127.0.0.1", path, method, headers: { host } }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    call.on("error", reject);
    call.end();
  });
}

describe("admin listener", () => {
  test("/metrics gives Prometheus' text format", async () => {
    const answer = await ask(await start(), "/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.body).toContain('portcullis_build_info{version="1",instance="i"');
  });

  test("/healthz says alive", async () => {
    const answer = await ask(await start(), "/healthz");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ status: "alive" });
  });

  test("/readyz gives 200 or 503 with the reasons", async () => {
    let ready = true;
    const port = await start({ readiness: async () => ({ ready, reasons: ready ? [] : ["store out of reach"] }) });
    const good = await ask(port, "/readyz");
    expect(good.status).toBe(200);
    expect(JSON.parse(good.body)).toEqual({ ready: true, reasons: [] });
    ready = false;
    const bad = await ask(port, "/readyz");
    expect(bad.status).toBe(503);
    expect(JSON.parse(bad.body)).toEqual({ ready: false, reasons: ["store out of reach"] });
  });

  test("a readiness check that throws means not ready, and the log has the cause", async () => {
    const lines: string[] = [];
    const port = await start({
      readiness: () => Promise.reject(new Error("boom")),
      log: createLog({ level: "info", stream: { write: (line) => void lines.push(line) } }),
    });
    const answer = await ask(port, "/readyz");
    expect(answer.status).toBe(503);
    expect(answer.body).not.toContain("boom");
    expect(lines.join("")).toContain("boom");
  });

  test("a readiness check that hangs means not ready, within seconds", async () => {
    const answer = await ask(await start({ readiness: () => new Promise(() => undefined) }), "/readyz");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body).ready).toBe(false);
  });

  test("anything else is a problem with a request id", async () => {
    const port = await start();
    for (const [path, method] of [
      ["/", "GET"],
      ["/metrics", "POST"],
      ["/../etc/passwd", "GET"],
    ] as const) {
      const answer = await ask(port, path, { method });
      expect(answer.status).toBe(404);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json(;|$)/);
      const problem = JSON.parse(answer.body);
      expect(problem).toMatchObject({ status: 404, code: "no_route", request_id: answer.headers["x-request-id"] });
      expect(problem.request_id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("a fault while answering is a 500 that tells nothing, and the log has the cause", async () => {
    const lines: string[] = [];
    const port = await start({
      metrics: { contentType: "text/plain", text: () => Promise.reject(new Error("inside story")) },
      log: createLog({ level: "info", stream: { write: (line) => void lines.push(line) } }),
    });
    const answer = await ask(port, "/metrics");
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("inside story");
    const { request_id: id } = JSON.parse(answer.body);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ request_id: id, err: { message: "inside story" } });
  });

  test("every answer has the security headers and none that names the software", async () => {
    const port = await start();
    const answers = [
      await ask(port, "/metrics"),
      await ask(port, "/nothing"),
      await ask(port, "/healthz", { host: "evil.example" }),
      await ask(port, "/%zz"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 421, 400]);
    for (const { headers } of answers) {
      expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["cache-control"]).toBe("no-store");
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["server"]).toBeUndefined();
      expect(headers["x-powered-by"]).toBeUndefined();
    }
  });

  test.each([
    "127.0.0.1",
    "127.0.0.1:1",
    "127.9.9.9",
    "localhost:9901",
    "LOCALHOST",
    "[::1]:9901",
    "ops.example:80",
    "[2001:DB8::1]:80",
  ])("is served under %s", async (host) => {
    expect((await ask(await start({ hosts: ["ops.example", "[2001:db8::1]"] }), "/healthz", { host })).status).toBe(
      200,
    );
  });

  test.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.evil.example",
    "10.0.0.1",
    "127.0.0.1@evil.example",
    "127.0.0.1:80:80",
    "[::1",
  ])("a name that points here by DNS rebinding, %j, is refused for every path", async (host) => {
    const port = await start();
    for (const path of ["/metrics", "/nothing"]) {
      const answer = await ask(port, path, { host });
      expect(answer.status).toBe(421);
      expect(JSON.parse(answer.body).code).toBe("misdirected_request");
    }
  });

  test.each([
    ["two Host fields", "Host: localhost\r\nHost: evil.example\r\n"],
    ["an empty Host field", "Host:\r\n"],
    ["no Host field", ""],
  ])("%s: refused", async (_name, fields) => {
    const socket = connect(await start(), "127.0.0.1");
    socket.write(`GET /metrics HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(text).not.toContain("portcullis_");
  });

  test("close ends connections that stay open", async () => {
    const admin = createAdminServer({
      metrics: createMetrics({ version: "1", instance: "i" }),
      readiness: () => ({ ready: true, reasons: [] }),
      log: silentLog(),
      hosts: [],
    });
    const { port } = await admin.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.on("connect", resolve));
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await admin.close();
    await closed;
    expect(socket.destroyed).toBe(true);
  });
});
