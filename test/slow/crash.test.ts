import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import { install, startUpstream, ticketRules } from "../e2e/support.ts";
import { Acknowledged } from "../support/crash/acknowledged.ts";
import { outputOf, type RunningProcess, spawnProcess, waitForLine } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";

/** Kills at random points, 200 in all. */
const STORE_KILLS = 80;
const REDIS_KILLS = 70;
const INSTANCE_KILLS = 50;

const WRITER = join(import.meta.dirname, "../support/crash/writer.ts");

/** A writer that has been acknowledged something. */
async function startWriter(url: string): Promise<RunningProcess> {
  const writer = spawnProcess(process.execPath, [WRITER, url]);
  await waitForLine(writer, (line) => line.startsWith("created"));
  return writer;
}

async function kill(running: RunningProcess): Promise<void> {
  running.child.kill("SIGKILL");
  await running.exited;
}

test(`the embedded store loses nothing when its process is killed ${STORE_KILLS} times`, async () => {
  const url = `sqlite:${join(tempFolder(), "portcullis.db")}`;
  const acknowledged = new Acknowledged();
  for (let killed = 0; killed < STORE_KILLS; killed += 1) {
    const writer = await startWriter(url);
    await pause(Math.random() * 60);
    await kill(writer);
    acknowledged.read(writer);
  }
  const store = openStore(url, { clock: systemClock });
  try {
    expect(await acknowledged.missing(store)).toEqual({ lost: [], back: [] });
    console.log(JSON.stringify({ created: acknowledged.created.size, revoked: acknowledged.revoked.size }));
    expect(acknowledged.revoked.size).toBeGreaterThan(STORE_KILLS / 2);
  } finally {
    await store.close();
  }
});

test(`Redis with an append-only file loses nothing when it is killed ${REDIS_KILLS} times`, async () => {
  const redis = await startRedis();
  const acknowledged = new Acknowledged();
  for (let killed = 0; killed < REDIS_KILLS; killed += 1) {
    const writer = await startWriter(redis.url);
    await pause(Math.random() * 60);
    await redis.kill();
    // It ends by itself: its store is gone.
    await writer.exited;
    acknowledged.read(writer);
    await redis.restart();
  }
  const store = openStore(redis.url, { clock: systemClock });
  try {
    expect(await acknowledged.missing(store)).toEqual({ lost: [], back: [] });
    console.log(JSON.stringify({ created: acknowledged.created.size, revoked: acknowledged.revoked.size }));
    expect(acknowledged.revoked.size).toBeGreaterThan(REDIS_KILLS / 2);
  } finally {
    await store.close();
  }
});

test(`no audit line is torn in a way that a reader would trust when an instance is killed ${INSTANCE_KILLS} times`, async () => {
  const upstream = await startUpstream((_request, response) => response.end("up"));
  const at = install({ rules: ticketRules(upstream), more: "oauth: { enabled: false }" });
  const { key } = await at.createKey("--scope", "tickets:read");
  let answered = 0;
  for (let killed = 0; killed < INSTANCE_KILLS; killed += 1) {
    const sidecar = await at.serve();
    const loops = Array.from({ length: 8 }, async () => {
      for (;;) {
        const answer = await sidecar.get("/tickets/acme", key).catch(() => null);
        if (answer === null) return;
        if (answer.status === 200) answered += 1;
      }
    });
    await pause(Math.random() * 120);
    await kill(sidecar.process);
    await Promise.all(loops);
    expect(outputOf(sidecar.process)).not.toContain("audit");
  }
  const whole: unknown[] = [];
  let torn = 0;
  for (const line of readFileSync(at.auditFile, "utf8").split("\n").filter(Boolean)) {
    try {
      whole.push(JSON.parse(line));
    } catch {
      torn += 1;
    }
  }
  const ids = new Set<string>();
  for (const line of whole) {
    // A line that parses is a whole one: every field is there, and no two were run together.
    expect(line).toMatchObject({ ts: expect.any(String), event: expect.any(String), reason: expect.any(String) });
    const { request_id: id } = Object(line);
    if (typeof id === "string") ids.add(id);
  }
  console.log(JSON.stringify({ answered, lines: whole.length, torn }));
  expect(torn).toBeLessThanOrEqual(INSTANCE_KILLS);
  expect(ids.size).toBeGreaterThan(answered / 2);
});
