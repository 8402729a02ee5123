import { expect, test } from "vitest";
import { startUpstream, ticketRules } from "../e2e/support.ts";
import type { CrashingStore } from "../support/fleet/faults.ts";
import { startFleet } from "../support/fleet/fleet.ts";
import { runTrial, type TrialReport } from "../support/fleet/trial.ts";
import { startRedisCluster, startSentinelGroup } from "../support/redis-groups.ts";

/** Sidecars under load on groups of Redis servers, of which some are killed; see e2e/revocation-faults.test.ts. */

const LEASE_MS = 1500;
const TRIAL_MS = 30_000;

async function trialOn(url: string, store: CrashingStore): Promise<TrialReport> {
  const upstream = await startUpstream((_request, response) => response.end("up"));
  const fleet = await startFleet({ size: 3, redis: url, rules: ticketRules(upstream), leaseMs: LEASE_MS });
  const report = await runTrial({ fleet, store, seed: 7, ms: TRIAL_MS, longestFaultMs: 2 * LEASE_MS });
  console.log(JSON.stringify(report));
  return report;
}

test("no request that begins after a revoke is served, over a failover by Sentinel", async () => {
  const group = await startSentinelGroup();
  let isGone = false;
  const report = await trialOn(group.url, {
    async kill() {
      if (isGone) return;
      isGone = true;
      await group.master.kill();
    },
    // The replica takes its place: the old master stays away.
    restart: () => Promise.resolve(),
  });
  expect(isGone).toBe(true);
  expect(report.violations).toEqual([]);
  expect(report.revokes).toBeGreaterThan(10);
  expect(report.repeated).toBeGreaterThan(0);
});

test("no request that begins after a revoke is served, while a node of a cluster is killed and comes back", async () => {
  const cluster = await startRedisCluster();
  const owner = await cluster.owner();
  const report = await trialOn(cluster.url, {
    kill: () => owner.kill(),
    async restart() {
      await owner.restart();
      await cluster.untilUp();
    },
  });
  expect(report.violations).toEqual([]);
  expect(report.revokes).toBeGreaterThan(10);
  expect(report.faults["store crashed"]).toBeGreaterThan(1);
});
