import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { openRedisStore } from "../../src/store/redis.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { type DocumentStore, type Store, StoreUnavailable } from "../../src/store/types.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";

export interface TwoStores {
  readonly clock: FakeClock;
  readonly store: Store;
  /** On the same data. */
  readonly other: Store;
}

/** Runs `suite` on SQLite and on Redis, with fresh data for each test. Call `stores` inside of a test. */
export function onBothStores(name: string, suite: (stores: () => TwoStores) => void): void {
  const folder = tempFolder();
  let redis: RedisServer;

  describe.each(["SQLite", "Redis"])(`${name} on %s`, (kind) => {
    let stores: TwoStores;

    beforeAll(async () => {
      if (kind === "Redis") redis = await startRedis();
    });

    afterAll(async () => {
      if (kind === "Redis") await redis.stop();
    });

    beforeEach(async () => {
      const clock = fakeClock();
      if (kind === "Redis") await redis.command("FLUSHALL");
      const file = join(mkdtempSync(join(folder, "db-")), "portcullis.db");
      const open = (): Store =>
        kind === "Redis" ? openRedisStore({ url: redis.url, clock }) : openSqliteStore({ file, clock });
      stores = { clock, store: open(), other: open() };
    });

    afterEach(async () => {
      await Promise.all([stores.store.close(), stores.other.close()]);
    });

    suite(() => stores);
  });
}

/** The same documents, out of reach for removals of groups: as where the process dies before it comes to them. */
export function withoutRemovals(documents: DocumentStore): DocumentStore {
  return {
    insert: (...given) => documents.insert(...given),
    put: (...given) => documents.put(...given),
    replace: (...given) => documents.replace(...given),
    get: (...given) => documents.get(...given),
    find: (...given) => documents.find(...given),
    consume: (...given) => documents.consume(...given),
    remove: (...given) => documents.remove(...given),
    removeGroup: () => Promise.reject(new StoreUnavailable("gone")),
    list: (...given) => documents.list(...given),
    count: (...given) => documents.count(...given),
  };
}
