import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import {
  ACTIVITY_FILTERS,
  ACTIVITY_KEPT,
  ACTIVITY_LOOKED_AT,
  type ActivityPage,
  type ActivityQuery,
  type ActivityStore,
  decodeActivity,
  encodeActivity,
  hasUnknownCursor,
  splitActivityId,
} from "./activity.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** Entries beyond the bound that are removed with one write, besides as many as it adds. */
const SWEPT = 200;
const NEWEST_FIRST = "ORDER BY at DESC, seq DESC";

const row = z.object({ at: z.number(), seq: z.number(), entry: z.string() });
const position = z.object({ at: z.number(), seq: z.number() });

/** Activity in the table `activity`. `connection` is best one that does not wait for the disk, nor for other writers. */
export function createSqliteActivity(connection: SqliteConnection): ActivityStore {
  const { database } = connection;
  const insert = database.prepare(`
    INSERT INTO activity (at, event, decision, reason, credential, client, subject, route, entry)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const sweep = database.prepare(`
    DELETE FROM activity WHERE seq IN (
      SELECT seq FROM activity WHERE seq <= (SELECT max(seq) FROM activity) - ${ACTIVITY_KEPT} ORDER BY seq LIMIT ?)`);
  const one = database.prepare("SELECT entry FROM activity WHERE seq = ? AND at = ?");
  // An async function turns what `guard` throws into a rejection.
  return {
    async append(entries) {
      if (entries.length === 0) return;
      connection.write(() => {
        for (const entry of entries) {
          const { at, event, decision, reason, credential, client, subject, route } = entry;
          insert.run(at, event, decision, reason, credential, client, subject, route, encodeActivity(entry));
        }
        sweep.run(entries.length + SWEPT);
      });
    },
    async list(query) {
      if (hasUnknownCursor(query)) return { items: [], next: null };
      return connection.guard(() => readPage(database, query));
    },
    async get(id) {
      const [at, seq] = splitActivityId(id) ?? [];
      if (at === undefined || seq === undefined) return null;
      const found = connection.guard(() => one.get(seq, at));
      return found === undefined ? null : decodeActivity(id, z.object({ entry: z.string() }).parse(found).entry);
    },
  };
}

function readPage(database: DatabaseSync, query: ActivityQuery): ActivityPage {
  const { end, page } = activitySql(query);
  const range = rangeOf(query);
  const last = end === null ? undefined : database.prepare(end.sql).get({ ...range, ...end.values });
  const lowest = last === undefined ? null : position.parse(last);
  const from = lowest === null ? {} : { ":lowAt": lowest.at, ":lowSeq": lowest.seq };
  const values = { ...range, ...page.values, ...from, ":limit": query.limit + 1 };
  const rows = database
    .prepare(page.sql)
    .all(values)
    .map((one) => row.parse(one));
  const items = rows.slice(0, query.limit).map(({ at, seq, entry }) => decodeActivity(`${at}-${seq}`, entry));
  if (rows.length > query.limit) return { items, next: items.at(-1)?.id ?? null };
  return { items, next: lowest === null ? null : `${lowest.at}-${lowest.seq}` };
}

type Values = Record<string, string | number>;

interface Statement {
  readonly sql: string;
  readonly values: Values;
}

/**
 * `page` finds the entries by the one index that fits best (`+` keeps the planner from the others). Where it looks at
 * entries that are not asked for, `end` tells the last that one call looks at. Both take the values of `rangeOf`.
 */
export function activitySql(query: ActivityQuery): { readonly page: Statement; readonly end: Statement | null } {
  const [first, ...others] = ACTIVITY_FILTERS.filter((name) => query[name] !== undefined);
  const indexed = `WHERE ${first === undefined ? "" : `${first} = :${first} AND `}${RANGE}`;
  const wanted = others.map((name) => ` AND +${name} = :${name}`).join("");
  const values = valuesOf(query, first === undefined ? [] : [first]);
  return {
    page: {
      sql: `SELECT at, seq, entry FROM activity ${indexed}${wanted} ${NEWEST_FIRST} LIMIT :limit`,
      values: { ...values, ...valuesOf(query, others) },
    },
    end:
      others.length === 0
        ? null
        : {
            sql: `SELECT at, seq FROM activity ${indexed} ${NEWEST_FIRST} LIMIT 1 OFFSET ${ACTIVITY_LOOKED_AT - 1}`,
            values,
          },
  };
}

function valuesOf(query: ActivityQuery, names: readonly (typeof ACTIVITY_FILTERS)[number][]): Values {
  return Object.fromEntries(names.map((name) => [`:${name}`, query[name] ?? ""]));
}

/** From the lowest, up to the highest. */
const RANGE = "(at, seq) >= (:lowAt, :lowSeq) AND (at, seq) < (:highAt, :highSeq)";

/** One bound at each end, so that no page begins with a walk to its start. */
function rangeOf({ after, before, from = 0, to = Number.MAX_SAFE_INTEGER }: ActivityQuery): Values {
  const newer = splitActivityId(before ?? "");
  const older = splitActivityId(after ?? "");
  const [lowAt, lowSeq] = newer !== null && newer[0] >= from ? [newer[0], newer[1] + 1] : [from, 0];
  const [highAt, highSeq] = older !== null && older[0] < to ? older : [to, 0];
  return { ":lowAt": lowAt, ":lowSeq": lowSeq, ":highAt": highAt, ":highSeq": highSeq };
}
