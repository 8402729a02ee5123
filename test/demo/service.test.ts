import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { call, startService } from "./support.ts";

const MAIN = fileURLToPath(new URL("../../deploy/demo/service/main.ts", import.meta.url));

async function run(...args: string[]): Promise<{ child: ChildProcess; firstLine: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const [chunk]: Buffer[] = await once(child.stdout, "data");
  return { child, firstLine: (chunk ?? "").toString() };
}

describe("the demo service", () => {
  test("starts with the same data each time", async () => {
    const [one, two] = await Promise.all([startService(), startService()]);
    try {
      const path = "/api/portals/acme/tickets";
      expect((await call(one, "GET", path)).text).toBe((await call(two, "GET", path)).text);
      await call(one, "POST", path, { body: { subject: "Only here" } });
      expect((await call(two, "GET", path)).json).toMatchObject({ total: 8 });
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });

  test("listens on the loopback address only", async () => {
    const service = await startService();
    expect(service.url).toBe(`http://127.0.0.1:${service.port}`);
    await service.close();
  });

  test("rejects where the port is taken", async () => {
    const service = await startService();
    await expect(startService({ port: service.port })).rejects.toThrow("EADDRINUSE");
    await service.close();
  });

  test("close cuts a download and an upload that stand still, and may be called twice", async () => {
    const service = await startService();
    const files = `${service.url}/api/portals/acme/tickets/1001/attachments`;
    const down = request(`${files}/big.bin?bytes=1000000000`, { agent: false }).end();
    down.on("error", () => undefined);
    const [response]: IncomingMessage[] = await once(down, "response");
    response?.on("error", () => undefined);
    const up = connect(service.port, "127.0.0.1");
    up.on("error", () => undefined);
    up.write("PUT /api/portals/acme/tickets/1001/attachments/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nx");
    await once(up, "connect");
    const cut = new Promise((resolve) => up.once("close", resolve));
    await Promise.all([service.close(), service.close()]);
    await cut;
    await service.close();
    await expect(fetch(`${service.url}/status`)).rejects.toThrow("fetch failed");
  });

  test("logs paths without their query", async () => {
    const lines: string[] = [];
    const service = await startService({ log: (line) => lines.push(line) });
    await call(service, "GET", "/api/search?q=secret");
    await service.close();
    expect(lines).toContain("GET /api/search");
    expect(lines.join("\n")).not.toContain("secret");
  });

  test("ignores an upgrade to anything but WebSocket", async () => {
    const service = await startService();
    const socket = connect(service.port, "127.0.0.1");
    socket.end("GET /status HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n");
    const [first]: Buffer[] = await once(socket, "data");
    expect(first?.toString("latin1")).toMatch(/^HTTP\/1\.1 200 OK\r\n/u);
    socket.destroy();
    await service.close();
  });
});

describe("the command", () => {
  test("prints where it listens and ends on SIGTERM with an open stream", async () => {
    const { child, firstLine } = await run("--port", "0");
    const url = /^demo ticket service on (http:\/\/127\.0\.0\.1:\d+)\n$/u.exec(firstLine)?.[1] ?? "";
    const stream = await fetch(`${url}/api/portals/acme/events`);
    expect(stream.status).toBe(200);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(await stream.text()).toContain("event: hello");
  });

  test.each([["--port", "70000"], ["--port"], ["--nothing"]])(
    "answers wrong usage with exit code 2: %s %s",
    async (...args) => {
      const child = spawn(process.execPath, [MAIN, ...args.filter((arg) => typeof arg === "string")], {
        stdio: "ignore",
      });
      expect(await once(child, "exit")).toEqual([2, null]);
    },
  );
});
