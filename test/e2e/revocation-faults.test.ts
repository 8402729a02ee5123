import { expect, test } from "vitest";
import { runTrial } from "../support/fleet/trial.ts";
import { startFleet } from "../support/fleet/fleet.ts";
import { startRedis } from "../support/redis.ts";
import { startUpstream, ticketRules } from "./support.ts";

/** Short, so that faults last longer than it. */
const LEASE_MS = 1500;

test("while instances are stopped and cut off and Redis crashes, no request that begins after a revoke is served", async () => {
  const redis = await startRedis();
  const upstream = await startUpstream((_request, response) => response.end("up"));
  const fleet = await startFleet({ size: 3, redis: redis.port, rules: ticketRules(upstream), leaseMs: LEASE_MS });
  const report = await runTrial({ fleet, store: redis, seed: 20_261_125, ms: 15_000, longestFaultMs: 2 * LEASE_MS });
  console.log(JSON.stringify(report));
  expect(report.violations).toEqual([]);
  expect(report.revokes).toBeGreaterThan(10);
  // How many depends on the machine; what counts is that each kind was there.
  expect(report.statuses["200"]).toBeGreaterThan(50);
  expect(report.statuses["401"]).toBeGreaterThan(100);
  for (const count of Object.values(report.faults)) expect(count).toBeGreaterThan(0);
}, 120_000);
