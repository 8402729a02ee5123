import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { counterKey, NOTHING_COUNTED } from "./counter.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import type { SqliteSweep } from "./sqlite-sweep.ts";
import type { CounterState, CounterStore } from "./types.ts";

interface SqliteCountersOptions {
  readonly connection: SqliteConnection;
  readonly clock: Clock;
  readonly sweep: SqliteSweep;
}

const counterRow = z
  .object({ count: z.number().int(), resets_at: z.number().int() })
  .transform(({ count, resets_at: resetsAt }): CounterState => ({ count, resetsAt }));

/** Counters in the table `counters`. */
export function createSqliteCounters({ connection, clock, sweep }: SqliteCountersOptions): CounterStore {
  const { database } = connection;
  const add = database.prepare(`
    INSERT INTO counters (name, count, resets_at) VALUES (?1, 1, ?2 + ?3)
    ON CONFLICT (name) DO UPDATE SET
      count = CASE WHEN resets_at > ?2 THEN count + 1 ELSE 1 END,
      resets_at = CASE WHEN resets_at > ?2 THEN resets_at ELSE excluded.resets_at END
    RETURNING count, resets_at`);
  const read = database.prepare("SELECT count, resets_at FROM counters WHERE name = ? AND resets_at > ?");
  const takeBack = database.prepare(
    "UPDATE counters SET count = count - 1 WHERE name = ? AND resets_at = ? AND count > 0",
  );
  const clear = database.prepare("DELETE FROM counters WHERE name = ?");
  // An async function turns what `guard` throws into a rejection.
  return {
    async add(name, windowMs) {
      return connection.write(() => {
        sweep.now();
        return counterRow.parse(add.get(counterKey(name), clock.now(), Math.ceil(windowMs)));
      });
    },
    async read(name) {
      return connection.guard(() => {
        const row = read.get(counterKey(name), clock.now());
        return row === undefined ? NOTHING_COUNTED : counterRow.parse(row);
      });
    },
    async takeBack(name, resetsAt) {
      connection.write(() => {
        takeBack.run(counterKey(name), resetsAt);
      });
    },
    async clear(name) {
      connection.write(() => {
        clear.run(counterKey(name));
      });
    },
  };
}
