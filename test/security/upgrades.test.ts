// oxlint-disable vitest/expect-expect -- the assertions of a refusal are in support/stage.ts
import { beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../support/wire.ts";
import {
  ask,
  auditOf,
  codeOf,
  dial,
  expectRefusedAndClosed,
  expectServed,
  openStage,
  request,
  type Stage,
} from "./support/stage.ts";

const LIVE = "/api/portals/acme/live";
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const SWITCH = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

const keyOf = (on: Stage, name: "reader" | "acme" | "writer" | "revoked"): string =>
  `X-API-Key: ${on.sidecar.keys[name].key}`;

describe("an upgrade walks the same line as any request, and bytes behind it wait", () => {
  test.each<[string, string, () => readonly string[], number, string, string?]>([
    ["no credential", LIVE, () => [], 401, "credential_missing"],
    ["a revoked key", LIVE, () => [keyOf(stage, "revoked")], 401, "credential_invalid", "credential_revoked"],
    ["another portal", "/api/portals/globex/live", () => [keyOf(stage, "acme")], 403, "portal_forbidden"],
    ["no route", "/nowhere", () => [], 404, "no_route"],
    ["a path that is not in its normal form", "/open/../live", () => [], 400, "bad_request"],
    ["two Hosts", LIVE, () => ["Host: b"], 400, "bad_request"],
    ["two credentials", LIVE, () => [keyOf(stage, "acme"), keyOf(stage, "acme")], 400, "ambiguous_credential"],
    ["a length", LIVE, () => [keyOf(stage, "acme"), "Content-Length: 5"], 400, "bad_request"],
    ["chunks", LIVE, () => [keyOf(stage, "acme"), "Transfer-Encoding: chunked"], 400, "bad_request"],
  ])("%s", async (_name, path, lines, status, code, reason = code) => {
    const fields = [...lines(), ...UPGRADE];
    // A body that is whole, where one is announced; then a request.
    const body = fields.includes("Transfer-Encoding: chunked") ? "0\r\n\r\n" : "";
    const attack = request(`GET ${path}`, fields, body) + request("GET /open/xsmuggledx");
    await expectRefusedAndClosed(stage, attack, { status, code, reason });
  });

  test("another method than GET", async () => {
    const attack = request("POST /open/a", UPGRADE) + request("GET /open/xsmuggledx");
    await expectRefusedAndClosed(stage, attack, { status: 400, code: "bad_request" });
  });
});

describe("there is no tunnel without the upstream's own 101 to websocket", () => {
  test.each([
    ["200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 200],
    ["403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403],
  ])("a %s is passed on, and a request behind the upgrade reaches nobody", async (_name, response, status) => {
    const own = await openStage({
      respond: ({ startLine }) =>
        (startLine.includes(LIVE) ? response : undefined) ?? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    });
    const wire = await dial(own);
    await wire.write(request(`GET ${LIVE}`, [keyOf(own, "acme"), ...UPGRADE]) + request("GET /open/xsmuggledx"));
    const answer = await wire.nextResponse();
    expect(statusOf(answer)).toBe(status);
    await wire.end();
    wire.socket.destroy();
    expect(wire.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    await expectServed(own);
    expect(own.upstream.requests.map(({ startLine }) => startLine)).not.toContain("GET /open/xsmuggledx HTTP/1.1");
  });

  test.each(["h2c", "tls/1.0", "websocket2"])("a 101 to %s opens nothing", async (protocol) => {
    const own = await openStage({
      respond: ({ startLine }) =>
        startLine.includes(LIVE) ? SWITCH(protocol) : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    });
    const wire = await dial(own);
    await wire.write(request(`GET ${LIVE}`, [keyOf(own, "acme"), ...UPGRADE]));
    await wire.end();
    wire.socket.destroy();
    expect(wire.text).not.toContain("101");
    expect(await own.sidecar.auditLine({ path: LIVE })).toMatchObject({ reason: "upstream_invalid", status: 502 });
    const behind = await own.upstream.connection(0);
    await behind.closed;
    await expectServed(own);
  });

  test("after a 101 to websocket bytes go both ways, and end with either side", async () => {
    const own = await openStage({ respond: () => SWITCH("websocket") });
    const wire = await dial(own);
    await wire.write(request(`GET ${LIVE}`, [keyOf(own, "acme"), ...UPGRADE]));
    expect(statusOf(await wire.nextResponse())).toBe(101);
    const behind = await own.upstream.connection(0);
    expect(behind.text).not.toContain("noice_sk");
    await wire.write("from the client");
    await behind.until("from the client");
    await behind.write("from the service");
    await wire.until("from the service");
    behind.socket.destroy();
    await wire.end();
    wire.socket.destroy();
    expect(await own.sidecar.auditLine({ event: "stream_close" })).toMatchObject({ path: LIVE, status: 101 });
  });
});

describe("an upgrade to anything but websocket is not offered", () => {
  test.each([
    ["h2c", ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]],
    ["h2c and websocket", ["Connection: Upgrade", "Upgrade: h2c, websocket"]],
    ["websocket and h2c", ["Connection: Upgrade", "Upgrade: websocket, h2c"]],
    ["TLS", ["Connection: Upgrade", "Upgrade: TLS/1.0"]],
    ["websocket that Connection does not name", ["Upgrade: websocket"]],
  ])("%s: the request goes on as plain HTTP without it", async (_name, lines) => {
    const answer = await ask(stage, request("GET /open/plain", lines));
    expect(statusOf(answer)).toBe(200);
    const got = stage.upstream.requests.at(-1);
    expect(got?.startLine).toBe("GET /open/plain HTTP/1.1");
    expect(got?.head).not.toMatch(/upgrade|h2c|http2-settings/i);
  });

  test("and it needs a credential like any other", async () => {
    const answer = await ask(stage, request(`GET ${LIVE}`, ["Connection: Upgrade", "Upgrade: h2c"]));
    expect([statusOf(answer), codeOf(answer)]).toEqual([401, "credential_missing"]);
    expect(await auditOf(stage, answer)).toMatchObject({ decision: "deny" });
  });
});
