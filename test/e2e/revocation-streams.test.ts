import { expect, test } from "vitest";
import { type EventStream, openStream } from "./event-stream.ts";
import { install, readAudit, startUpstream, ticketRules } from "./support.ts";
import { spawnPortcullis, stop } from "../support/processes.ts";
import { registrationMs } from "../../src/revocation/follower.ts";
import { startFleet } from "../support/fleet/fleet.ts";
import { startRedis } from "../support/redis.ts";

/** How each ended, once all have. */
async function endings(streams: readonly EventStream[]): Promise<readonly string[]> {
  return (await Promise.all(streams.map(({ ended }) => ended))).map(({ how }) => how);
}

const LEASE_MS = 1500;
/** Where a command is started in it. */
const LONG_LEASE_MS = 8000;

async function startEvents(leaseMs: number) {
  const redis = await startRedis();
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    const timer = setInterval(() => response.write("data: more\n\n"), 5);
    response.on("close", () => clearInterval(timer));
  });
  return startFleet({ size: 3, redis: redis.port, rules: ticketRules(upstream), leaseMs });
}

const WISH = { name: "s", scopes: ["tickets:read"], portal: null, expiresInMs: null, subject: "s", createdBy: "t" };

test("a revoke closes the streams of the key on every instance, and those of no other, and says how many", async () => {
  const fleet = await startEvents(10_000);
  const [ours, others] = [await fleet.keys.create(WISH), await fleet.keys.create(WISH)];
  const urls = fleet.instances.map(({ sidecar }) => sidecar.url);
  const open = await Promise.all(urls.flatMap((url) => [openStream(url, ours.key), openStream(url, ours.key)]));
  const left = await Promise.all(urls.map((url) => openStream(url, others.key)));

  const { spread, value } = await fleet.store.changes.report(Infinity, () => fleet.keys.revoke(ours.record.id));
  expect(value?.revokedAt).not.toBeNull();
  expect(spread).toMatchObject({ instances: 3, applied: 3, streamsClosed: 6, out: [], lapsed: [] });
  expect(await endings(open)).toEqual(open.map(() => "cut"));

  await Promise.all(urls.map((url) => openStream(url, others.key)));
  expect(left.map((stream) => stream.isOpen())).toEqual(left.map(() => true));
  for (const { auditFile } of fleet.instances) {
    await expect
      .poll(() => readAudit(auditFile).filter(({ event }) => event === "stream_close"))
      .toEqual(
        Array.from({ length: 2 }, () =>
          expect.objectContaining({ credential: ours.record.id, reason: "credential_revoked" }),
        ),
      );
  }
}, 60_000);

test("an instance that is cut off closes its streams when its lease is over, and the revoke waits for that", async () => {
  const fleet = await startEvents(LONG_LEASE_MS);
  const [, cutOff] = fleet.instances;
  if (cutOff?.relay == null) throw new Error("three were started");
  const { key, record } = await fleet.keys.create(WISH);
  const streams = await Promise.all(fleet.instances.map(({ sidecar }) => openStream(sidecar.url, key)));
  cutOff.relay.freeze();
  // Long enough for instances of a busy machine, and shorter than the lease.
  const atOnce = await fleet.store.changes.report(LONG_LEASE_MS / 2, () => fleet.keys.revoke(record.id));
  expect(atOnce.spread).toMatchObject({ instances: 3, applied: 2, streamsClosed: 2, lapsed: [] });
  expect(atOnce.spread.out).toHaveLength(1);
  expect(atOnce.spread.out[0]?.forMs).toBeLessThanOrEqual(registrationMs(LONG_LEASE_MS));
  const waited = await fleet.store.changes.report(Infinity, () => fleet.keys.revoke(record.id));
  expect(waited.spread).toMatchObject({ applied: 2, out: [] });
  expect(waited.spread.lapsed).toEqual(atOnce.spread.out.map(({ instance }) => instance));
  expect(await endings(streams)).toEqual(["cut", "cut", "cut"]);
  expect(await cutOff.sidecar.get("/tickets/acme", key)).toMatchObject({ status: 503, code: "store_unavailable" });
  cutOff.relay.heal();
  await cutOff.sidecar.untilReadiness(({ ready }) => ready);
  await expect
    .poll(async () => (await cutOff.sidecar.get("/tickets/acme", key)).code, { timeout: 5000 })
    .toBe("credential_invalid");
}, 60_000);

test("an instance that was stopped cuts its streams once it goes on, and serves when it has caught up", async () => {
  const fleet = await startEvents(LEASE_MS);
  const [stopped] = fleet.instances;
  if (stopped === undefined) throw new Error("three were started");
  for (let round = 0; round < 3; round += 1) {
    const { key, record } = await fleet.keys.create(WISH);
    const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(stopped.sidecar.url, key)));
    stopped.sidecar.process.child.kill("SIGSTOP");
    const { spread } = await fleet.store.changes.report(Infinity, () => fleet.keys.revoke(record.id));
    expect(spread).toMatchObject({ applied: 2, lapsed: [expect.any(String)] });
    stopped.sidecar.process.child.kill("SIGCONT");
    // What the streams held may still come through: see docs/revocation.md, "What is not promised".
    expect(await endings(streams)).toEqual(streams.map(() => "cut"));
    await stopped.sidecar.untilReadiness(({ ready }) => ready);
    await expect
      .poll(async () => (await stopped.sidecar.get("/tickets/acme", key)).status, { timeout: 5000 })
      .toBe(401);
  }
}, 60_000);

test("the command says how many instances applied it and closed what, and without waiting who is out", async () => {
  const redis = await startRedis();
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  });
  const at = install({
    rules: ticketRules(upstream),
    store: redis.url,
    more: `revocation: { lease: ${LONG_LEASE_MS}ms }\noauth: { enabled: false }`,
  });
  const [here, there] = [await at.serve(), await at.serve()];
  const [one, two] = [await at.createKey("--scope", "tickets:read"), await at.createKey("--scope", "tickets:read")];
  const streams = [await openStream(here.url, one.key), await openStream(there.url, one.key)];
  const told = spawnPortcullis(["keys", "revoke", one.id, "--config", at.config]);
  expect(await told.exited).toMatchObject({ code: 0 });
  expect(told.stderr()).toMatch(/^Applied by 2 of 2 instances in \d+ ms\. 2 open streams closed\.\n$/);
  expect(await endings(streams)).toEqual(["cut", "cut"]);

  expect(await here.metric("portcullis_revocation_apply_seconds_count")).toBeGreaterThan(0);

  there.process.child.kill("SIGSTOP");
  const atOnce = spawnPortcullis(["keys", "revoke", two.id, "--no-wait", "--json", "--config", at.config]);
  expect(await atOnce.exited).toMatchObject({ code: 0 });
  // On a busy machine the other one may not have answered in that moment either.
  const out = expect.arrayContaining([
    { instance: expect.stringMatching(new RegExp(`-${there.process.pid}$`)), for_ms: expect.any(Number) },
  ]);
  expect(JSON.parse(atOnce.stdout())).toMatchObject({ applied: { instances: 2, out, lapsed: [] } });
  expect(atOnce.stderr()).toMatch(/ does not answer, and may go on as before for \d s at most\./);
  const waited = spawnPortcullis(["keys", "revoke", two.id, "--config", at.config]);
  expect(await waited.exited).toMatchObject({ code: 0 });
  there.process.child.kill("SIGCONT");
  expect(await there.get("/tickets/acme", two.key)).not.toMatchObject({ status: 200 });
  for (const { process } of [here, there]) await stop(process);
}, 60_000);
