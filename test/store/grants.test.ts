import { expect, test, vi } from "vitest";
import { isScope } from "../../src/core/ids.ts";
import { createGrants, type GrantRecord, TOKEN_KINDS } from "../../src/store/grants.ts";
import type { DocumentStore } from "../../src/store/types.ts";
import { newEar } from "../contract/store.contract.ts";
import { onBothStores, withoutRemovals } from "./both-stores.ts";
import { clientId, digestOf, grantId, personId, portalId } from "./records.ts";

const AT = 1_700_000_000_000;
const KINDS = [...TOKEN_KINDS, "Grant"];

function grant(changes: Partial<Omit<GrantRecord, "version">> = {}): Omit<GrantRecord, "version"> {
  return {
    id: grantId(),
    person: personId(),
    client: clientId("https://app.example/client.json"),
    scopes: ["tickets:read"].filter(isScope),
    portal: portalId("acme"),
    resource: "https://desk.example/mcp",
    flow: "authorization_code",
    createdAt: AT,
    expiresAt: AT + 30 * 86_400_000,
    revokedAt: null,
    ...changes,
  };
}

function ids(page: readonly GrantRecord[]): string[] {
  return page.map(({ id }) => id);
}

/** What OAuth keeps for a grant, one of each kind. */
async function addTokens(documents: DocumentStore, id: string): Promise<void> {
  for (const kind of KINDS) {
    const document = { kind, id: digestOf(`${kind} ${id}`), value: {}, createdAt: AT, expiresAt: AT + 3_600_000 };
    await documents.insert({ ...document, lookups: [], groups: [`grant:${id}`] });
  }
}

async function tokensOf(documents: DocumentStore, id: string): Promise<number> {
  const found = await Promise.all(KINDS.map((kind) => documents.get(kind, digestOf(`${kind} ${id}`))));
  return found.filter((document) => document !== null).length;
}

onBothStores("grants", (stores) => {
  const grants = () => createGrants(stores().store.documents);
  const others = () => createGrants(stores().other.documents);

  test("a grant is read with every field, and lives until it expires", async () => {
    const one = grant();
    const all = grant({ portal: null, flow: "device_code" });
    for (const record of [one, all]) {
      expect(await grants().create(record)).not.toBeNull();
      expect(await grants().create(record)).toBeNull();
      expect(await others().get(record.id)).toEqual({ ...record, version: 1 });
    }
    stores().clock.advance(30 * 86_400_000);
    expect(await others().get(one.id)).toBeNull();
    expect(await others().list("all", { limit: 9 })).toEqual([]);
    expect(await others().revoke(one.id, AT)).toBeNull();
  });

  test("lists are by person, by client and of all, newest first, with revoked ones", async () => {
    const [person, client] = [personId(), clientId()];
    const made = [
      grant({ person, createdAt: AT }),
      grant({ person, client, createdAt: AT + 1 }),
      grant({ createdAt: AT + 2 }),
    ];
    for (const one of made) await grants().create(one);
    const [first, second, third] = made.map(({ id }) => id);
    if (first === undefined || second === undefined) throw new Error("three grants");
    await grants().revoke(first, AT + 9);
    expect(ids(await others().list("all", { limit: 9 }))).toEqual([third, second, first]);
    expect(ids(await others().list("all", { limit: 1, after: second }))).toEqual([first]);
    expect(ids(await others().list({ person }, { limit: 9 }))).toEqual([second, first]);
    expect(ids(await others().list({ client }, { limit: 9 }))).toEqual([second]);
  });

  test("a revoked grant stays revoked since the first call, and its tokens and codes are gone", async () => {
    const { documents } = stores().store;
    const [one, two] = [grant(), grant()];
    for (const record of [one, two]) {
      await grants().create(record);
      await addTokens(documents, record.id);
    }
    const ear = newEar();
    await stores().other.changes.follow(ear.onChange);
    const revoked = { ...one, revokedAt: AT + 5, version: 2 };
    expect(await grants().revoke(one.id, AT + 5)).toEqual(revoked);
    stores().other.changes.poll();
    await vi.waitFor(() => expect(new Set(ear.changes.flat())).toEqual(new Set([`grant:${one.id}`])));
    expect(await tokensOf(documents, one.id)).toBe(0);
    expect(await tokensOf(documents, two.id)).toBe(KINDS.length);
    const told = ear.changes.length;
    expect(await others().revoke(one.id, AT + 99)).toEqual(revoked);
    // Again, so that it waits for those who have not heard of the first call.
    await vi.waitFor(() => expect(ear.changes.slice(told)).toEqual([[`grant:${one.id}`]]));
    expect(await others().get(one.id)).toEqual(revoked);
    expect((await others().get(two.id))?.revokedAt).toBeNull();
  });

  test("where the removal fails the grant is dead all the same, and a repeated call removes the rest", async () => {
    const { documents } = stores().store;
    const one = grant();
    await grants().create(one);
    await addTokens(documents, one.id);
    const halfway = createGrants(withoutRemovals(documents));
    await expect(halfway.revoke(one.id, AT + 5)).rejects.toMatchObject({ name: "StoreUnavailable" });
    expect((await others().get(one.id))?.revokedAt).toBe(AT + 5);
    expect((await others().revoke(one.id, AT + 77))?.revokedAt).toBe(AT + 5);
    expect(await tokensOf(documents, one.id)).toBe(0);
  });

  test("tokens that outlived the grant itself, or were written after it ended, go with a repeated call", async () => {
    const { documents } = stores().store;
    const one = grant({ expiresAt: AT + 60_000 });
    await grants().create(one);
    await grants().revoke(one.id, AT);
    await addTokens(documents, one.id);
    await grants().revoke(one.id, AT);
    expect(await tokensOf(documents, one.id)).toBe(0);
    await addTokens(documents, one.id);
    stores().clock.advance(60_000);
    expect(await grants().revoke(one.id, AT)).toBeNull();
    expect(await tokensOf(documents, one.id)).toBe(0);
  });

  test("of 20 parallel revocations the first sets the time, and all tell the same", async () => {
    const one = grant();
    await grants().create(one);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? grants() : others()).revoke(one.id, AT + turn)),
    );
    expect(new Set(results.map((record) => record?.revokedAt)).size).toBe(1);
    expect(await others().get(one.id)).toEqual(results[0]);
  });

  test("a record that cannot be understood is unavailable", async () => {
    const { id, createdAt, expiresAt, ...value } = grant();
    const document = { kind: "grant", id, createdAt, expiresAt, lookups: [], groups: [] };
    for (const wrong of [{ portal: "" }, { revokedAt: "yes" }, { person: "root" }]) {
      await stores().store.documents.put({ ...document, value: { ...value, ...wrong } });
      await expect(grants().get(id)).rejects.toMatchObject({ name: "StoreUnavailable" });
    }
  });
});
