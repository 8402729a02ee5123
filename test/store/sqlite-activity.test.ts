import { DatabaseSync } from "node:sqlite";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACTIVITY_KEPT, type ActivityQuery } from "../../src/store/activity.ts";
import { activitySql } from "../../src/store/sqlite-activity.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/types.ts";
import { spawnProcess, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { activity, ACTIVITY_AT } from "./activities.ts";
import { fakeClock } from "./fake-clock.ts";
import { newEar } from "../contract/store.contract.ts";
import { record } from "./records.ts";
import { BEFORE_ACTIVITY } from "./sqlite-versions.ts";

const folder = tempFolder();

describe("activity in SQLite", () => {
  let file: string;
  let store: Store;
  let raw: DatabaseSync;

  beforeEach(() => {
    file = join(mkdtempSync(join(folder, "db-")), "portcullis.db");
    store = openSqliteStore({ file, clock: fakeClock() });
    raw = new DatabaseSync(file);
  });

  afterEach(async () => {
    raw.close();
    await store.close();
  });

  /** Writes past the store, quickly. */
  function fill(count: number): void {
    const entry = JSON.stringify(activity()).replaceAll("'", "''");
    raw.exec(`
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
      INSERT INTO activity (at, event, decision, reason, credential, client, subject, route, entry)
      SELECT ${ACTIVITY_AT} + i, 'request', 'allow', 'allowed', 'key_' || (i % 100), NULL, 's', 'r', '${entry}' FROM n`);
  }

  const rows = (): number => Number(raw.prepare("SELECT count(*) AS n FROM activity").get()?.["n"]);

  test("is bounded: what is too much goes in small steps, oldest first", async () => {
    fill(ACTIVITY_KEPT + 500);
    await store.activity.append([activity({ at: ACTIVITY_AT + 100_000 })]);
    expect(rows()).toBe(ACTIVITY_KEPT + 501 - 201);
    for (let turn = 0; turn < 4; turn += 1) await store.activity.append([activity({ at: ACTIVITY_AT + 100_000 })]);
    expect(rows()).toBe(ACTIVITY_KEPT);
    expect(raw.prepare("SELECT min(at) AS at FROM activity").get()).toEqual({ at: ACTIVITY_AT + 505 });
  });

  test.each<[string, Partial<ActivityQuery>, RegExp]>([
    ["no filter", {}, /INDEX activity_newest/],
    ["a credential", { credential: "a" }, /INDEX activity_by_credential \(credential=\? AND/],
    ["a client", { client: "a" }, /INDEX activity_by_client \(client=\? AND/],
    ["a subject", { subject: "a" }, /INDEX activity_by_subject \(subject=\? AND/],
    ["a route", { route: "a" }, /INDEX activity_by_route \(route=\? AND/],
    ["a reason", { reason: "a" }, /INDEX activity_by_reason \(reason=\? AND/],
    ["an event", { event: "admin" }, /INDEX activity_by_event \(event=\? AND/],
    ["a decision", { decision: "deny" }, /INDEX activity_by_decision \(decision=\? AND/],
    [
      "several",
      { decision: "deny", event: "admin", subject: "a", reason: "b" },
      /INDEX activity_by_subject \(subject=\?/,
    ],
  ])("with %s is read from one index, and nothing is sorted", (_, query, index) => {
    const { page, end } = activitySql({ ...query, limit: 50 });
    for (const statement of end === null ? [page] : [page, end]) {
      const plan = raw.prepare(`EXPLAIN QUERY PLAN ${statement.sql}`).all();
      expect(plan.map((step) => step["detail"])).toEqual([expect.stringMatching(index)]);
    }
  });

  test("of 50,000 entries is found without reading them all, wherever the page is", async () => {
    fill(ACTIVITY_KEPT);
    const deep = await store.activity.list({ limit: 50, credential: "key_7", after: `${ACTIVITY_AT + 1000}-1001` });
    expect(deep.items).toHaveLength(10);
    const old = await store.activity.list({ limit: 5, subject: "s", to: ACTIVITY_AT + 3 });
    expect(old.items).toHaveLength(3);
    expect(old.next).toBeNull();
  });

  test("comes to a file of the version before, which keeps its keys and lets them be found", async () => {
    const one = record({ name: "Ärger" });
    await store.keys.create(one);
    await store.close();
    raw.exec(BEFORE_ACTIVITY);
    store = openSqliteStore({ file, clock: fakeClock() });
    expect(await store.keys.list({ search: "ä", limit: 5 })).toEqual([one]);
    await store.activity.append([activity()]);
    expect((await store.activity.list({ limit: 5 })).items).toHaveLength(1);
  });

  test("fails at once while another process writes, and is written again afterwards", async () => {
    const agent = join(import.meta.dirname, "sqlite-agent.ts");
    const holder = spawnProcess(process.execPath, [agent, "hold", file, "60000"]);
    await waitForLine(holder, (line) => line === "held");
    const start = performance.now();
    await expect(store.activity.append([activity()])).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(performance.now() - start).toBeLessThan(1000);
    holder.child.kill("SIGKILL");
    await holder.exited;
    await store.activity.append([activity()]);
    expect(rows()).toBe(1);
  });

  test("drops no cached credential: followers of changes hear nothing of it", async () => {
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    await store.activity.append([activity()]);
    store.changes.poll();
    expect(ear.changes).toEqual([]);
  });

  test("that cannot be understood is unavailable", async () => {
    await store.activity.append([activity()]);
    raw.exec(`UPDATE activity SET entry = '{"at":1}'`);
    await expect(store.activity.list({ limit: 5 })).rejects.toMatchObject({ name: "StoreUnavailable" });
  });
});
