import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { statusOf } from "../support/wire.ts";
import { withBadChecksum } from "./support/keys.ts";
import { bytesInUse, MIB } from "./support/memory.ts";
import { ask, codeOf, dial, expectServed, openStage, request, type Stage } from "./support/stage.ts";

// In a file of its own, because what other tests leave in memory would blur the measure.

/** Sends requests over one connection, so many at once; counts the statuses of their answers. */
async function flood(on: Stage, keys: readonly string[]): Promise<Map<number, number>> {
  const wire = await dial(on);
  const statuses = new Map<number, number>();
  for (let start = 0; start < keys.length; start += 100) {
    const batch = keys.slice(start, start + 100);
    await wire.write(batch.map((secret) => request("GET /list", [`X-API-Key: ${secret}`])).join(""));
    for (const _ of batch) {
      const status = statusOf(await wire.nextResponse());
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }
  wire.socket.destroy();
  return statuses;
}

const lookups = (on: Stage, result: string): Promise<number> =>
  on.sidecar.metric("portcullis_credential_lookups_total", { result });
const storeCalls = (on: Stage): Promise<number> => on.sidecar.metric("portcullis_store_duration_seconds_count");

describe("random keys at a high rate", () => {
  test("50,000 unknown keys: each is refused, the good key is served all along, and memory stays flat", async () => {
    // What is kept of unknown keys is bounded by the cache's size.
    const own = await openStage({ config: { cache: { max_entries: 1000, ttl: "60s", negative_ttl: "60s" } } });
    const good = request("GET /list", [`X-API-Key: ${own.sidecar.keys.reader.key}`]);
    const round = async (count: number): Promise<number> => {
      const keys = Array.from({ length: count / 4 }, () => createKey(randomBytes));
      const rest = [1, 2, 3].map(() => Array.from({ length: count / 4 }, () => createKey(randomBytes)));
      const counts = await Promise.all([keys, ...rest].map((part) => flood(own, part)));
      expect(counts.map((statuses) => statuses.get(401))).toEqual([1, 2, 3, 4].map(() => count / 4));
      expect(statusOf(await ask(own, good))).toBe(200);
      // Lines that wait to be written would count as memory.
      while ((await own.sidecar.metric("portcullis_audit_queue_bytes")) > 0);
      return bytesInUse();
    };
    const sizes: number[] = [];
    for (let part = 0; part < 10; part += 1) sizes.push(await round(5000));
    // 35,000 keys came between the two; with all of them kept it is 14 MB.
    const [, , warm = 0] = sizes;
    const end = Math.min(...sizes.slice(-3));
    expect(await lookups(own, "miss")).toBe(50_001);
    expect(end - warm).toBeLessThan(5 * MIB);
    await expectServed(own);
  }, 120_000);

  test("a bad checksum never reaches the store", async () => {
    const own = await openStage();
    const before = await storeCalls(own);
    const keys = Array.from({ length: 1000 }, () => withBadChecksum(createKey(randomBytes)));
    expect(await flood(own, keys)).toEqual(new Map([[401, 1000]]));
    expect(await lookups(own, "bad_checksum")).toBe(1000);
    expect(await storeCalls(own)).toBe(before);
  });

  test("an unknown key is asked for once, then known to be unknown", async () => {
    const own = await openStage();
    const unknown = createKey(randomBytes);
    expect(
      await flood(
        own,
        Array.from({ length: 200 }, () => unknown),
      ),
    ).toEqual(new Map([[401, 200]]));
    expect(await storeCalls(own)).toBe(1);
  });

  test("the caller of an unknown key gets the problem of any other", async () => {
    const answer = await ask(await openStage(), request("GET /list", [`X-API-Key: ${createKey(randomBytes)}`]));
    expect([statusOf(answer), codeOf(answer)]).toEqual([401, "credential_invalid"]);
  });
});
