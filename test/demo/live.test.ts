import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { DemoService } from "../../deploy/demo/service/server.ts";
import { call, startService, until } from "./support.ts";

let service: DemoService;

beforeEach(async () => {
  service = await startService();
});
afterEach(() => service.close());

interface LiveClient {
  readonly socket: WebSocket;
  /** The next message; binary ones as base64. */
  readonly next: () => Promise<string>;
}

function connect(portal: string): LiveClient {
  const socket = new WebSocket(`${service.url.replace("http", "ws")}/api/portals/${portal}/live`);
  const messages: string[] = [];
  socket.on("message", (data, isBinary) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(new Uint8Array(data));
    messages.push(bytes.toString(isBinary ? "base64" : "utf8"));
  });
  return {
    socket,
    async next() {
      while (messages.length === 0) await once(socket, "message");
      return messages.shift() ?? "";
    },
  };
}

describe("the WebSocket", () => {
  test("greets with JSON and echoes texts and bytes", async () => {
    const { socket, next } = connect("acme");
    expect(JSON.parse(await next())).toEqual({ type: "hello", portal_id: "acme" });
    socket.send("héllo");
    expect(await next()).toBe("héllo");
    socket.send(Buffer.from([0, 255, 7]));
    expect(await next()).toBe(Buffer.from([0, 255, 7]).toString("base64"));
  });

  test("echoes many messages in their order", async () => {
    const { socket, next } = connect("acme");
    await next();
    for (let i = 0; i < 500; i += 1) socket.send(String(i));
    for (let i = 0; i < 500; i += 1) expect(await next()).toBe(String(i));
  });

  test("tells the followers of a portal of a changed ticket, and nobody else", async () => {
    const acme = connect("acme");
    const globex = connect("globex");
    await Promise.all([acme.next(), globex.next()]);
    await call(service, "PATCH", "/api/portals/acme/tickets/1001", { body: { status: "closed" } });
    expect(JSON.parse(await acme.next())).toMatchObject({
      type: "ticket.updated",
      ticket_id: "1001",
      ticket: { status: "closed" },
    });
    globex.socket.send("after");
    expect(await globex.next()).toBe("after");
  });

  test("of an unknown portal is 404", async () => {
    const { socket } = connect("initech");
    const [error] = await once(socket, "error").catch((caught: unknown) => [caught]);
    expect(String(error)).toContain("404");
  });

  test("asks a plain request to upgrade: 426", async () => {
    const { status, headers } = await call(service, "GET", "/api/portals/acme/live");
    expect(status).toBe(426);
    expect(headers.get("upgrade")).toBe("websocket");
  });

  test("keeps nothing of a client that went away", async () => {
    const { socket, next } = connect("acme");
    await next();
    expect(service.open().sockets).toBe(1);
    socket.terminate();
    await until(() => service.open().sockets === 0);
  });

  test("closes with 1001 when the service closes", async () => {
    const { socket, next } = connect("acme");
    await next();
    const closed = once(socket, "close");
    await service.close();
    expect((await closed)[0]).toBe(1001);
  });
});
