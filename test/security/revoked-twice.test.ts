import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Actor } from "../../src/administration/actor.ts";
import type { Administration } from "../../src/administration/administration.ts";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/types.ts";
import { type ApiStage, startApi } from "../admin/api/stage.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";

/*
 * Whoever takes away what is taken away already is told that it is done. So it must be done: whoever was first may still
 * wait for another instance, or have failed while they did.
 */

type TakeAway = () => Promise<{ readonly kind: string }>;

const ACTOR: Actor = { subject: "cli:test", kind: "cli", address: null, requestId: null };
const PERSON = { role: "member", scopes: "all", portals: "all", password: null } as const;
const KEY = { name: "k", scopes: ["tickets:read"], portal: null, expiresInMs: null };
const CLIENT = { name: "c", redirectUris: ["https://c.example/"], confidential: false, grantTypes: [], scopes: [] };

/** Each makes what it then takes away. */
const WAYS: readonly (readonly [name: string, prepare: (on: Administration) => Promise<TakeAway>])[] = [
  [
    "an API key is revoked",
    async ({ keys }) => {
      const { record } = await keys.create(ACTOR, KEY);
      return () => keys.revoke(ACTOR, record.id);
    },
  ],
  [
    "MCP access is switched off",
    async ({ access }) =>
      () =>
        access.set(ACTOR, { mcpAccess: false }),
  ],
  [
    "a person's portals are narrowed",
    async ({ people }) => {
      const { id } = await people.add(ACTOR, { ...PERSON, email: "a@example.com", name: "A" });
      return () => people.edit(ACTOR, id, { portals: ["acme"] });
    },
  ],
  [
    "a person is disabled",
    async ({ people }) => {
      const { id } = await people.add(ACTOR, { ...PERSON, email: "b@example.com", name: "B" });
      return () => people.disable(ACTOR, id);
    },
  ],
  [
    "a client is disabled",
    async ({ clients }) => {
      const { record } = await clients.add(ACTOR, { ...CLIENT, portal: null });
      return () => clients.disable(ACTOR, record.id);
    },
  ],
];

const folder = tempFolder();
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each(["SQLite", "Redis"])("what is taken away twice, on %s", (kind) => {
  let stores: readonly [Store, Store];
  let stage: ApiStage;
  let looked: PromiseWithResolvers<number>;

  beforeEach(async () => {
    await redis.command("FLUSHALL");
    const url = kind === "Redis" ? redis.url : `sqlite:${join(mkdtempSync(join(folder, "db-")), "portcullis.db")}`;
    stores = [openStore(url, { clock: systemClock }), openStore(url, { clock: systemClock })];
    stage = await startApi({ clock: systemClock, store: stores[0] });
    looked = Promise.withResolvers();
  });
  afterEach(async () => {
    looked.resolve(0);
    for (const store of stores) await store.close();
  });

  it.each(WAYS)("counts everywhere when the second call returns: %s", async (_name, prepare) => {
    const takeAway = await prepare(stage.administration);
    // Another instance, which is slow to look at what is open.
    await stores[1].changes.follow(() => looked.promise);
    const first = await stage.administration.report(0, takeAway);
    expect(first.value.kind).toBe("changed");
    expect(first.spread.out).toHaveLength(1);
    let isDone = false;
    const second = takeAway().then((outcome) => {
      isDone = true;
      return outcome.kind;
    });
    await pause(200);
    expect(isDone).toBe(false);
    looked.resolve(0);
    expect(await second).toBe("unchanged");
  });
});
