import { describe, expect, test } from "vitest";
import { grantState } from "../../src/store/grants.ts";
import { rewrite } from "../../src/store/typed-document.ts";

describe("rewrite", () => {
  test("begins again where somebody else wrote in between, from what is there then", async () => {
    let stored = 1;
    let losses = 2;
    const result = await rewrite(
      async () => stored,
      (read) => read + 10,
      async (wanted) => {
        if (losses > 0) {
          losses -= 1;
          stored += 1;
          return null;
        }
        stored = wanted;
        return stored;
      },
    );
    expect(result).toEqual({ before: 3, written: 13 });
    expect(stored).toBe(13);
  });

  test("writes nothing where nothing is to change", async () => {
    let writes = 0;
    const write = async (): Promise<null> => {
      writes += 1;
      return null;
    };
    expect(
      await rewrite(
        async () => "same",
        () => null,
        write,
      ),
    ).toEqual({ before: "same", written: null });
    expect(writes).toBe(0);
  });

  test("gives up where others always get in between", async () => {
    const lost = rewrite(
      async () => 1,
      (read) => read,
      async () => null,
    );
    await expect(lost).rejects.toMatchObject({ name: "StoreUnavailable" });
  });
});

describe("the state of a grant", () => {
  const grant = { createdAt: 100, expiresAt: 200, revokedAt: null };
  const on = { mcpAccess: true, mcpOffAt: null };

  test.each([
    ["active", grant, on, 199],
    ["expired", grant, on, 200],
    ["revoked", { ...grant, revokedAt: 150 }, on, 300],
    // On again: what was granted before stays dead.
    ["ended", grant, { mcpAccess: true, mcpOffAt: 100 }, 150],
    ["ended", grant, { mcpAccess: false, mcpOffAt: 120 }, 150],
    ["active", grant, { mcpAccess: true, mcpOffAt: 99 }, 150],
  ])("is %s", (state, record, settings, now) => {
    expect(grantState(record, settings, now)).toBe(state);
  });
});
