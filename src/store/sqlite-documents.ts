import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { canBeNamed, canExist, encodeDocument, type EncodedDocument, parseJson, readDocument } from "./document.ts";
import type { SqliteChanges } from "./sqlite-changes.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";
import type { SqliteSweep } from "./sqlite-sweep.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, NewDocument, StoredDocument } from "./types.ts";

const stateRow = z.object({ version: z.number().int(), consumed_at: z.number().int().nullable() });
type State = z.infer<typeof stateRow>;
type Row = Record<string, SQLOutputValue>;

interface SqliteDocumentsOptions {
  readonly connection: SqliteConnection;
  readonly changes: SqliteChanges;
  /** Says what has expired. */
  readonly clock: Clock;
  readonly sweep: SqliteSweep;
}

const ALIVE = "(d.expires_at IS NULL OR d.expires_at > ?)";
const MEMBERS = `
  FROM document_groups g JOIN documents d ON d.kind = g.kind AND d.id = g.id
  WHERE g.kind = ? AND g.name = ? AND ${ALIVE}`;

function prepare(database: DatabaseSync) {
  return {
    stateOf: database.prepare(`
      SELECT d.version, d.consumed_at FROM documents d WHERE d.kind = ? AND d.id = ? AND ${ALIVE}`),
    holderOf: database.prepare(`
      SELECT d.id FROM document_lookups l JOIN documents d ON d.kind = l.kind AND d.id = l.id
      WHERE l.kind = ? AND l.lookup = ? AND ${ALIVE}`),
    byId: database.prepare(`SELECT * FROM documents d WHERE d.kind = ? AND d.id = ? AND ${ALIVE}`),
    byLookup: database.prepare(`
      SELECT d.* FROM document_lookups l JOIN documents d ON d.kind = l.kind AND d.id = l.id
      WHERE l.kind = ? AND l.lookup = ? AND ${ALIVE}`),
    consume: database.prepare(`
      UPDATE documents AS d SET consumed_at = ?, version = d.version + 1
      WHERE d.kind = ? AND d.id = ? AND ${ALIVE} AND d.consumed_at IS NULL`),
    insert: database.prepare(`
      INSERT INTO documents (kind, id, value, created_at, expires_at, consumed_at, version, lookup_names, group_names)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    insertLookup: database.prepare("INSERT INTO document_lookups (kind, lookup, id) VALUES (?, ?, ?)"),
    insertGroup: database.prepare("INSERT INTO document_groups (kind, name, created_at, id) VALUES (?, ?, ?, ?)"),
    remove: database.prepare("DELETE FROM documents WHERE kind = ? AND id = ?"),
    removeHolder: database.prepare(`
      DELETE FROM documents
      WHERE kind = ?1 AND id IN (SELECT id FROM document_lookups WHERE kind = ?1 AND lookup = ?2)`),
    removeMembers: database.prepare(`
      DELETE FROM documents WHERE kind = ?1 AND id IN (SELECT id FROM document_groups WHERE kind = ?1 AND name = ?2)`),
    count: database.prepare(`SELECT count(*) AS n ${MEMBERS}`),
    firstPage: database.prepare(`SELECT d.* ${MEMBERS} ORDER BY g.created_at DESC, g.id DESC LIMIT ?`),
    nextPage: database.prepare(`
      SELECT d.* ${MEMBERS} AND (g.created_at, g.id) < (SELECT d.created_at, d.id ${MEMBERS} AND d.id = ?)
      ORDER BY g.created_at DESC, g.id DESC LIMIT ?`),
  };
}

/** Documents in the table `documents`. SQLite answers at once; only a change that takes something away waits, for those who follow the log. */
export function createSqliteDocuments(options: SqliteDocumentsOptions): DocumentStore {
  return new SqliteDocuments(options);
}

class SqliteDocuments implements DocumentStore {
  readonly #connection: SqliteConnection;
  readonly #changes: SqliteChanges;
  readonly #clock: Clock;
  readonly #sweep: SqliteSweep;
  readonly #statements: ReturnType<typeof prepare>;

  constructor({ connection, changes, clock, sweep }: SqliteDocumentsOptions) {
    this.#connection = connection;
    this.#changes = changes;
    this.#clock = clock;
    this.#sweep = sweep;
    this.#statements = prepare(connection.database);
  }

  insert(document: NewDocument, tags: readonly ChangeTag[] = []): Promise<boolean> {
    // It takes nothing away, so nobody is waited for.
    return promise(() =>
      this.#commit(
        tags,
        this.#writing(document, tags, (version) => version === null),
      ),
    );
  }

  put(document: NewDocument, tags: readonly ChangeTag[] = []): Promise<boolean> {
    return this.#write(document, tags, () => true);
  }

  replace(document: NewDocument, version: number, tags: readonly ChangeTag[] = []): Promise<boolean> {
    return this.#write(document, tags, (present) => present === version);
  }

  get(kind: string, id: string): Promise<StoredDocument | null> {
    return this.#read(() =>
      canExist(kind, id) ? documentOf(this.#statements.byId.get(kind, id, this.#clock.now())) : null,
    );
  }

  find(kind: string, lookup: string): Promise<StoredDocument | null> {
    const { byLookup } = this.#statements;
    return this.#read(() => {
      return canBeNamed(kind, lookup) ? documentOf(byLookup.get(kind, lookup, this.#clock.now())) : null;
    });
  }

  consume(kind: string, id: string, at: number): Promise<boolean> {
    return this.#change([], () => {
      if (!canExist(kind, id)) return false;
      return Number(this.#statements.consume.run(Math.trunc(at), kind, id, this.#clock.now()).changes) > 0;
    });
  }

  remove(kind: string, id: string, tags: readonly ChangeTag[] = []): Promise<boolean> {
    return this.#change(tags, () => {
      if (!canExist(kind, id)) return false;
      const there = this.#stateOf(kind, id) !== null;
      this.#statements.remove.run(kind, id);
      this.#append(tags);
      return there;
    });
  }

  removeGroup(group: string, kinds: readonly string[], tags: readonly ChangeTag[] = []): Promise<number> {
    return this.#change(tags, () => {
      let removed = 0;
      for (const kind of new Set(kinds)) {
        removed += this.#count(kind, group);
        if (canBeNamed(kind, group)) this.#statements.removeMembers.run(kind, group);
      }
      this.#append(tags);
      return removed;
    });
  }

  list(
    kind: string,
    group: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): Promise<readonly StoredDocument[]> {
    const { firstPage, nextPage } = this.#statements;
    return this.#read(() => {
      if (!canBeNamed(kind, group)) return [];
      const members = [kind, group, this.#clock.now()] as const;
      if (after === undefined) return firstPage.all(...members, limit).map(readRow);
      return canExist(kind, after) ? nextPage.all(...members, ...members, after, limit).map(readRow) : [];
    });
  }

  count(kind: string, group: string): Promise<number> {
    return this.#read(() => this.#count(kind, group));
  }

  /** Writes where `may` says so of the version that is there, and no lookup is another's. */
  #write(
    document: NewDocument,
    tags: readonly ChangeTag[],
    may: (present: number | null) => boolean,
  ): Promise<boolean> {
    return this.#change(tags, this.#writing(document, tags, may));
  }

  #writing(document: NewDocument, tags: readonly ChangeTag[], may: (present: number | null) => boolean): () => boolean {
    return () => {
      const encoded = encodeDocument(document);
      const before = this.#stateOf(encoded.kind, encoded.id);
      if (!may(before?.version ?? null) || this.#isTaken(encoded)) return false;
      this.#overwrite(encoded, before);
      this.#append(tags);
      return true;
    };
  }

  #isTaken({ kind, id, lookups }: EncodedDocument): boolean {
    const now = this.#clock.now();
    return lookups.some((lookup) => {
      const holder = this.#statements.holderOf.get(kind, lookup, now);
      return holder !== undefined && holder["id"] !== id;
    });
  }

  #overwrite(document: EncodedDocument, before: State | null): void {
    const { kind, id, value, createdAt, expiresAt, lookups, groups } = document;
    const { remove, removeHolder, insert, insertLookup, insertGroup } = this.#statements;
    remove.run(kind, id);
    // None that is alive: see `#isTaken`.
    for (const lookup of lookups) removeHolder.run(kind, lookup);
    const state = [before?.consumed_at ?? null, (before?.version ?? 0) + 1] as const;
    insert.run(kind, id, value, createdAt, expiresAt, ...state, JSON.stringify(lookups), JSON.stringify(groups));
    for (const lookup of lookups) insertLookup.run(kind, lookup, id);
    for (const group of groups) insertGroup.run(kind, group, createdAt, id);
  }

  /** What a write needs of the document that it takes the place of: its value may be beyond understanding. */
  #stateOf(kind: string, id: string): State | null {
    const row = this.#statements.stateOf.get(kind, id, this.#clock.now());
    return row === undefined ? null : stateRow.parse(row);
  }

  #count(kind: string, group: string): number {
    if (!canBeNamed(kind, group)) return 0;
    return Number(this.#statements.count.get(kind, group, this.#clock.now())?.["n"]);
  }

  /** A removal that found nothing is told too: a repeated one may follow on one that failed half-way. */
  #append(tags: readonly ChangeTag[]): void {
    if (tags.length > 0) this.#changes.append(tags);
  }

  #read<T>(work: () => T): Promise<T> {
    return promise(() => this.#connection.guard(work));
  }

  /** Writes, then tells the followers in this process. */
  #commit<T>(tags: readonly ChangeTag[], work: () => T): T {
    const result = this.#connection.write(() => {
      this.#sweep.now();
      return work();
    });
    if (tags.length > 0) this.#changes.drain();
    return result;
  }

  /** The same for what may take something away: resolves when all who follow have applied it. */
  async #change<T>(tags: readonly ChangeTag[], work: () => T): Promise<T> {
    const result = this.#commit(tags, work);
    if (tags.length > 0) await this.#changes.settled();
    return result;
  }
}

/** The result of `work`, or what it threw, as a promise. */
function promise<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

function documentOf(row: Row | undefined): StoredDocument | null {
  return row === undefined ? null : readRow(row);
}

function readRow(row: Row): StoredDocument {
  return readDocument({
    kind: row["kind"],
    id: row["id"],
    value: parseJson(row["value"]),
    createdAt: row["created_at"],
    expiresAt: row["expires_at"],
    lookups: parseJson(row["lookup_names"]),
    groups: parseJson(row["group_names"]),
    consumedAt: row["consumed_at"],
    version: row["version"],
  });
}
