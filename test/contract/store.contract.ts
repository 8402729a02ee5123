import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isPortalId } from "../../src/core/ids.ts";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { type ApiKeyRecord, RecordExists, type Store } from "../../src/store/types.ts";
import { credentialId, digestOf, record } from "../store/records.ts";

/** What the suite needs: fresh data for each test, and as many stores on it as it likes. */
export interface StoreUnderTest {
  /** Empties the data. */
  reset(): Promise<void>;
  open(): Store;
}

/** Every promise of `src/store/types.ts`, on a real store. */
export function storeContract(name: string, subject: StoreUnderTest): void {
  describe(`${name} keeps the promises of a store`, () => {
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      await subject.reset();
      store = subject.open();
      other = subject.open();
    });

    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
    });

    test("ping resolves", async () => {
      await expect(store.ping()).resolves.toBeUndefined();
    });

    test("a created record is found by digest and id, with every field, from every store", async () => {
      const portal = ["acme"].find(isPortalId) ?? null;
      const full = record({ portal, expiresAt: 1_800_000_000_000, lastUsedAt: 1_700_000_000_001 });
      const bare = record();
      await store.keys.create(full);
      await store.keys.create(bare);
      for (const reader of [store, other]) {
        expect(await reader.keys.findByDigest(full.digest)).toEqual(full);
        expect(await reader.keys.get(full.id)).toEqual(full);
        expect(await reader.keys.get(bare.id)).toEqual(bare);
      }
    });

    test("an unknown digest or id is null", async () => {
      expect(await store.keys.findByDigest(digestOf("nobody"))).toBeNull();
      expect(await store.keys.get(credentialId())).toBeNull();
      expect(await store.keys.revoke(credentialId(), 1)).toBeNull();
    });

    test("a second record with the same id or digest is refused, and the first stays", async () => {
      const first = record();
      await store.keys.create(first);
      await expect(store.keys.create(record({ id: first.id }))).rejects.toThrow(RecordExists);
      await expect(other.keys.create(record({ digest: first.digest }))).rejects.toThrow(RecordExists);
      expect(await store.keys.get(first.id)).toEqual(first);
      expect(await store.keys.list({ limit: 10 })).toEqual([first]);
    });

    test("of many parallel creations of one digest, one wins", async () => {
      const digest = digestOf("contended");
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? store : other).keys.create(record({ digest }))),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await store.keys.list({ limit: 100 })).toHaveLength(1);
    });

    test("the list pages through 250 records with equal times, each exactly once, newest first", async () => {
      const older = record({ createdAt: 1_600_000_000_000 });
      const newer = record({ createdAt: 1_800_000_000_000 });
      const equal = Array.from({ length: 250 }, () => record());
      await Promise.all([older, ...equal, newer].map((one) => store.keys.create(one)));
      const seen: ApiKeyRecord[] = [];
      for (;;) {
        const after = seen.at(-1)?.id;
        const page = await other.keys.list({ limit: 40, ...(after === undefined ? {} : { after }) });
        expect(page.length).toBeLessThanOrEqual(40);
        seen.push(...page);
        if (page.length === 0) break;
      }
      expect(seen[0]).toEqual(newer);
      expect(seen.at(-1)).toEqual(older);
      expect(seen.map(({ id }) => id).toSorted()).toEqual([older, ...equal, newer].map(({ id }) => id).toSorted());
    });

    test("a record made while someone pages shifts no page", async () => {
      const records = Array.from({ length: 4 }, (_, at) => record({ createdAt: 1000 + at }));
      for (const one of records) await store.keys.create(one);
      const first = await store.keys.list({ limit: 2 });
      await store.keys.create(record({ createdAt: 2000 }));
      const after = first.at(-1)?.id ?? credentialId();
      const second = await store.keys.list({ limit: 2, after });
      expect([...first, ...second].map(({ createdAt }) => createdAt)).toEqual([1003, 1002, 1001, 1000]);
    });

    test("a page after an unknown id is empty", async () => {
      await store.keys.create(record());
      expect(await store.keys.list({ limit: 10, after: credentialId() })).toEqual([]);
    });

    test("a revoked key stays revoked since the first call", async () => {
      const one = record();
      await store.keys.create(one);
      const revoked = { ...one, revokedAt: 5000 };
      expect(await store.keys.revoke(one.id, 5000)).toEqual(revoked);
      expect(await other.keys.revoke(one.id, 9000)).toEqual(revoked);
      expect(await store.keys.findByDigest(one.digest)).toEqual(revoked);
    });

    test("of 50 parallel rotations one wins, and only its key exists", async () => {
      const old = record();
      await store.keys.create(old);
      const replacements = Array.from({ length: 50 }, () => record());
      const results = await Promise.all(
        replacements.map((one, turn) => (turn % 2 === 0 ? store : other).keys.rotate(old.id, one, 7000 + turn, 6000)),
      );
      const winners = replacements.filter((_, turn) => results[turn]?.kind === "rotated");
      expect(winners).toHaveLength(1);
      expect(results.filter(({ kind }) => kind === "not_active")).toHaveLength(49);
      const [winner] = winners;
      const turn = results.findIndex(({ kind }) => kind === "rotated");
      const retired = { ...old, expiresAt: 7000 + turn, replacedBy: winner?.id };
      expect(results[turn]).toEqual({ kind: "rotated", old: retired });
      expect(await other.keys.get(old.id)).toEqual(retired);
      const ids = (await store.keys.list({ limit: 100 })).map(({ id }) => id);
      expect(ids.toSorted()).toEqual([old.id, winner?.id ?? ""].toSorted());
      expect(await other.keys.findByDigest(winner?.digest ?? digestOf("none"))).toEqual(winner);
    });

    test("a key that is revoked, expired, rotated or unknown is not rotated", async () => {
      const revoked = record({ revokedAt: 1 });
      const expired = record({ expiresAt: 6000 });
      const rotated = record({ replacedBy: credentialId() });
      for (const one of [revoked, expired, rotated]) {
        await store.keys.create(one);
        expect(await store.keys.rotate(one.id, record(), 7000, 6000)).toEqual({ kind: "not_active" });
        expect(await store.keys.get(one.id)).toEqual(one);
      }
      expect(await store.keys.rotate(credentialId(), record(), 7000, 6000)).toEqual({ kind: "not_found" });
      expect(await store.keys.list({ limit: 100 })).toHaveLength(3);
    });

    test("a rotation to a digest that exists changes nothing", async () => {
      const [old, taken] = [record(), record()];
      await store.keys.create(old);
      await store.keys.create(taken);
      const rotation = store.keys.rotate(old.id, record({ digest: taken.digest }), 7000, 6000);
      await expect(rotation).rejects.toThrow(RecordExists);
      expect(await store.keys.get(old.id)).toEqual(old);
    });

    test("last-used times only move forward, and make no record of an unknown id", async () => {
      const one = record();
      const stranger = credentialId();
      await store.keys.create(one);
      const touch = (at: number): Promise<void> =>
        store.keys.touch(
          new Map([
            [one.id, at],
            [stranger, at],
          ]),
        );
      await touch(2000);
      await touch(1000);
      expect((await other.keys.get(one.id))?.lastUsedAt).toBe(2000);
      await touch(3000);
      expect((await other.keys.get(one.id))?.lastUsedAt).toBe(3000);
      expect(await store.keys.get(stranger)).toBeNull();
      await store.keys.touch(new Map());
    });

    test("more than a thousand last-used times are written in one call", async () => {
      const records = Array.from({ length: 1100 }, () => record());
      for (const one of records) await store.keys.create(one);
      await store.keys.touch(new Map(records.map(({ id }) => [id, 4000])));
      const times = new Set((await store.keys.list({ limit: 1000 })).map(({ lastUsedAt }) => lastUsedAt));
      expect([...times]).toEqual([4000]);
    });

    test("each follower, in this store and another, hears of every change, in order, with its tags", async () => {
      const heard = { here: newEar(), there: newEar() };
      await store.changes.follow(heard.here.onChange);
      await other.changes.follow(heard.there.onChange);
      const [one, two] = [record(), record()];
      await store.keys.create(one);
      await other.keys.rotate(one.id, two, 7000, 6000);
      await store.keys.revoke(two.id, 6000);
      for (const ear of [heard.here, heard.there]) {
        await vi.waitFor(() => {
          store.changes.poll();
          other.changes.poll();
          expect(ear.changes.length).toBeGreaterThanOrEqual(3);
        });
        expect(ear.changes.map((change) => new Set(change))).toEqual([
          new Set(tagsOf(one)),
          new Set([...tagsOf(one), ...tagsOf(two)]),
          new Set(tagsOf(two)),
        ]);
      }
    });

    test("a follower hears nothing of what came before it, nor after it stopped, nor of uses", async () => {
      const one = record();
      await store.keys.create(one);
      const [early, late] = [newEar(), newEar()];
      const stopEarly = await store.changes.follow(early.onChange);
      await stopEarly();
      await store.changes.follow(late.onChange);
      await other.keys.touch(new Map([[one.id, 5000]]));
      await other.keys.revoke(one.id, 6000);
      await vi.waitFor(() => {
        store.changes.poll();
        expect(late.changes).toHaveLength(1);
      });
      expect(late.changes[0]).toContain(`credential:${one.id}`);
      expect(early.changes).toEqual([]);
    });

    test("a follower hears of a change within a second without any request", async () => {
      const ear = newEar();
      const one = record();
      await store.keys.create(one);
      await other.changes.follow(ear.onChange);
      await store.keys.revoke(one.id, 6000);
      await vi.waitFor(() => expect(ear.changes.flat()).toContain(`credential:${one.id}`), 1000);
    });

    test("after close every call is refused as unavailable", async () => {
      const closed = subject.open();
      await closed.ping();
      await closed.close();
      const calls = [
        closed.ping(),
        closed.keys.get(credentialId()),
        closed.keys.findByDigest(digestOf("x")),
        closed.keys.create(record()),
        closed.keys.list({ limit: 1 }),
        closed.keys.revoke(credentialId(), 1),
        closed.keys.rotate(credentialId(), record(), 2, 1),
        closed.keys.touch(new Map([[credentialId(), 1]])),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ name: "StoreUnavailable" });
    });
  });
}

function tagsOf({ id, digest }: ApiKeyRecord): ChangeTag[] {
  return [`credential:${id}`, `digest:${digest}`];
}

interface Ear {
  readonly changes: (readonly ChangeTag[])[];
  readonly onChange: (tags: readonly ChangeTag[]) => void;
}

export function newEar(): Ear {
  const changes: (readonly ChangeTag[])[] = [];
  return { changes, onChange: (tags) => void changes.push(tags) };
}
