import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Hold, holdAnswer, isReplay } from "../../src/oauth/redemption.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { DocumentStore, StoredDocument } from "../../src/store/types.ts";
import { fakeClock } from "../store/fake-clock.ts";
import { tempFolder } from "../support/temp.ts";

const KIND = "RefreshToken";
const ID = "digest";

/** A refresh token that was just used up. */
async function redeemedToken() {
  const clock = fakeClock();
  const store = openSqliteStore({ file: join(tempFolder(), "store.db"), clock });
  onTestFinished(() => store.close());
  const { documents } = store;
  const createdAt = clock.now();
  await documents.insert({ kind: KIND, id: ID, value: { a: 1 }, createdAt, expiresAt: null, lookups: [], groups: [] });
  await documents.consume(KIND, ID, createdAt);
  const advance: Hold = async (ms) => clock.advance(ms);
  const redeemed = { kind: KIND, id: ID, at: clock.now() };
  return { clock, documents, redeemed, advance };
}

async function stored(documents: DocumentStore): Promise<StoredDocument> {
  const document = await documents.get(KIND, ID);
  if (document === null) throw new Error("no document");
  return document;
}

describe("who presents what is used up", () => {
  it("raced while the answer to the first was not on its way, however long that takes", async () => {
    const { clock, documents, redeemed, advance } = await redeemedToken();
    clock.advance(2000);
    const arrivedAt = clock.now();
    expect(isReplay(await stored(documents), { arrivedAt })).toBe(false);
    clock.advance(1);
    await holdAnswer({ redeemed: { ...redeemed, at: clock.now() } }, { documents, clock, hold: advance });
    expect(isReplay(await stored(documents), { arrivedAt })).toBe(false);
  });

  it("replays it from then on, and where nobody knows when it came", async () => {
    const { clock, documents, redeemed, advance } = await redeemedToken();
    await holdAnswer({ redeemed }, { documents, clock, hold: advance });
    expect(isReplay(await stored(documents), { arrivedAt: clock.now() })).toBe(true);
    expect(isReplay(await stored(documents), undefined)).toBe(true);
  });

  it("is the first where nothing is used up", async () => {
    const { clock, documents } = await redeemedToken();
    expect(isReplay({ ...(await stored(documents)), consumedAt: null }, { arrivedAt: clock.now() })).toBe(false);
  });
});

describe("the answer to who redeemed", () => {
  it("is held for a tenth of a second, by a timer", async () => {
    const { clock, documents, redeemed } = await redeemedToken();
    const before = performance.now();
    await holdAnswer({ redeemed }, { documents, clock });
    expect(performance.now() - before).toBeGreaterThan(95);
  });

  it("is not held where it is late anyway, nor where nothing was redeemed", async () => {
    const { clock, documents, redeemed } = await redeemedToken();
    const held: number[] = [];
    const hold: Hold = async (ms) => held.push(ms);
    await holdAnswer({ redeemed: null }, { documents, clock, hold });
    expect((await stored(documents)).value).toEqual({ a: 1 });
    clock.advance(2000);
    await holdAnswer({ redeemed }, { documents, clock, hold });
    expect((await stored(documents)).value).toEqual({ a: 1, answeredAt: clock.now() });
    expect(held).toEqual([]);
  });

  it("is not held for longer where the clock was set back", async () => {
    const { clock, documents, redeemed } = await redeemedToken();
    const held: number[] = [];
    const late = { ...redeemed, at: redeemed.at + 3_600_000 };
    await holdAnswer({ redeemed: late }, { documents, clock, hold: async (ms) => held.push(ms) });
    expect(held).toEqual([100]);
  });

  it("goes out where the grant was revoked meanwhile: its tokens are dead", async () => {
    const { clock, documents, redeemed, advance } = await redeemedToken();
    await documents.remove(KIND, ID);
    await holdAnswer({ redeemed }, { documents, clock, hold: advance });
    expect(await documents.get(KIND, ID)).toBeNull();
  });
});
