import { expect, test } from "vitest";
import { type AdminTokenRecord, createAdminTokens } from "../../src/store/admin-tokens.ts";
import { onBothStores } from "./both-stores.ts";
import { digestOf } from "./records.ts";

type NewToken = Omit<AdminTokenRecord, "version">;

let made = 0;

function token(changes: Partial<NewToken> = {}): NewToken {
  made += 1;
  const id = `adm_${String(made).padStart(20, "0")}`;
  return {
    id,
    digest: digestOf(id),
    name: `deploy ${made}`,
    createdAt: 1_700_000_000_000,
    createdBy: "anna@example.com",
    endsAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...changes,
  };
}

onBothStores("admin tokens", (stores) => {
  const tokens = () => createAdminTokens(stores().store.documents);
  const others = () => createAdminTokens(stores().other.documents);

  test("a token is found by id and digest, with every field", async () => {
    const full = token({ endsAt: 1_800_000_000_000, lastUsedAt: 1_700_000_000_001 });
    expect(await tokens().create(full)).toEqual({ ...full, version: 1 });
    expect(await others().get(full.id)).toEqual({ ...full, version: 1 });
    expect(await others().findByDigest(full.digest)).toEqual({ ...full, version: 1 });
    expect(await tokens().get("adm_nobody")).toBeNull();
    expect(await tokens().findByDigest(digestOf("nobody"))).toBeNull();
  });

  test("an id, a digest and a name are one token's", async () => {
    const first = token();
    await tokens().create(first);
    for (const taken of [{ id: first.id }, { digest: first.digest }, { name: first.name }]) {
      expect(await others().create(token(taken))).toBeNull();
    }
    expect(await tokens().list({ limit: 10 })).toEqual([{ ...first, version: 1 }]);
  });

  test("a revoked token is listed and found, and gives its name free", async () => {
    const first = await tokens().create(token({ name: "nightly" }));
    if (first === null) throw new Error("not made");
    const revoked = await tokens().update({ ...first, revokedAt: 5000 });
    expect(revoked).toEqual({ ...first, revokedAt: 5000, version: 2 });
    const second = await others().create(token({ name: "nightly", createdAt: first.createdAt + 1 }));
    expect(second).not.toBeNull();
    expect(await tokens().list({ limit: 10 })).toEqual([second, revoked]);
    expect(await tokens().findByDigest(first.digest)).toEqual(revoked);
  });

  test("a token that has ended stays, for lists", async () => {
    const ended = token({ endsAt: stores().clock.now() - 1 });
    await tokens().create(ended);
    expect(await tokens().get(ended.id)).toMatchObject({ endsAt: ended.endsAt });
  });

  test("of writers of one version one wins", async () => {
    const read = await tokens().create(token());
    if (read === null) throw new Error("not made");
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? tokens() : others()).update({ ...read, lastUsedAt: at })),
    );
    expect(results.filter((result) => result !== null)).toHaveLength(1);
    expect(await tokens().get(read.id)).toEqual(results.find((result) => result !== null));
  });

  test("pages of the list hold each token once, newest first", async () => {
    const all = Array.from({ length: 5 }, (_, at) => token({ createdAt: 1000 + at }));
    for (const one of all) await tokens().create(one);
    const first = await tokens().list({ limit: 3 });
    const second = await tokens().list({ limit: 3, after: first.at(-1)?.id ?? "" });
    expect([...first, ...second].map(({ createdAt }) => createdAt)).toEqual([1004, 1003, 1002, 1001, 1000]);
  });

  test("a token that cannot be understood is unavailable, not absent", async () => {
    const { id, createdAt, ...value } = token();
    await stores().store.documents.insert({
      kind: "admin_token",
      id,
      value: { ...value, scope: "read" },
      createdAt,
      expiresAt: null,
      lookups: [`digest:${value.digest}`],
      groups: ["all"],
    });
    const refused = { name: "StoreUnavailable" };
    await expect(tokens().findByDigest(value.digest)).rejects.toMatchObject(refused);
    await expect(tokens().list({ limit: 1 })).rejects.toMatchObject(refused);
  });
});
