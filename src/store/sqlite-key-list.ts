import { z } from "zod";
import { later, placeOf, placesOfPrefix, searchName } from "./key-search.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import type { ApiKeyRecord, KeyQuery } from "./types.ts";

interface KeyListSql {
  readonly sql: string;
  readonly values: Record<string, string | number>;
}

/** Alike the conditions of the partial indexes. */
const STATES = {
  active: "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)",
  expired: "revoked_at IS NULL AND expires_at IS NOT NULL AND expires_at <= :now",
  revoked: "revoked_at IS NOT NULL",
} as const;

const INDEXES = { active: "keys_not_revoked", expired: "keys_expiring", revoked: "keys_revoked" } as const;

/**
 * The statement for a page after the record. All of its text is ours; what was asked for is bound. Ids are found in
 * indexes alone, and only the keys of the page are read: a rare state among many keys would else read each of them.
 */
export function keyListSql(query: KeyQuery, after: ApiKeyRecord | null, now: number): KeyListSql {
  const { search = "", limit } = query;
  return search === "" ? newestFirst(query, after, now) : byName({ ...query, search, limit }, after, now);
}

function newestFirst({ state, limit }: KeyQuery, after: ApiKeyRecord | null, now: number): KeyListSql {
  const conditions = [
    ...(state === undefined ? [] : [STATES[state]]),
    ...(after === null ? [] : ["(created_at, id) < (:afterAt, :afterId)"]),
  ];
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const index = state === undefined ? "keys_newest" : INDEXES[state];
  return {
    sql: `
      SELECT keys.* FROM (
        SELECT id FROM keys INDEXED BY ${index} ${where} ORDER BY created_at DESC, id DESC LIMIT :limit
      ) AS page CROSS JOIN keys ON keys.id = page.id ORDER BY created_at DESC, keys.id DESC`,
    values: {
      ":limit": limit,
      ...nowFor(state, now),
      ...(after === null ? {} : { ":afterAt": after.createdAt, ":afterId": after.id }),
    },
  };
}

const BY_NAME = "ORDER BY search_name, id LIMIT :limit";

/** Three ways to be found, each a page of one index; the first page of them together is among these. */
function byName(query: KeyQuery & { readonly search: string }, after: ApiKeyRecord | null, now: number): KeyListSql {
  const { search, state, limit } = query;
  const { first, end } = placesOfPrefix(search);
  const start = after === null ? { name: "", id: "" } : placeOf(after);
  const from = later(first, start);
  const inState = state === undefined ? "" : `AND ${STATES[state]}`;
  const afterStart = `AND (search_name, id) > (:startName, :startId) ${inState}`;
  return {
    sql: `
      SELECT keys.* FROM (
        SELECT id FROM (SELECT id FROM keys INDEXED BY keys_by_name
          WHERE (search_name, id) > (:fromName, :fromId) AND search_name < :end ${inState} ${BY_NAME})
        UNION SELECT id FROM (SELECT id FROM keys INDEXED BY keys_by_last4
          WHERE last4 = :search ${afterStart} ${BY_NAME})
        UNION SELECT id FROM keys WHERE id = :search ${afterStart}
      ) AS page CROSS JOIN keys ON keys.id = page.id ORDER BY search_name, keys.id LIMIT :limit`,
    values: {
      ":search": search,
      ":fromName": from.name,
      ":fromId": from.id,
      ":end": end,
      ":startName": start.name,
      ":startId": start.id,
      ":limit": limit,
      ...nowFor(state, now),
    },
  };
}

function nowFor(state: KeyQuery["state"], now: number): Record<string, number> {
  return state === "active" || state === "expired" ? { ":now": now } : {};
}

const named = z.object({ id: z.string(), name: z.string() });
/** Keys that are named in one transaction, so that no other writer waits long. */
const BATCH = 1000;

/** Gives keys that an earlier version wrote the name that they are looked for by. */
export function nameKeys(connection: SqliteConnection): void {
  const unnamed = connection.database.prepare("SELECT id, name FROM keys WHERE search_name IS NULL LIMIT ?");
  const name = connection.database.prepare("UPDATE keys SET search_name = ? WHERE id = ?");
  connection.guard(() => {
    while (unnamed.get(1) !== undefined) {
      connection.write(() => {
        for (const row of unnamed.all(BATCH)) {
          const key = named.parse(row);
          name.run(searchName(key.name), key.id);
        }
      });
    }
  });
}
