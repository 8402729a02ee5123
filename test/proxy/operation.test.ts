import { once } from "node:events";
import { rmSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OK, startRawUpstream } from "../support/raw-upstream.ts";
import { startSidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";
import { statusOf, valuesOf } from "../support/wire.ts";
import { ask, codeOf, connectTo, head, TICKETS } from "./client.ts";

const STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n";

/** A full disk, until it is repaired: then lines go to a file. */
function fullDisk() {
  const folder = tempFolder();
  const file = join(folder, "audit.ndjson");
  symlinkSync("/dev/full", file);
  return { folder, file, repair: () => rmSync(file) };
}

test("where the audit cannot be written, nothing is forwarded until it can, and no line is lost", async () => {
  const upstream = await startRawUpstream();
  const disk = fullDisk();
  const audit = { sinks: [{ file: disk.file }], when_full: "refuse", queue_bytes: 1000 };
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, folder: disk.folder, config: { audit } });
  let response = await ask(sidecar, head("GET /open/x"));
  // What was admitted before the sink was known to fail is kept.
  for (let i = 0; i < 50 && statusOf(response) === 200; i++) response = await ask(sidecar, head("GET /open/x"));
  expect([statusOf(response), codeOf(response)]).toEqual([503, "audit_unavailable"]);
  expect(valuesOf(response, "retry-after")).toEqual(["1"]);
  const before = upstream.requests.length;
  for (let i = 0; i < 5; i++) expect(statusOf(await ask(sidecar, head("GET /open/x")))).toBe(503);
  expect(upstream.requests).toHaveLength(before);
  expect((await fetch(`${sidecar.adminUrl}/readyz`)).status).toBe(503);
  disk.repair();
  await sidecar.reload();
  while (statusOf(await ask(sidecar, head("GET /open/repaired"))) !== 200) await sidecar.reload();
  await sidecar.auditLine({ path: "/open/repaired", status: 200 });
  expect(sidecar.audit().filter(({ status }) => status === 200)).toHaveLength(upstream.requests.length);
});

test("where lines may be dropped, requests go on and losses are counted", async () => {
  const upstream = await startRawUpstream();
  const disk = fullDisk();
  const audit = { sinks: [{ file: disk.file }], when_full: "drop", queue_bytes: 1000 };
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, folder: disk.folder, config: { audit } });
  for (let i = 0; i < 20; i++) expect(statusOf(await ask(sidecar, head("GET /open/x")))).toBe(200);
  expect(await sidecar.metric("portcullis_audit_lost_total")).toBeGreaterThan(0);
  disk.repair();
  await sidecar.reload();
});

test("draining lets open requests end, with the connection, and takes no new ones", async () => {
  const answer = Promise.withResolvers<string>();
  const upstream = await startRawUpstream(() => answer.promise);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits: { drain: "10s" } } });
  const idle = await connectTo(sidecar);
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await upstream.request(0);
  const closed = sidecar.close();
  await idle.closed;
  const late = connect({ port: sidecar.port, host: "127.0.0.1" });
  expect(await once(late, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
  answer.resolve(OK);
  const response = await client.nextResponse();
  expect(statusOf(response)).toBe(200);
  expect(valuesOf(response, "connection")).toEqual(["close"]);
  await closed;
  expect(sidecar.audit().filter(({ path }) => path === "/open/x")).toHaveLength(1);
});

test("a request whose answer began before draining ends the connection when it ends", async () => {
  const end = Promise.withResolvers<undefined>();
  const upstream = await startRawUpstream(async (_request, wire) => {
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbe");
    await end.promise;
    await wire.write("en");
  });
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits: { drain: "60s" } } });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/x"));
  await client.until("\r\n\r\nbe");
  const closed = sidecar.close();
  end.resolve(undefined);
  expect((await client.nextResponse()).body.toString()).toBe("been");
  // Far sooner than the time that drain has, or the test runs into its own.
  await closed;
});

test("a stream that outlives the drain is cut and recorded", async () => {
  const upstream = await startRawUpstream(() => STREAM);
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { limits: { drain: "100ms" } } });
  const client = await connectTo(sidecar);
  await client.write(head("GET /open/events"));
  await client.until("\r\n.\r\n");
  await sidecar.close();
  await client.closed;
  expect(client.text).not.toContain("\r\n0\r\n");
  const lines = sidecar.audit().filter(({ path }) => path === "/open/events");
  expect(lines.map(({ event, reason }) => [event, reason])).toEqual([
    ["stream_open", "public"],
    ["stream_close", "draining"],
  ]);
  await (
    await upstream.connection(0)
  ).closed;
});

