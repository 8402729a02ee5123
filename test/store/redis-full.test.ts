import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedisStore } from "../../src/store/redis.ts";
import type { Store } from "../../src/store/types.ts";
import { startApi } from "../admin/api/stage.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";

const ACTOR = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
const PERSON = {
  email: "a@example.com",
  name: "A",
  role: "member",
  scopes: "all",
  portals: "all",
  password: null,
} as const;
const KEY = { name: "k", scopes: ["tickets:read"], portal: null, expiresInMs: null };
const CLIENT = { name: "c", redirectUris: ["https://c.example/"], confidential: false, grantTypes: [], scopes: [] };

let redis: RedisServer;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  store = openRedisStore({ url: redis.url, clock: systemClock });
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

it("takes away whatever there is on a server that is out of memory, asked for by an admin token too", async () => {
  const api = await startApi({ clock: systemClock, store });
  const { administration } = api;
  const { access, clients, people, tokens } = administration;
  await access.set(ACTOR, { clientPolicy: "open" });
  const person = await people.add(ACTOR, PERSON);
  const client = await clients.add(ACTOR, { ...CLIENT, portal: null });
  const token = await tokens.create(ACTOR, { name: "t", expiresInMs: null });
  await redis.command("CONFIG SET maxmemory 1");
  await expect(administration.keys.create(ACTOR, KEY)).rejects.toThrow("OOM");
  const unused = { authorization: `Bearer ${token.token}` };
  expect(await api.ask(`/people/${person.id}/disable`, { method: "POST", headers: unused })).toMatchObject({
    status: 200,
  });
  expect(await clients.disable(ACTOR, client.record.id)).toMatchObject({ kind: "changed" });
  expect(await access.set(ACTOR, { mcpAccess: false })).toMatchObject({ kind: "changed" });
  expect(await tokens.revoke(ACTOR, token.record.id)).toMatchObject({ kind: "changed" });
});
