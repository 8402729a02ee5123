import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { CredentialId, Digest } from "../core/ids.ts";
import type { Clock } from "../core/clock.ts";
import { searchName } from "./key-search.ts";
import { readRecord, tagsOf } from "./record.ts";
import type { SqliteChanges } from "./sqlite-changes.ts";
import { isDuplicate, type SqliteConnection } from "./sqlite-connection.ts";
import { keyListSql, nameKeys } from "./sqlite-key-list.ts";
import {
  type ApiKeyRecord,
  type KeyQuery,
  type KeyStore,
  RecordExists,
  type RotateResult,
  StoreUnavailable,
} from "./types.ts";

type Row = Record<string, SQLOutputValue>;

function prepare(database: DatabaseSync) {
  return {
    insert: database.prepare(`
      INSERT INTO keys (id, digest, name, subject, scopes, portal, last4, created_at, created_by,
                        expires_at, revoked_at, replaced_by, last_used_at, search_name)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    byDigest: database.prepare("SELECT * FROM keys WHERE digest = ?"),
    byId: database.prepare("SELECT * FROM keys WHERE id = ?"),
    revoke: database.prepare("UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"),
    retire: database.prepare(`
      UPDATE keys SET expires_at = ?, replaced_by = ?
      WHERE id = ? AND revoked_at IS NULL AND replaced_by IS NULL AND (expires_at IS NULL OR expires_at > ?)`),
    touch: database.prepare(`
      UPDATE keys SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)`),
  };
}

interface SqliteKeysOptions {
  readonly connection: SqliteConnection;
  readonly changes: SqliteChanges;
  /** Says what has expired, for lists. */
  readonly clock: Pick<Clock, "now">;
}

/** API keys in the table `keys`. SQLite answers at once, so each promise is settled when it is returned. */
export function createSqliteKeys(options: SqliteKeysOptions): KeyStore {
  nameKeys(options.connection);
  return new SqliteKeys(options);
}

class SqliteKeys implements KeyStore {
  readonly #connection: SqliteConnection;
  readonly #changes: SqliteChanges;
  readonly #clock: Pick<Clock, "now">;
  readonly #statements: ReturnType<typeof prepare>;

  constructor({ connection, changes, clock }: SqliteKeysOptions) {
    this.#connection = connection;
    this.#changes = changes;
    this.#clock = clock;
    this.#statements = prepare(connection.database);
  }

  create(record: ApiKeyRecord): Promise<void> {
    return promise(() =>
      this.#commit(() => {
        this.#insert(record);
        this.#changes.append(tagsOf(record));
      }),
    );
  }

  findByDigest(digest: Digest): Promise<ApiKeyRecord | null> {
    return this.#read(() => recordOf(this.#statements.byDigest.get(digest)));
  }

  get(id: CredentialId): Promise<ApiKeyRecord | null> {
    return this.#read(() => this.#byId(id));
  }

  list(query: KeyQuery): Promise<readonly ApiKeyRecord[]> {
    return this.#read(() => {
      const after = query.after === undefined ? null : this.#byId(query.after);
      if (query.after !== undefined && after === null) return [];
      const { sql, values } = keyListSql(query, after, this.#clock.now());
      return this.#connection.database.prepare(sql).all(values).map(readRow);
    });
  }

  revoke(id: CredentialId, at: number): Promise<ApiKeyRecord | null> {
    return this.#change(() => {
      const revoked = Number(this.#statements.revoke.run(at, id).changes) > 0;
      const record = this.#byId(id);
      if (revoked && record !== null) this.#changes.append(tagsOf(record));
      return record;
    });
  }

  rotate(id: CredentialId, replacement: ApiKeyRecord, oldExpiresAt: number, now: number): Promise<RotateResult> {
    return this.#change((): RotateResult => {
      if (this.#byId(id) === null) return { kind: "not_found" };
      const retired = this.#statements.retire.run(oldExpiresAt, replacement.id, id, now);
      if (Number(retired.changes) === 0) return { kind: "not_active" };
      this.#insert(replacement);
      const old = this.#byId(id);
      if (old === null) throw new StoreUnavailable("a rotated API key vanished");
      this.#changes.append([...tagsOf(old), ...tagsOf(replacement)]);
      return { kind: "rotated", old };
    });
  }

  touch(uses: ReadonlyMap<CredentialId, number>): Promise<void> {
    return promise(() =>
      this.#connection.write(() => {
        for (const [id, at] of uses) this.#statements.touch.run(at, id);
      }),
    );
  }

  #byId(id: CredentialId): ApiKeyRecord | null {
    return recordOf(this.#statements.byId.get(id));
  }

  #insert(record: ApiKeyRecord): void {
    try {
      this.#statements.insert.run(...valuesOf(record));
    } catch (error) {
      throw isDuplicate(error) ? new RecordExists() : error;
    }
  }

  #read<T>(work: () => T): Promise<T> {
    return promise(() => this.#connection.guard(work));
  }

  /** Writes, then tells the followers in this process. */
  #commit<T>(work: () => T): T {
    const result = this.#connection.write(work);
    this.#changes.drain();
    return result;
  }

  /** The same for what may take something away: resolves when all who follow have applied it. */
  async #change<T>(work: () => T): Promise<T> {
    const result = this.#commit(work);
    await this.#changes.settled();
    return result;
  }
}

/** The result of `work`, or what it threw, as a promise. */
function promise<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

function recordOf(row: Row | undefined): ApiKeyRecord | null {
  return row === undefined ? null : readRow(row);
}

function readRow(row: Row): ApiKeyRecord {
  return readRecord({
    id: row["id"],
    digest: row["digest"],
    name: row["name"],
    subject: row["subject"],
    scopes: parseJson(row["scopes"]),
    portal: row["portal"],
    last4: row["last4"],
    createdAt: row["created_at"],
    createdBy: row["created_by"],
    expiresAt: row["expires_at"],
    revokedAt: row["revoked_at"],
    replacedBy: row["replaced_by"],
    lastUsedAt: row["last_used_at"],
  });
}

/** `null` where it is no JSON, which no record takes. */
function parseJson(value: SQLOutputValue | undefined): unknown {
  try {
    return typeof value === "string" ? JSON.parse(value) : null;
  } catch {
    return null;
  }
}

/** In the order of the columns in `INSERT`. */
function valuesOf(record: ApiKeyRecord): (string | number | null)[] {
  return [
    record.id,
    record.digest,
    record.name,
    record.subject,
    JSON.stringify(record.scopes),
    record.portal,
    record.last4,
    record.createdAt,
    record.createdBy,
    record.expiresAt,
    record.revokedAt,
    record.replacedBy,
    record.lastUsedAt,
    searchName(record.name),
  ];
}