test("each kind of end is one audit line and one count, with its status, reason and bytes", async () => {
  const upstream = await startRawUpstream((request) =>
    request.startLine.startsWith("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" : OK,
  );
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const { keys } = sidecar;
  const key = (name: keyof typeof keys): string[] => [`X-API-Key: ${keys[name].key}`];
  const kinds: [string, string[], string, number, string, string | null, number][] = [
    ["GET /open/a", [], "", 200, "public", "open", 2],
    [`GET ${TICKETS}/b`, key("acme"), "", 200, "allowed", "tickets.read", 2],
    [`HEAD ${TICKETS}/c`, key("acme"), "", 200, "allowed", "tickets.read", 0],
    [`POST ${TICKETS}/d`, [...key("writer"), "Content-Length: 5"], "hello", 200, "allowed", "tickets.write", 2],
    [`GET ${TICKETS}/e`, [], "", 401, "credential_missing", "tickets.read", -1],
    [`GET ${TICKETS}/f`, key("revoked"), "", 401, "credential_revoked", "tickets.read", -1],
    [`GET ${TICKETS}/g`, key("expired"), "", 401, "credential_expired", "tickets.read", -1],
    [`GET ${TICKETS}/h`, ["X-API-Key: noice_sk_live_x"], "", 401, "credential_malformed", "tickets.read", -1],
    [`POST ${TICKETS}/i`, key("reader"), "", 403, "insufficient_scope", "tickets.write", -1],
    ["GET /api/portals/globex/tickets/j", key("acme"), "", 403, "portal_forbidden", "tickets.read", -1],
    ["GET /nowhere/k", [], "", 404, "no_route", null, -1],
    [`TRACE ${TICKETS}/l`, [], "", 405, "method_not_allowed", null, -1],
    [`GET ${TICKETS}/m`, [...key("acme"), ...key("acme")], "", 400, "ambiguous_credential", "tickets.read", -1],
  ];
  for (const [line, fields, body, status, reason, route, bytesOut] of kinds) {
    const path = line.split(" ")[1] ?? "";
    const [method = ""] = line.split(" ");
    const response = await ask(sidecar, head(line, fields) + body, method);
    expect([line, statusOf(response)]).toEqual([line, status]);
    const audited = await sidecar.auditLine({ path });
    const bytes = bytesOut < 0 ? response.body.length : bytesOut;
    const decision = status === 200 ? "allow" : "deny";
    expect(audited).toMatchObject({
      method,
      status,
      reason,
      route,
      decision,
      bytes_in: body.length,
      bytes_out: bytes,
    });
    expect(audited["request_id"]).toBe(valuesOf(response, "x-request-id")[0]);
    expect(status === 200 ? typeof audited["upstream_ms"] : audited["upstream_ms"]).toBe(
      status === 200 ? "number" : null,
    );
    expect(sidecar.audit().filter((other) => other["path"] === path)).toHaveLength(1);
    const labels = { reason, status: String(status), decision };
    expect(await sidecar.metric("portcullis_requests_total", labels)).toBeGreaterThan(0);
  }
  expect(await sidecar.metric("portcullis_requests_total")).toBe(kinds.length);
  expect(await sidecar.metric("portcullis_upstream_duration_seconds_count", { upstream: "up" })).toBe(4);
  const text = JSON.stringify(sidecar.audit());
  for (const { key: secret } of Object.values(keys)) expect(text).not.toContain(secret);
});

test("the audit names whose credential was refused as revoked or expired, and the upstream hears nothing", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const own = await sidecar.issue(["tickets:read"], "acme");
  await sidecar.revoke(own.id);
  const cases = [
    [own, "credential_revoked", "acme"],
    [sidecar.keys.expired, "credential_expired", null],
  ] as const;
  for (const [{ id, key }, reason, portal] of cases) {
    expect(statusOf(await ask(sidecar, head(`GET ${TICKETS}`, [`X-API-Key: ${key}`])))).toBe(401);
    const line = await sidecar.auditLine({ reason });
    expect(line).toMatchObject({ credential: id, subject: "test-subject", portal_allowed: portal, decision: "deny" });
  }
  await ask(sidecar, head(`GET ${TICKETS}`, ["X-API-Key: noice_sk_live_x"]));
  expect(await sidecar.auditLine({ reason: "credential_malformed" })).toMatchObject({ credential: null });
  expect(upstream.requests).toHaveLength(0);
});

test("a key revoked elsewhere is refused at its next request", async () => {
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({ upstreamUrl: upstream.url });
  const { id, key } = await sidecar.issue(["tickets:read"], "acme");
  const client = await connectTo(sidecar);
  const request = head(`GET ${TICKETS}`, [`X-API-Key: ${key}`]);
  await client.write(request);
  expect(statusOf(await client.nextResponse())).toBe(200);
  await sidecar.revoke(id);
  await client.write(request);
  const refused = await client.nextResponse();
  expect([statusOf(refused), codeOf(refused)]).toEqual([401, "credential_invalid"]);
  expect(upstream.requests).toHaveLength(1);
});
