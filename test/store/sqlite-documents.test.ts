import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { NewDocument, Store } from "../../src/store/types.ts";
import { outputOf, type RunningProcess, spawnProcess, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { record } from "./records.ts";
import { BEFORE_ACTIVITY } from "./sqlite-versions.ts";

const folder = tempFolder();

function thing(id: string, changes: Partial<NewDocument> = {}): NewDocument {
  return { kind: "thing", id, value: {}, createdAt: 1000, expiresAt: null, lookups: [], groups: [], ...changes };
}

describe("documents in SQLite", () => {
  let clock: FakeClock;
  let file: string;
  let store: Store;

  beforeEach(() => {
    clock = fakeClock();
    file = join(mkdtempSync(join(folder, "db-")), "portcullis.db");
    store = openSqliteStore({ file, clock });
  });

  afterEach(async () => {
    await store.close();
  });

  function rows(table: string): number {
    const raw = new DatabaseSync(file);
    const n = Number(raw.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
    raw.close();
    return n;
  }

  function spoil(sql: string): void {
    const raw = new DatabaseSync(file);
    raw.exec(sql);
    raw.close();
  }

  async function fill(count: number): Promise<void> {
    const expiresAt = clock.now() + 1000;
    for (let at = 0; at < count; at += 1) {
      await store.documents.insert(thing(`t${at}`, { expiresAt, lookups: [`l${at}`], groups: ["g"] }));
    }
  }

  test("that have expired are swept by later writes, a bounded part at a time, with their names", async () => {
    await fill(450);
    await store.counters.add("c", 1000);
    clock.advance(60_000);
    await store.documents.insert(thing("a"));
    expect(rows("documents")).toBe(251);
    await store.counters.add("d", 600_000);
    await store.documents.remove("thing", "nobody");
    expect(rows("documents")).toBe(1);
    for (const table of ["document_lookups", "document_groups"]) expect(rows(table)).toBe(0);
    expect(rows("counters")).toBe(1);
    // Not with every write.
    await store.documents.insert(thing("b", { expiresAt: clock.now() + 1000 }));
    clock.advance(1000);
    await store.documents.insert(thing("c"));
    expect(rows("documents")).toBe(3);
    clock.advance(60_000);
    await store.documents.insert(thing("d"));
    expect(rows("documents")).toBe(3);
  });

  test("that have expired are swept when the file is opened, and opening waits for no writer", async () => {
    await fill(3);
    clock.advance(1000);
    const holder = spawnProcess(process.execPath, [
      join(import.meta.dirname, "sqlite-agent.ts"),
      "hold",
      file,
      "60000",
    ]);
    await waitForLine(holder, (line) => line === "held");
    const start = performance.now();
    await openSqliteStore({ file, clock }).close();
    expect(performance.now() - start).toBeLessThan(1000);
    expect(rows("documents")).toBe(3);
    holder.child.kill("SIGKILL");
    await holder.exited;
    await openSqliteStore({ file, clock }).close();
    expect(rows("documents")).toBe(0);
  });

  test("come to a file of the version before, which keeps its keys", async () => {
    const one = record();
    await store.keys.create(one);
    await store.close();
    spoil(`
      ${BEFORE_ACTIVITY}
      DROP TABLE documents; DROP TABLE document_lookups; DROP TABLE document_groups; DROP TABLE counters;
      PRAGMA user_version = 1`);
    store = openSqliteStore({ file, clock });
    expect(await store.keys.get(one.id)).toEqual(one);
    expect(await store.documents.insert(thing("a"))).toBe(true);
  });

  test("with a field that cannot be understood are unavailable, and can be removed", async () => {
    for (const wrong of ["value = '[1]'", "value = '{'", "version = 0", "group_names = '7'", "lookup_names = ''"]) {
      await store.documents.insert(thing("a", { lookups: ["l"], groups: ["g"] }));
      spoil(`UPDATE documents SET ${wrong}`);
      const refused = { name: "StoreUnavailable" };
      await expect(store.documents.get("thing", "a")).rejects.toMatchObject(refused);
      await expect(store.documents.find("thing", "l")).rejects.toMatchObject(refused);
      await expect(store.documents.list("thing", "g", { limit: 1 })).rejects.toMatchObject(refused);
      expect(await store.documents.remove("thing", "a")).toBe(true);
      expect(rows("document_groups")).toBe(0);
    }
  });

  test("are consumed once by several processes at the same time", async () => {
    for (let at = 0; at < 25; at += 1) await store.documents.insert(thing(`t${at}`));
    const agents = Array.from({ length: 4 }, () =>
      spawnProcess(process.execPath, [join(import.meta.dirname, "sqlite-agent.ts"), "consume", file, "25"]),
    );
    await Promise.all(agents.map(succeed));
    const won = agents.flatMap(({ lines }) => lines.map(({ text }) => text)).filter((text) => /^t\d+$/.test(text));
    expect(won.toSorted()).toEqual(Array.from({ length: 25 }, (_, at) => `t${at}`).toSorted());
  });

  test("keep no name of a counter readable", async () => {
    await store.counters.add("email:hunter2@example.com", 60_000);
    const raw = new DatabaseSync(file);
    expect(JSON.stringify(raw.prepare("SELECT * FROM counters").all())).not.toContain("hunter2");
    raw.close();
  });
});

async function succeed(started: RunningProcess): Promise<void> {
  const exit = await started.exited;
  if (exit.code !== 0) throw new Error(outputOf(started));
}
