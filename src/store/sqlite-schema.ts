import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";

/**
 * One entry a version of the schema, applied in order. `PRAGMA user_version` says how many have been.
 * Never edit an entry that was released: add one.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    scopes TEXT NOT NULL,
    portal TEXT,
    last4 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    replaced_by TEXT,
    last_used_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX keys_newest ON keys (created_at DESC, id DESC);
  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    tags TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    consumed_at INTEGER,
    version INTEGER NOT NULL,
    lookup_names TEXT NOT NULL,
    group_names TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE INDEX documents_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE document_lookups (
    kind TEXT NOT NULL,
    lookup TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (kind, lookup)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX document_lookups_by_id ON document_lookups (kind, id);
  CREATE TABLE document_groups (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (kind, name, created_at DESC, id DESC)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX document_groups_by_id ON document_groups (kind, id);
  CREATE TRIGGER documents_removed AFTER DELETE ON documents BEGIN
    DELETE FROM document_lookups WHERE kind = old.kind AND id = old.id;
    DELETE FROM document_groups WHERE kind = old.kind AND id = old.id;
  END;
  CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    resets_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX counters_reset ON counters (resets_at);
  `,
  // Each index has the order of a list, and all that is asked of a key before it is read. Names are folded by us: SQLite knows the case of ASCII alone.
  `
  ALTER TABLE keys ADD COLUMN search_name TEXT;
  CREATE INDEX keys_by_name ON keys (search_name, id, revoked_at, expires_at);
  CREATE INDEX keys_by_last4 ON keys (last4, search_name, id);
  CREATE INDEX keys_revoked ON keys (created_at DESC, id DESC, revoked_at) WHERE revoked_at IS NOT NULL;
  CREATE INDEX keys_expiring ON keys (created_at DESC, id DESC, expires_at, revoked_at)
    WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
  CREATE INDEX keys_not_revoked ON keys (created_at DESC, id DESC, expires_at, revoked_at) WHERE revoked_at IS NULL;
  CREATE TABLE activity (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    credential TEXT,
    client TEXT,
    subject TEXT,
    route TEXT,
    entry TEXT NOT NULL
  ) STRICT;
  CREATE INDEX activity_newest ON activity (at);
  CREATE INDEX activity_by_event ON activity (event, at);
  CREATE INDEX activity_by_decision ON activity (decision, at);
  CREATE INDEX activity_by_reason ON activity (reason, at);
  CREATE INDEX activity_by_credential ON activity (credential, at) WHERE credential IS NOT NULL;
  CREATE INDEX activity_by_client ON activity (client, at) WHERE client IS NOT NULL;
  CREATE INDEX activity_by_subject ON activity (subject, at) WHERE subject IS NOT NULL;
  CREATE INDEX activity_by_route ON activity (route, at) WHERE route IS NOT NULL;
  `,
  `
  CREATE TABLE followers (
    name TEXT PRIMARY KEY,
    applied INTEGER NOT NULL,
    until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE closed_streams (
    seq INTEGER NOT NULL,
    follower TEXT NOT NULL,
    streams INTEGER NOT NULL,
    PRIMARY KEY (seq, follower)
  ) STRICT, WITHOUT ROWID;
  `,
];

const versionRow = z.object({ user_version: z.number().int() });

/**
 * Brings the schema up to date, in one transaction that waits for others who do the same. Throws where the file
 * was written by a newer version: what is not understood must not be read as fewer restrictions.
 */
export function migrate(database: DatabaseSync): void {
  if (versionOf(database) === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(database);
    if (version > MIGRATIONS.length) throw new Error("the database was written by a newer version of Portcullis");
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return versionRow.parse(database.prepare("PRAGMA user_version").get()).user_version;
}
