import { DatabaseSync } from "node:sqlite";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isCredentialId } from "../../src/core/ids.ts";
import { keyListSql } from "../../src/store/sqlite-key-list.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { KeyQuery, Store } from "../../src/store/types.ts";
import { tempFolder } from "../support/temp.ts";
import { fakeClock } from "./fake-clock.ts";
import { credentialId, record } from "./records.ts";
import { BEFORE_ACTIVITY } from "./sqlite-versions.ts";

const folder = tempFolder();
const clock = fakeClock();
const MANY = 100_000;

describe("100,000 keys of the version before, in SQLite", () => {
  const file = join(mkdtempSync(join(folder, "db-")), "portcullis.db");
  let store: Store;

  beforeAll(async () => {
    await openSqliteStore({ file, clock }).close();
    const raw = new DatabaseSync(file);
    raw.exec(BEFORE_ACTIVITY);
    raw.exec(`
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY - 1})
      INSERT INTO keys (id, digest, name, subject, scopes, last4, created_at, created_by)
      SELECT printf('key_%020d', i), printf('%064x', i), printf('SERVICE %06d', i), 's', '[]', printf('%04d', i % 10000),
             i, 'c' FROM n`);
    raw.close();
    store = openSqliteStore({ file, clock });
    await store.keys.revoke(credentialId(`key_${"7".padStart(20, "0")}`), 5);
  }, 60_000);

  afterAll(() => store.close());

  test("are found by name, id and last four characters", async () => {
    expect((await store.keys.list({ search: "service 0420", limit: 100 })).map(({ name }) => name)).toEqual(
      Array.from({ length: 100 }, (_, at) => `SERVICE 0420${String(at).padStart(2, "0")}`),
    );
    expect(await store.keys.list({ search: "4711", limit: 100 })).toHaveLength(10);
    expect(await store.keys.list({ search: `key_${"99999".padStart(20, "0")}`, limit: 100 })).toHaveLength(1);
    expect((await store.keys.list({ state: "revoked", limit: 2 })).map(({ name }) => name)).toEqual(["SERVICE 000007"]);
    expect(await store.keys.list({ state: "expired", search: "service", limit: 2 })).toEqual([]);
  });

  /** How SQLite goes about a page of the list. */
  function plan(query: KeyQuery): string[] {
    const after = query.after === undefined ? null : record({ id: query.after, name: "SERVICE 5" });
    const { sql, values } = keyListSql(query, after, clock.now());
    const raw = new DatabaseSync(file);
    try {
      const rows = raw.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values);
      return rows.map((row) => String(row["detail"]));
    } finally {
      raw.close();
    }
  }

  const after = [`key_${"42".padStart(20, "0")}`].find(isCredentialId) ?? credentialId();

  test.each<[string, KeyQuery]>([
    ["a first page", { limit: 50 }],
    ["a next page", { limit: 50, after }],
    ["active keys", { limit: 50, state: "active", after }],
    ["expired keys", { limit: 50, state: "expired", after }],
    ["revoked keys", { limit: 50, state: "revoked", after }],
  ])("%s is found in one index alone, and nothing but the page is read and sorted", (_, query) => {
    const [, ids, ...rest] = plan(query);
    const how = query.after === undefined ? /^SCAN keys USING COVERING INDEX/ : /^SEARCH keys USING COVERING INDEX/;
    expect(ids).toMatch(how);
    expect(rest).toEqual(["SCAN page", "SEARCH keys USING PRIMARY KEY (id=?)", "USE TEMP B-TREE FOR ORDER BY"]);
  });

  test.each([undefined, "active", "expired", "revoked"] as const)(
    "a search in state %s seeks its place in each index, and reads no key for it but few",
    (state) => {
      for (const cursor of [{}, { after }]) {
        const steps = plan({ limit: 50, search: "service", ...cursor, ...(state === undefined ? {} : { state }) });
        const reads = steps.filter((step) => /SCAN keys|SEARCH keys/.test(step));
        expect(reads).toEqual([
          expect.stringMatching(/COVERING INDEX keys_by_name \(\(search_name,id\)>\(\?,\?\) AND search_name<\?\)/),
          expect.stringMatching(/INDEX keys_by_last4 \(last4=\? AND \(search_name,id\)>\(\?,\?\)\)/),
          // The id that was asked for, and those of the page.
          expect.stringMatching(/PRIMARY KEY \(id=\?\)/),
          expect.stringMatching(/PRIMARY KEY \(id=\?\)/),
        ]);
      }
    },
  );
});
