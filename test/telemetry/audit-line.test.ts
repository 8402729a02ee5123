import { readFile } from "node:fs/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AUDIT_FIELDS, createAuditLines } from "../../src/telemetry/audit-line.ts";
import { record } from "./support.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const anyText = fc.string({ unit: "binary", maxLength: 80 });
const latin1 = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const text = fc.oneof(anyText, latin1);

describe("audit lines", () => {
  test("a request's line has every promised field under its name", () => {
    const line = createAuditLines("i-1").request(
      record({ traceId: "0af7651916cd43dd8448eb211c80319c", mcp: { method: "tools/call", tool: "get_ticket" } }),
      NOW,
    );
    expect(JSON.parse(line)).toEqual({
      ts: "2026-01-02T03:04:05.006Z",
      event: "request",
      instance: "i-1",
      request_id: "r-1",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      client_ip: "192.0.2.1",
      method: "GET",
      host: "desk.example.com",
      path: "/api/portals/acme/tickets",
      route: "tickets.read",
      rules: "abc123",
      credential: "key_0123456789abcdef",
      credential_kind: "api_key",
      subject: "svc",
      client: null,
      portal_named: "acme",
      portal_allowed: "acme",
      scopes_needed: ["tickets:read"],
      scopes_held: ["tickets:read", "tickets:write"],
      mcp: { method: "tools/call", tool: "get_ticket" },
      decision: "allow",
      reason: "allowed",
      detail: null,
      status: 200,
      bytes_in: 0,
      bytes_out: 120,
      duration_ms: 1.25,
      upstream_ms: 1,
    });
  });

  test("a line without principal, route and upstream says null, never leaves a field out", () => {
    const line = createAuditLines("i-1").request(
      record({ principal: null, routeId: null, scopesNeeded: "", portalNamed: null, upstreamMs: null }),
      NOW,
    );
    expect(JSON.parse(line)).toMatchObject({
      credential: null,
      subject: null,
      portal_allowed: null,
      scopes_held: [],
      route: null,
      scopes_needed: [],
      portal_named: null,
      upstream_ms: null,
    });
  });

  test("whatever a caller sends, the line is one line of ASCII and gives the text back", () => {
    const lines = createAuditLines("i-1");
    fc.assert(
      fc.property(text, text, text, text, text, (path, host, method, subject, detail) => {
        const principal = { credentialId: "k", kind: "oauth", subject, clientId: host, scopesText: "", portal: null };
        const line = lines.request(record({ path, host, method, detail, principal, portalNamed: path }), NOW);
        expect(line).toMatch(/^[\x20-\x7e]+\n$/);
        const parsed: unknown = JSON.parse(line);
        expect(parsed).toMatchObject({ path, host, subject, detail });
      }),
      { numRuns: 1000 },
    );
  });

  test("an event's line is one line whatever its texts hold", () => {
    const lines = createAuditLines("i-1");
    fc.assert(
      fc.property(text, text, (target, detail) => {
        const line = lines.event({ event: "admin", action: "key.create", target, detail, subject: "ops" }, NOW);
        expect(line).toMatch(/^[\x20-\x7e]+\n$/);
        expect(JSON.parse(line)).toMatchObject({ event: "admin", action: "key.create", target, detail, reason: "ok" });
      }),
    );
  });

  test("a value too long is cut, so that a line has a bound", () => {
    const long = "x".repeat(100_000);
    const line = createAuditLines("i-1").request(
      record({ path: long, host: long, method: long, detail: long, portalNamed: long, requestId: long }),
      NOW,
    );
    expect(line.length).toBeLessThan(5000);
    expect(JSON.parse(line).path).toBe(`${"x".repeat(2047)}\u2026`);
  });

  test("an API key in path, host, detail, method or subject does not reach the line", () => {
    const key = `noice_sk_live_${"Z9".repeat(18)}`;
    const principal = { credentialId: key, kind: "api_key", subject: key, clientId: key, scopesText: key, portal: key };
    const line = createAuditLines("i-1").request(
      record({ path: `/a/${key}`, host: key, method: key, detail: `bad ${key}`, portalNamed: key, principal }),
      NOW,
    );
    expect(line).not.toContain("Z9");
    expect(JSON.parse(line).path).toBe("/a/noice_sk_live_[redacted]");
  });

  test("numbers that are none do not break the line", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, -1];
    const lines = createAuditLines("i-1");
    for (const value of odd) {
      const line = lines.request(
        record({ status: value, bytesIn: value, bytesOut: value, durationMs: value, upstreamMs: value }),
        NOW,
      );
      expect(JSON.parse(line)).toMatchObject({ status: 0, bytes_in: 0, duration_ms: 0, upstream_ms: 0 });
    }
  });

  test("durations keep microseconds and never print an exponent", () => {
    const lines = createAuditLines("i-1");
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (durationMs) => {
        const line = lines.request(record({ durationMs }), NOW);
        expect(Math.abs(JSON.parse(line).duration_ms - durationMs)).toBeLessThanOrEqual(0.00051);
      }),
    );
  });

  test("what is cached for a rule follows a reload and a rule with other needs", () => {
    const lines = createAuditLines("i-1");
    const read = (over: object): unknown => JSON.parse(lines.request(record(over), NOW));
    expect(read({ rulesHash: "one" })).toMatchObject({ rules: "one", scopes_needed: ["tickets:read"] });
    expect(read({ rulesHash: "two" })).toMatchObject({ rules: "two", scopes_needed: ["tickets:read"] });
    expect(read({ rulesHash: "two", scopesNeeded: "a:b c:d" })).toMatchObject({ scopes_needed: ["a:b", "c:d"] });
    expect(read({ rulesHash: "two", routeId: null })).toMatchObject({ route: null });
  });

  test("the timestamp follows the clock over seconds, back too", () => {
    const lines = createAuditLines("i-1");
    for (const now of [0, 999, 1000, 1_700_000_000_123.9, 59_999, 0]) {
      expect(JSON.parse(lines.request(record(), now)).ts).toBe(new Date(Math.floor(now)).toISOString());
    }
  });

  test("what was before and after a change is written where it is told, with sorted names, within 2 KiB each", () => {
    const lines = createAuditLines("i-1");
    const change = { event: "admin", action: "key.create", target: "key_1" } as const;
    const line = lines.event({ ...change, before: null, after: { scopes: ["b:c"], name: "ü" } }, NOW);
    expect(line).toMatch(/,"target":"key_1","before":null,"after":\{"name":"\\u00fc","scopes":\["b:c"\]\}\}\n$/);
    expect(lines.event({ ...change, after: {} }, NOW)).toMatch(/,"before":null,"after":\{\}\}\n$/);
    expect(lines.event(change, NOW)).not.toContain("before");
    const huge = { list: Array.from({ length: 9999 }, () => "x".repeat(50)) };
    const both = lines.event({ ...change, before: huge, after: huge }, NOW);
    expect(JSON.parse(both).after).toEqual(JSON.parse(both).before);
    expect(both.length).toBeLessThan(2 * 2048 + 600);
  });

  test("docs/audit.md names every field, and lines hold no other", async () => {
    const docs = await readFile(new URL("../../docs/audit.md", import.meta.url), "utf8");
    for (const field of AUDIT_FIELDS) expect(docs).toContain(`| \`${field}\` |`);
    const lines = createAuditLines("i-1");
    const request: object = JSON.parse(lines.request(record({ mcp: { method: "m", tool: null } }), NOW));
    const event: object = JSON.parse(lines.event({ event: "config", action: "rules.reload", before: null }, NOW));
    expect(new Set([...Object.keys(request), ...Object.keys(event)])).toEqual(new Set(AUDIT_FIELDS));
  });
});
