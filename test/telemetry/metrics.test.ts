import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { createMetrics, type Metrics, NO_ROUTE } from "../../src/telemetry/metrics.ts";

const make = (): Metrics => createMetrics({ version: "1.2.3", instance: "i-1" });
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^\n]*\})? (-?[0-9.e+-]+|NaN|Nan|[+-]Inf)$/;

/** The samples of a scrape by name with labels; fails on a line that is no sample. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for (const line of (await metrics.text()).split("\n")) {
    if (line === "" || line.startsWith("# ")) continue;
    const match = LINE.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const series = `${match[1]}${match[2] ?? ""}`;
    if (samples.has(series)) throw new Error(`twice: ${series}`);
    samples.set(series, Number(match[3]));
  }
  return samples;
}

describe("metrics", () => {
  test("requests are counted by rule, decision, reason and status", async () => {
    const metrics = make();
    const read = metrics.forRoute("tickets.read");
    for (let i = 0; i < 5; i += 1) read.request("allow", "allowed", 200, 2, 0.05);
    read.request("deny", "insufficient_scope", 403, 0.1, 0.1);
    read.request("allow", "allowed", 200, 2, 0.05);
    metrics.forRoute(NO_ROUTE).request("deny", "no_route", 404, 0.1, 0.1);
    const samples = await scrape(metrics);
    const series = (route: string, decision: string, reason: string, status: number): number | undefined =>
      samples.get(
        `portcullis_requests_total{route="${route}",decision="${decision}",reason="${reason}",status="${status}"}`,
      );
    expect(series("tickets.read", "allow", "allowed", 200)).toBe(6);
    expect(series("tickets.read", "deny", "insufficient_scope", 403)).toBe(1);
    expect(series("none", "deny", "no_route", 404)).toBe(1);
  });

  test("a scrape changes nothing: the next one gives the same counts", async () => {
    const metrics = make();
    metrics.forRoute("a").request("allow", "allowed", 200, 1, 1);
    metrics.lookup("hit");
    const ours = async (): Promise<[string, number][]> =>
      [...(await scrape(metrics))].filter(([series]) => series.startsWith("portcullis_"));
    expect(await ours()).toEqual(await ours());
  });

  test("a rule that is bound again after a reload keeps its counts", async () => {
    const metrics = make();
    metrics.forRoute("a").request("allow", "allowed", 200, 1, 1);
    metrics.forRoute("a").request("allow", "allowed", 200, 1, 1);
    const samples = await scrape(metrics);
    expect(samples.get('portcullis_requests_total{route="a",decision="allow",reason="allowed",status="200"}')).toBe(2);
    expect(samples.get('portcullis_request_duration_seconds_count{route="a"}')).toBe(2);
  });

  test("durations fall into cumulative buckets, a bound being part of its bucket", async () => {
    const metrics = make();
    for (const ms of [0, 0.5, 0.6, 1, 29_999, 30_000, 60_000, -5]) {
      metrics.forRoute("a").request("allow", "allowed", 200, ms, ms / 1000);
    }
    const samples = await scrape(metrics);
    const bucket = (le: string): number | undefined =>
      samples.get(`portcullis_request_duration_seconds_bucket{le="${le}",route="a"}`);
    expect(bucket("0.0005")).toBe(3);
    expect(bucket("0.001")).toBe(5);
    expect(bucket("10")).toBe(5);
    expect(bucket("30")).toBe(7);
    expect(bucket("+Inf")).toBe(8);
    expect(samples.get('portcullis_request_duration_seconds_count{route="a"}')).toBe(8);
    expect(samples.get('portcullis_request_duration_seconds_sum{route="a"}')).toBeCloseTo(120.0011, 6);
    expect(samples.get('portcullis_added_duration_seconds_bucket{le="0.000025"}')).toBe(5);
    expect(samples.get("portcullis_added_duration_seconds_count")).toBe(8);
  });

  test("look-ups, store calls, upstreams and streams are counted", async () => {
    const metrics = make();
    const { lookup, storeDuration } = metrics;
    lookup("hit");
    lookup("hit");
    lookup("negative");
    storeDuration("find", "ok", 3);
    storeDuration("find", "error", 3);
    metrics.forUpstream("desk").duration(12);
    metrics.openStreams.inc();
    metrics.openStreams.inc();
    metrics.openStreams.dec();
    metrics.revocationApplied(40);
    const samples = await scrape(metrics);
    expect(samples.get('portcullis_credential_lookups_total{result="hit"}')).toBe(2);
    expect(samples.get('portcullis_credential_lookups_total{result="negative"}')).toBe(1);
    expect(samples.get('portcullis_credential_lookups_total{result="stale"}')).toBe(0);
    expect(samples.get('portcullis_store_duration_seconds_count{operation="find",result="ok"}')).toBe(1);
    expect(samples.get('portcullis_store_duration_seconds_count{operation="find",result="error"}')).toBe(1);
    expect(samples.get('portcullis_upstream_duration_seconds_bucket{le="0.025",upstream="desk"}')).toBe(1);
    expect(samples.get("portcullis_open_streams")).toBe(1);
    expect(samples.get("portcullis_revocation_apply_seconds_count")).toBe(1);
  });

  test("gauges show what holds at the scrape", async () => {
    const metrics = make();
    const audit = { queueBytes: 10, lost: 1 };
    metrics.bindAudit(audit);
    const store = {
      isOut: true,
      errors: { timeout: 1, unreachable: 2, refused: 3 },
      unreplicated: 4,
      appliedEntry: 17,
      leaseLeftMs: 7500,
    };
    metrics.bindStore(() => store);
    metrics.storeUp(true);
    expect((await scrape(metrics)).get("portcullis_store_up")).toBe(1);
    audit.queueBytes = 20;
    audit.lost = 3;
    metrics.storeUp(false);
    const samples = await scrape(metrics);
    expect(samples.get("portcullis_audit_queue_bytes")).toBe(20);
    expect(samples.get("portcullis_audit_lost_total")).toBe(3);
    expect(samples.get("portcullis_lease_remaining_seconds")).toBe(7.5);
    expect(samples.get("portcullis_store_up")).toBe(0);
    expect(samples.get("portcullis_store_circuit_open")).toBe(1);
    expect(samples.get("portcullis_revocation_applied_entry")).toBe(17);
    expect(samples.get("portcullis_store_unreplicated_total")).toBe(4);
    const errors = ["timeout", "unreachable", "refused"].map((kind) => {
      return samples.get(`portcullis_store_errors_total{kind="${kind}"}`);
    });
    expect(errors).toEqual([1, 2, 3]);
  });

  test("only the rules in force have a series", async () => {
    const metrics = make();
    metrics.rulesInfo("one");
    metrics.rulesInfo("two");
    metrics.configReload("ok");
    const samples = await scrape(metrics);
    expect([...samples].filter(([series]) => series.startsWith("portcullis_rules_info"))).toEqual([
      ['portcullis_rules_info{hash="two"}', 1],
    ]);
    expect(samples.get('portcullis_config_reloads_total{result="ok"}')).toBe(1);
    expect(samples.get('portcullis_config_reloads_total{result="error"}')).toBe(0);
  });

  test("odd statuses are counted as one of the range", async () => {
    const metrics = make();
    const route = metrics.forRoute("a");
    for (const status of [-1, 0, 99, 600, 1e9, Number.NaN]) route.request("deny", "no_route", status, 1, 1);
    const series = [...(await scrape(metrics))].filter(([name]) => name.startsWith("portcullis_requests_total"));
    expect(series.reduce((sum, [, value]) => sum + value, 0)).toBe(6);
    const statuses = series.map(([name]) => Number(/status="(\d+)"/.exec(name)?.[1]));
    expect(statuses.every((status) => status >= 100 && status <= 599)).toBe(true);
  });

  test("every metric of the interface exists and docs/metrics.md names each of ours", async () => {
    const metrics = make();
    const ours = metrics.names().filter((name) => name.startsWith("portcullis_"));
    expect(ours.toSorted()).toEqual([
      "portcullis_activity_lost_total",
      "portcullis_added_duration_seconds",
      "portcullis_audit_lost_total",
      "portcullis_audit_queue_bytes",
      "portcullis_build_info",
      "portcullis_config_reloads_total",
      "portcullis_credential_lookups_total",
      "portcullis_lease_remaining_seconds",
      "portcullis_mcp_messages_total",
      "portcullis_open_streams",
      "portcullis_request_duration_seconds",
      "portcullis_requests_total",
      "portcullis_revocation_applied_entry",
      "portcullis_revocation_apply_seconds",
      "portcullis_rules_info",
      "portcullis_store_circuit_open",
      "portcullis_store_duration_seconds",
      "portcullis_store_errors_total",
      "portcullis_store_unreplicated_total",
      "portcullis_store_up",
      "portcullis_streams_closed_total",
      "portcullis_upstream_duration_seconds",
    ]);
    const docs = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    for (const name of ours) expect(docs).toContain(`| \`${name}\` |`);
  });

  test("Node's own metrics are there", async () => {
    const names = make().names();
    expect(names).toContain("process_cpu_user_seconds_total");
    expect(names).toContain("nodejs_eventloop_lag_seconds");
  });
});
