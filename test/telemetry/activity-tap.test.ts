import { describe, expect, onTestFinished, test } from "vitest";
import type { Activity } from "../../src/core/activity.ts";
import { type ActivityTap, createActivityTap } from "../../src/telemetry/activity-tap.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { type FakeClock, fakeClock } from "../store/fake-clock.ts";
import { openAudit, record, until } from "./support.ts";

interface Stage {
  readonly tap: ActivityTap;
  readonly clock: FakeClock;
  /** Batches as the store got them. */
  readonly batches: (readonly Activity[])[];
  /** All of them. */
  readonly written: () => Activity[];
  readonly warnings: string[];
}

const START = 1_700_000_000_000;

/** A tap that writes every 5 ms into `append`, or into an array that it is given afterwards. */
function stage(append: (batch: readonly Activity[]) => Promise<void> = () => Promise.resolve()): Stage {
  const clock = fakeClock(START);
  const batches: (readonly Activity[])[] = [];
  const warnings: string[] = [];
  const activity = {
    async append(batch: readonly Activity[]) {
      await append(batch);
      batches.push(batch);
    },
  };
  const log = {
    info: (_: unknown, message?: string) => void warnings.push(`info ${message}`),
    warn: (_: unknown, message?: string) => void warnings.push(`warn ${message}`),
  };
  const tap = createActivityTap({ activity, clock, instance: "i-1", log, flushMs: 5 });
  onTestFinished(() => tap.close());
  return { tap, clock, batches, warnings, written: () => batches.flat() };
}

const refused = record({ decision: "deny", reason: "insufficient_scope", status: 403, detail: "needs tickets:write" });

