import { expect, test, vi } from "vitest";
import { createSettings, DEFAULT_SETTINGS, type Settings } from "../../src/store/settings.ts";
import { newEar } from "../contract/store.contract.ts";
import { onBothStores } from "./both-stores.ts";

onBothStores("settings", (stores) => {
  const settings = () => createSettings(stores().store.documents);
  const others = () => createSettings(stores().other.documents);
  const off: Settings = { mcpAccess: false, mcpOffAt: 1_700_000_000_000, clientPolicy: "off", version: 0 };

  test("are the defaults where nothing was ever set", async () => {
    expect(await settings().read()).toEqual(DEFAULT_SETTINGS);
  });

  test("are written over the version that was read, and tell that all may have changed", async () => {
    const ear = newEar();
    await stores().other.changes.follow(ear.onChange);
    expect(await settings().write(off)).not.toBeNull();
    const read = await others().read();
    expect(read).toEqual({ ...off, version: read.version });
    expect(read.version).toBeGreaterThan(0);
    expect(await settings().write({ ...off, mcpAccess: true })).toBeNull();
    expect(await others().write({ ...read, clientPolicy: "open" })).not.toBeNull();
    expect(await others().write({ ...read, clientPolicy: "approved" })).toBeNull();
    expect(await settings().read()).toMatchObject({ mcpAccess: false, clientPolicy: "open" });
    stores().other.changes.poll();
    await vi.waitFor(() => expect(ear.changes).toEqual([["all"], ["all"]]));
  });

  test("of 20 parallel first writes one holds", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, turn) =>
        (turn % 2 === 0 ? settings() : others()).write({ ...off, mcpOffAt: turn }),
      ),
    );
    expect(results.filter((written) => written !== null)).toHaveLength(1);
    expect((await settings().read()).mcpOffAt).toBe(results.findIndex((written) => written !== null));
  });

  test("that cannot be understood are unavailable, not the defaults", async () => {
    await settings().write(off);
    const document = { kind: "settings", id: "settings", createdAt: 0, expiresAt: null, lookups: [], groups: [] };
    for (const value of [
      {},
      { mcpAccess: "no", mcpOffAt: null, clientPolicy: "off" },
      { ...off, version: 1, more: 1 },
    ]) {
      await stores().store.documents.put({ ...document, value });
      await expect(settings().read()).rejects.toMatchObject({ name: "StoreUnavailable" });
    }
  });
});
