import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { dial, expectServed, openStage, request, type Stage } from "./support/stage.ts";

const TICKET = "/api/portals/acme/tickets/1";
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

/** Every way to present a key that the corpus knows, good and bad. */
function presentations(key: string): readonly string[] {
  const lines = [`Authorization: Bearer ${key}`, `authorization: bearer ${key}`, `X-API-Key: ${key}`];
  const odd = [`Authorization: ${key}`, `Authorization: Basic ${key}`, `X_API_Key: ${key}`, `X-Other: ${key}`];
  const bodies = [request(`POST ${TICKET}`, [`X-API-Key: ${key}`, "Content-Length: 53"], `${key}xyz`)];
  return [
    ...[...lines, ...odd].flatMap((line) =>
      [TICKET, "/open/a", "/api/portals/globex/tickets/1", "/nowhere"].map((path) => request(`GET ${path}`, [line])),
    ),
    request(`GET ${TICKET}`, [`X-API-Key: ${key}`, `X-API-Key: ${key}`]),
    request(`GET /open/a?access_token=${key}`),
    request(`GET ${TICKET}?q=${key}`),
    request(`GET /open/${key}`),
    request(`GET /open/${key}/../x`),
    request(`GET /nowhere/${key}`),
    request(`GET /api/portals/${key}/tickets/1`, [`X-API-Key: ${key}`]),
    request(`GET /query?portal_id=${key}`, [`X-API-Key: ${key}`]),
    request("GET /header", [`X-API-Key: ${key}`, `X-Portal-Id: ${key}`]),
    request("GET /open/a", [`X-Forwarded-For: ${key}`, `traceparent: ${key}`, `X-Request-Id: ${key}`]),
    `GET /open/a HTTP/1.1\r\nHost: ${key}.example\r\n\r\n`,
    `GET /open/a HTTP/1.1\r\nHost: a\r\nX-API-Key : ${key}\r\n\r\n`,
    `${key} /open/a HTTP/1.1\r\nHost: a\r\n\r\n`,
    request("GET /api/portals/acme/live", [`X-API-Key: ${key}`, ...UPGRADE]),
    ...bodies,
  ];
}

let stage: Stage;
let secrets: readonly string[] = [];
let log = "";
let answers = "";
let metrics = "";

beforeAll(async () => {
  stage = await openStage({
    log: createLog({ level: "trace", stream: { write: (line: string) => void (log += line) } }),
    respond: () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
  });
  const good = Object.values(stage.sidecar.keys).map(({ key }) => key);
  const unknown = createKey(randomBytes);
  secrets = [...good, unknown, `${unknown.slice(0, -1)}${unknown.endsWith("A") ? "B" : "A"}`];
  await Promise.all(
    secrets.flatMap(presentations).map(async (bytes) => {
      const wire = await dial(stage);
      wire.socket.end(Buffer.from(bytes.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), "latin1"));
      await wire.end();
      answers += wire.text;
    }),
  );
  await expectServed(stage);
  metrics = await stage.sidecar.metrics();
}, 60_000);

function leaked(text: string): readonly string[] {
  return secrets.filter((secret) => text.includes(secret) || text.includes(secret.slice(14)));
}

describe("after every key was presented in every way, none of them stands", () => {
  test("in what the callers got", () => {
    expect(answers).toContain("credential_invalid");
    expect(answers).toContain("ambiguous_credential");
    expect(leaked(answers)).toEqual([]);
  });

  test("in the audit", () => {
    const lines = stage.sidecar.audit();
    expect(lines.length).toBeGreaterThan(secrets.length * 20);
    expect(leaked(lines.map((line) => JSON.stringify(line)).join("\n"))).toEqual([]);
  });

  test("in the metrics, nor a path or a host", () => {
    expect(metrics).toContain("portcullis_requests_total{");
    expect(leaked(metrics)).toEqual([]);
    expect(metrics).not.toMatch(/nowhere|desk\.example|globex/);
  });

  test("in the operator log", () => {
    expect(log).toContain("serving");
    expect(leaked(log)).toEqual([]);
  });

  test("in any file beside the sidecar, the database among them", () => {
    const files = readdirSync(stage.sidecar.folder);
    expect(files).toContain("portcullis.db");
    for (const file of files) {
      expect({ file, leaked: leaked(readFileSync(join(stage.sidecar.folder, file), "latin1")) }).toEqual({
        file,
        leaked: [],
      });
    }
  });
});
