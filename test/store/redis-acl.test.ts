import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import type { Store } from "../../src/store/types.ts";
import { activityContract } from "../contract/activity.contract.ts";
import { documentsContract } from "../contract/documents.contract.ts";
import { keyListContract } from "../contract/key-list.contract.ts";
import { storeContract } from "../contract/store.contract.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";

let redis: RedisServer;

/** The rule, word for word as docs/store.md gives it. */
async function allowPortcullis(): Promise<void> {
  const docs = await readFile(new URL("../../docs/store.md", import.meta.url), "utf8");
  const rule = /^ACL SETUSER .+$/m.exec(docs)?.[0] ?? "";
  expect(await redis.command(rule)).toBe("+OK");
  expect(await redis.command("ACL LOG RESET")).toBe("+OK");
}

beforeAll(async () => {
  redis = await startRedis();
  await allowPortcullis();
});

afterAll(async () => {
  // Nothing was refused, not even what the client library does by itself.
  const denied = await redis.command("ACL LOG");
  await redis.stop();
  if (denied !== "*0") throw new Error(`refused: ${denied}`);
});

const open = (clock = systemClock): Store =>
  openRedisStore({ url: `redis://portcullis:PASSWORD@127.0.0.1:${redis.port}`, clock });
const reset = async (): Promise<void> => void (await redis.command("FLUSHALL"));

storeContract("Redis under a user of docs/store.md", { reset, open: () => open() });
documentsContract("Redis under a user of docs/store.md", {
  reset,
  open,
  restart: async () => {
    await redis.restart();
    await allowPortcullis();
  },
});
activityContract("Redis under a user of docs/store.md", { reset, open });
keyListContract("Redis under a user of docs/store.md", { reset, open });

test("the user reaches no key of others", async () => {
  const denied = await redis.command("ACL DRYRUN portcullis GET other");
  expect(denied).not.toBe("+OK");
  await redis.command("ACL LOG RESET");
});