describe("the activity", () => {
  test("of a refused request has what its audit line has", async () => {
    const { tap, written } = stage();
    tap.request({ ...refused, mcp: { method: "tools/call", tool: "get_ticket" } });
    await tap.close();
    expect(written()).toEqual([
      {
        at: START,
        event: "request",
        decision: "deny",
        reason: "insufficient_scope",
        detail: "needs tickets:write",
        action: null,
        target: null,
        subject: "svc",
        credential: "key_0123456789abcdef",
        credentialKind: "api_key",
        client: null,
        route: "tickets.read",
        method: "GET",
        host: "desk.example.com",
        path: "/api/portals/acme/tickets",
        status: 403,
        portal: "acme",
        portalAllowed: "acme",
        scopesHeld: "tickets:read tickets:write",
        mcp: { method: "tools/call", tool: "get_ticket" },
        requestId: "r-1",
        clientIp: "192.0.2.1",
        before: null,
        after: null,
        instance: "i-1",
        count: 1,
      },
    ]);
  });

  test("of an event has what was before and after, redacted and bounded", async () => {
    const { tap, written } = stage();
    const key = `noice_sk_live_${"a".repeat(30)}`;
    tap.event({ event: "admin", action: "key.create", target: "key_1", before: null, after: { name: key, b: 1 } });
    tap.event({ event: "config", action: "rules.reload", after: { list: Array.from({ length: 5000 }, () => "x") } });
    tap.event({ event: "signin", action: "signin.password", decision: "deny", reason: key.repeat(9), detail: key });
    await tap.close();
    expect(written()[0]).toMatchObject({
      event: "admin",
      decision: "allow",
      reason: "ok",
      action: "key.create",
      target: "key_1",
      before: null,
      after: { b: 1, name: "noice_sk_live_[redacted]" },
      method: null,
      count: 1,
    });
    expect(JSON.stringify(written()[1]?.after).length).toBeLessThanOrEqual(2048);
    expect(JSON.stringify(written())).not.toContain("aaaa");
    expect(written()[2]?.reason).toHaveLength(64);
  });

  test("texts that a caller chose are cut and redacted", async () => {
    const { tap, written } = stage();
    tap.request({ ...refused, path: `/${"p".repeat(5000)}`, method: "M".repeat(100) });
    tap.request({ ...refused, path: `/noice_sk_live_${"a".repeat(30)}` });
    await tap.close();
    expect(written().map(({ path }) => path?.length)).toEqual([512, "/noice_sk_live_[redacted]".length]);
    expect(written()[0]?.method).toHaveLength(32);
  });

  test("of allowed requests is one in a hundred, and five a second at most", async () => {
    const { tap, clock, written } = stage();
    const allow = (count: number): void => {
      for (let n = 0; n < count; n += 1) tap.request(record());
    };
    allow(99);
    allow(1);
    clock.advance(1000);
    allow(2000);
    clock.advance(1000);
    allow(100);
    await tap.close();
    expect(written().map(({ at }) => at - START)).toEqual([0, ...Array.from({ length: 5 }, () => 1000), 2000]);
    expect(tap.lost).toBe(0);
  });

  test("of refused requests is twenty a second, the rest of a second in one entry", async () => {
    const { tap, clock, written } = stage();
    for (let n = 0; n < 70; n += 1) tap.request(refused);
    clock.advance(1000);
    for (let n = 0; n < 3; n += 1) tap.request(refused);
    await tap.close();
    const entries = written();
    expect(entries).toHaveLength(24);
    expect(entries[20]).toMatchObject({ reason: "more_refused", decision: "deny", count: 50, at: START });
    expect(entries.reduce((sum, { count }) => sum + count, 0)).toBe(73);
  });

  test("of a flood that ends is told in full once its second is over, though nothing else comes", async () => {
    const { tap, clock, written } = stage();
    for (let n = 0; n < 25; n += 1) tap.request(refused);
    await until(() => written().length === 20);
    clock.advance(1000);
    await until(() => written().length === 21);
    expect(written()[20]).toMatchObject({ count: 5, at: START });
    await tap.close();
    expect(written()).toHaveLength(21);
  });

  test("of a flood of refusals, a member's at the pages among them, does not push out what administrators do", async () => {
    const { tap, written } = stage();
    for (let n = 0; n < 1000; n += 1) {
      tap.event({ event: "signin", action: "signin.password", decision: "deny", reason: "wrong_password" });
      tap.event({ event: "oauth", action: "token.refuse", decision: "deny", reason: "invalid_grant" });
      tap.event({ event: "admin", action: "page.refuse", decision: "deny", reason: "forbidden" });
      if (n % 10 === 0) tap.event({ event: "admin", action: "key.create" });
      if (n % 10 === 0) tap.event({ event: "signin", action: "signin.password" });
    }
    await tap.close();
    const of = (event: string, decision: string): Activity[] =>
      written().filter((entry) => entry.event === event && entry.decision === decision);
    expect(of("admin", "allow")).toHaveLength(100);
    expect(of("signin", "allow")).toHaveLength(100);
    for (const event of ["signin", "oauth", "admin"]) {
      expect(of(event, "deny")).toHaveLength(21);
      expect(of(event, "deny").reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    }
  });

  test("is written in batches, in order, never within the call", async () => {
    const { tap, batches } = stage();
    for (let n = 0; n < 450; n += 1) tap.event({ event: "admin", action: `a.${n}` });
    expect(batches).toEqual([]);
    await until(() => batches.length === 3);
    expect(batches.map((batch) => batch.length)).toEqual([200, 200, 50]);
    expect(batches.flat().map(({ action }) => action)).toEqual(Array.from({ length: 450 }, (_, n) => `a.${n}`));
  });

  test("that the store refuses is lost, counted and told once, and what comes later is written", async () => {
    let isDown = true;
    const { tap, written, warnings } = stage(async () => {
      if (isDown) throw new Error("down");
    });
    tap.event({ event: "admin", action: "a.1" });
    await until(() => tap.lost === 1);
    tap.event({ event: "admin", action: "a.2" });
    await until(() => tap.lost === 2);
    isDown = false;
    tap.event({ event: "admin", action: "a.3" });
    await until(() => written().length === 1);
    expect(written()[0]?.action).toBe("a.3");
    expect(warnings.map((line) => line.split(" ")[0])).toEqual(["warn", "info"]);
  });

  test("of a store that does not answer is bounded, and ends with close", async () => {
    const { tap } = stage(() => new Promise(() => {}));
    tap.event({ event: "admin", action: "first" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let n = 0; n < 5000; n += 1) tap.event({ event: "admin", action: "more" });
    expect(tap.lost).toBe(3000);
    await tap.close();
    expect(tap.lost).toBeGreaterThanOrEqual(5000);
  });

  test("after close is lost, and close may be called again", async () => {
    const { tap, written } = stage();
    tap.event({ event: "admin", action: "in time" });
    await Promise.all([tap.close(), tap.close()]);
    tap.event({ event: "admin", action: "late" });
    expect(written().map(({ action }) => action)).toEqual(["in time"]);
    expect(tap.lost).toBe(1);
  });

  test("is what the audit log was told, and its losses are a metric", async () => {
    const written: Activity[] = [];
    const metrics = createMetrics({ version: "1.2.3", instance: "i-1" });
    const append = async (batch: readonly Activity[]): Promise<void> => {
      if (written.length > 0) throw new Error("down");
      written.push(...batch);
    };
    const tap = createActivityTap({
      activity: { append },
      clock: fakeClock(),
      instance: "i-1",
      log: silentLog(),
      metrics,
      flushMs: 5,
    });
    const audit = openAudit({ sinks: [], tap });
    audit.request(refused);
    audit.event({ event: "admin", action: "key.create" });
    await until(() => written.length === 2);
    audit.event({ event: "admin", action: "key.revoke" });
    await tap.close();
    expect(await metrics.text()).toContain("\nportcullis_activity_lost_total 1\n");
    expect(await metrics.text()).toContain("\nportcullis_audit_lost_total 0\n");
  });
});
