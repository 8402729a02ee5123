import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openStore, sqliteFile } from "../../src/store/open.ts";
import { tempFolder } from "../support/temp.ts";

describe("the store URL", () => {
  test("names a file, relative to the working directory or absolute", () => {
    expect(sqliteFile("sqlite:./data/x.db")).toBe(resolve("data/x.db"));
    expect(sqliteFile("sqlite:/data/x.db")).toBe("/data/x.db");
    expect(sqliteFile("sqlite:///data/x%20y.db")).toBe("/data/x y.db");
    expect(sqliteFile("redis://localhost")).toBeNull();
  });

  test("opens the embedded store", async () => {
    const folder = tempFolder();
    const store = openStore(`sqlite:${join(folder, "data/x.db")}`, { clock: systemClock });
    await store.ping();
    expect(store.kind).toBe("sqlite");
    expect(existsSync(join(folder, "data/x.db"))).toBe(true);
    await store.close();
  });

  test.each([
    "redis://127.0.0.1:1",
    "rediss://127.0.0.1:1",
    "redis+sentinel://127.0.0.1:1/desk",
    "redis+cluster://127.0.0.1:1",
  ])("%s opens Redis, and does not fail while it is down", async (url) => {
    const store = openStore(url, { clock: systemClock });
    expect(store.kind).toBe("redis");
    const start = performance.now();
    await expect(store.ping()).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect(performance.now() - start).toBeLessThan(1500);
    await store.close();
  });

  test.each(["postgres://u:hunter2@h/d", "", "sqlite:", "sqlite::memory:", "redisx://u:hunter2@h"])(
    "%j is refused without quoting it",
    (url) => {
      expect(() => openStore(url, { clock: systemClock })).toThrow(/^(?!.*hunter2)the store URL/);
    },
  );
});
