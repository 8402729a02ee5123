import { DatabaseSync } from "node:sqlite";
import { chmodSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { StoreUnavailable } from "../../src/store/types.ts";
import { activityContract } from "../contract/activity.contract.ts";
import { documentsContract } from "../contract/documents.contract.ts";
import { keyListContract } from "../contract/key-list.contract.ts";
import { newEar, storeContract } from "../contract/store.contract.ts";
import { outputOf, type RunningProcess, spawnProcess, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { record } from "./records.ts";

const folder = tempFolder();
let file = join(folder, "first.db");

function freshFile(): string {
  file = join(mkdtempSync(join(folder, "db-")), "portcullis.db");
  return file;
}

const open = (path = file) => openSqliteStore({ file: path, clock: systemClock });

storeContract("SQLite", {
  reset: async () => void freshFile(),
  open: () => open(),
});

documentsContract("SQLite", {
  reset: async () => void freshFile(),
  open: (clock) => openSqliteStore({ file, clock }),
  restart: async () => undefined,
});

activityContract("SQLite", {
  reset: async () => void freshFile(),
  open: (clock) => openSqliteStore({ file, clock }),
});

keyListContract("SQLite", {
  reset: async () => void freshFile(),
  open: (clock) => openSqliteStore({ file, clock }),
});

/** Another process on the same file. */
function agent(...args: string[]): RunningProcess {
  return spawnProcess(process.execPath, [join(import.meta.dirname, "sqlite-agent.ts"), ...args]);
}

async function succeed(started: RunningProcess): Promise<void> {
  const exit = await started.exited;
  if (exit.code !== 0) throw new Error(outputOf(started));
}

describe("SQLite shared by processes", () => {
  test("a revoke by another process is seen by the next poll", async () => {
    const store = open(freshFile());
    const one = record();
    await store.keys.create(one);
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    await succeed(agent("revoke", file, one.id));
    store.changes.poll();
    expect(ear.changes.flat()).toContain(`credential:${one.id}`);
    expect((await store.keys.get(one.id))?.revokedAt).not.toBeNull();
    await store.close();
  });

  test("own changes do not hide those that another process made before", async () => {
    const [store, other] = [open(freshFile()), open()];
    const [theirs, ours] = [record(), record()];
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    await other.keys.create(theirs);
    await store.keys.create(ours);
    const told = ear.changes.map(([tag]) => tag);
    expect(told).toEqual([`credential:${theirs.id}`, `credential:${ours.id}`]);
    await Promise.all([store.close(), other.close()]);
  });

  test("eight processes that start at once on a new file and write meet no lock", async () => {
    freshFile();
    await Promise.all(Array.from({ length: 8 }, () => succeed(agent("create", file, "25"))));
    const store = open();
    expect(await store.keys.list({ limit: 1000 })).toHaveLength(200);
    await store.close();
  });

  test("a change waits for another process's transaction of a second", async () => {
    const store = open(freshFile());
    const holder = agent("hold", file, "1000");
    await waitForLine(holder, (line) => line === "held");
    await store.keys.create(record());
    expect(await store.keys.list({ limit: 10 })).toHaveLength(1);
    await succeed(holder);
    await store.close();
  });

  test("every acknowledged key is there after the writer was killed", async () => {
    freshFile();
    const writer = agent("create", file, "100000");
    await waitForLine(writer, () => writer.lines.length >= 50);
    writer.child.kill("SIGKILL");
    await writer.exited;
    const acknowledged = writer.lines.map(({ text }) => text).filter((text) => /^key_\w{20}$/.test(text));
    const store = open();
    const stored = new Set<string>((await store.keys.list({ limit: 1000 })).map(({ id }) => id));
    expect(acknowledged.length).toBeGreaterThanOrEqual(50);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    await store.close();
  });
});

describe("the SQLite change log", () => {
  test("is bounded, and a follower behind its start hears that all may have changed", async () => {
    const store = open(freshFile());
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    const raw = new DatabaseSync(file);
    raw.exec(`
      BEGIN;
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
      INSERT INTO changes (at, tags) SELECT 0, 'all' FROM n;
      DELETE FROM changes WHERE seq <= 2000;
      COMMIT`);
    store.changes.poll();
    expect(ear.changes[0]).toEqual(["all"]);
    expect(ear.changes).toHaveLength(10_001);
    await store.keys.create(record());
    expect(raw.prepare("SELECT count(*) AS n FROM changes").get()).toEqual({ n: 10_000 });
    raw.close();
    await store.close();
  });

  test("that went backwards, as after a restored backup, counts as all", async () => {
    const store = open(freshFile());
    await store.keys.create(record());
    const ear = newEar();
    await store.changes.follow(ear.onChange);
    const raw = new DatabaseSync(file);
    raw.exec("DELETE FROM changes; DELETE FROM sqlite_sequence");
    raw.close();
    store.changes.poll();
    expect(ear.changes).toEqual([["all"]]);
    await store.close();
  });

  test("tells a follower that failed again", async () => {
    const [store, other] = [open(freshFile()), open()];
    let failures = 1;
    const heard: string[] = [];
    await store.changes.follow((tags) => {
      if (failures-- > 0) throw new Error("not now");
      heard.push(...tags);
    });
    const one = record();
    await other.keys.create(one);
    expect(() => store.changes.poll()).toThrow(StoreUnavailable);
    store.changes.poll();
    expect(heard).toContain(`credential:${one.id}`);
    await Promise.all([store.close(), other.close()]);
  });
});

describe("the SQLite file", () => {
  test("is made with its folder, for the owner alone, even where it was open to others", async () => {
    const nested = join(mkdtempSync(join(folder, "mode-")), "data", "deep", "portcullis.db");
    const store = open(nested);
    await store.keys.create(record());
    for (const path of [nested, `${nested}-wal`, `${nested}-shm`]) expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(nested, "..")).mode & 0o777).toBe(0o700);
    await store.close();
    chmodSync(nested, 0o644);
    await open(nested).close();
    expect(statSync(nested).mode & 0o777).toBe(0o600);
  });

  test("that is no database, or cannot be made, is unavailable", () => {
    const text = freshFile();
    writeFileSync(
      text,
      "this is not a database, but it is long enough to be taken for one by its size alone".repeat(20),
    );
    expect(() => open(text)).toThrow(StoreUnavailable);
    expect(() => open(join(text, "below-a-file.db"))).toThrow(StoreUnavailable);
  });

  test("of a newer version is refused", async () => {
    await open(freshFile()).close();
    const raw = new DatabaseSync(file);
    raw.exec("PRAGMA user_version = 999");
    raw.close();
    expect(() => open()).toThrow(/newer version/);
  });

  test.each(["deleted", "replaced"])("that was %s makes the store unavailable", async (how) => {
    const store = open(freshFile());
    await store.ping();
    if (how === "deleted") rmSync(file);
    else {
      const backup = join(folder, "backup.db");
      await open(backup).close();
      renameSync(backup, file);
    }
    await vi.waitFor(() => expect(() => store.changes.poll()).toThrow(StoreUnavailable));
    await expect(store.keys.get(record().id)).rejects.toBeInstanceOf(StoreUnavailable);
    await store.close();
  });

  test("with a record that cannot be understood refuses it as unavailable, not as unknown", async () => {
    const store = open(freshFile());
    const one = record();
    await store.keys.create(one);
    const raw = new DatabaseSync(file);
    raw.exec("UPDATE keys SET scopes = '{'");
    raw.close();
    await expect(store.keys.findByDigest(one.digest)).rejects.toBeInstanceOf(StoreUnavailable);
    await store.close();
  });
});
