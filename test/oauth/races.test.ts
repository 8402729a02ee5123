import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/types.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { decideDevice } from "./device-decision.ts";
import { errorOf, isAlive, post, type StrictClient, strictClient } from "./oauth-client.ts";
import { addClient, openStage, REDIRECT, type Stage } from "./oauth-stage.ts";

/** Two authorization servers on one store: what is redeemed on both at once is redeemed once. */

/** Until when the answers of those who redeem are held. */
let held: Promise<void> = Promise.resolve();
const hold = () => held;
const AT_ONCE = 10;
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

describe.each(["redis", "sqlite"])("on %s", (kind) => {
  let redis: RedisServer | null = null;
  let stores: readonly Store[];
  let one: Stage;
  let two: Stage;
  let client: StrictClient;
  beforeAll(async () => {
    if (kind === "redis") redis = await startRedis();
    const url = redis?.url ?? `sqlite:${join(tempFolder(), "shared.db")}`;
    const [first, second] = [openStore(url, { clock: systemClock }), openStore(url, { clock: systemClock })];
    stores = [first, second];
    one = await openStage({ store: first, hold });
    two = await openStage({ store: second, issuer: one.issuer, hold });
    client = await strictClient(one.issuer);
  });
  afterAll(async () => {
    await one.close();
    await two.close();
    for (const store of stores) await store.close();
    await redis?.stop();
  });

  /** The same token request at both, at once: the winner is answered last, however slow the machine is. */
  async function redeem(fields: Record<string, string>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    let losers = 0;
    const ask = async (at: number) => {
      const answer = await post(`${(at % 2 === 0 ? one : two).issuer}/oauth/token`, fields);
      losers += 1;
      if (losers === AT_ONCE - 1) resolve();
      return answer;
    };
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => ask(at)));
    const bodies = await Promise.all(answers.map(async (answer) => JSON.parse(await answer.text())));
    return {
      won: bodies.filter((body) => "access_token" in body),
      lost: bodies.filter((body) => "error" in body).map((body) => body.error),
    };
  }

  it("one of many redemptions of a code wins, and its tokens work", async () => {
    for (let round = 0; round < 5; round += 1) {
      const app = await addClient(one);
      const { params, verifier } = await client.authorize(app);
      const code = params.get("code") ?? "";
      const fields = { grant_type: "authorization_code", client_id: app.id, code, code_verifier: verifier };
      const { won, lost } = await redeem({ ...fields, redirect_uri: REDIRECT });
      expect(won).toHaveLength(1);
      expect(lost).toEqual(Array.from({ length: AT_ONCE - 1 }, () => "invalid_grant"));
      expect(await isAlive(two, won[0].access_token)).toBe(true);
      expect((await client.refresh(app, won[0].refresh_token)).access_token).toMatch(/^[\w-]{43}$/);
    }
  });

  it("one of many uses of a refresh token wins, and its tokens work", async () => {
    for (let round = 0; round < 5; round += 1) {
      const app = await addClient(one);
      const { refresh_token: token } = await client.tokens(app);
      const { won, lost } = await redeem({ grant_type: "refresh_token", client_id: app.id, refresh_token: token });
      expect(won).toHaveLength(1);
      expect(new Set(lost)).toEqual(new Set(["invalid_grant"]));
      expect(await isAlive(two, won[0].access_token)).toBe(true);
      expect((await client.refresh(app, won[0].refresh_token)).access_token).toMatch(/^[\w-]{43}$/);
    }
  });

  it("one of many redemptions of a device code wins, and its tokens work", async () => {
    for (let round = 0; round < 5; round += 1) {
      const app = await addClient(one);
      const started = await post(`${one.issuer}/oauth/device_authorization`, { client_id: app.id });
      const { device_code: code, user_code: userCode } = JSON.parse(await started.text());
      expect(await decideDevice(one, systemClock, userCode, "approve")).toBe(true);
      const { won, lost } = await redeem({ grant_type: DEVICE, client_id: app.id, device_code: code });
      expect(won).toHaveLength(1);
      expect(lost.every((error) => error === "invalid_grant" || error === "slow_down")).toBe(true);
      expect(await isAlive(two, won[0].access_token)).toBe(true);
    }
  });

  it("a replay at the other server, once the answer is out, ends the family", async () => {
    const app = await addClient(one);
    const token = await client.tokens(app);
    const next = await client.refresh(app, token.refresh_token);
    const replay = { grant_type: "refresh_token", client_id: app.id, refresh_token: token.refresh_token };
    expect(await (await post(`${two.issuer}/oauth/token`, replay)).json()).toMatchObject({ error: "invalid_grant" });
    expect(await isAlive(one, next.access_token)).toBe(false);
    expect(await errorOf(client.refresh(app, next.refresh_token ?? ""))).toBe("invalid_grant");
  });

  it("polls of a device are counted over both", async () => {
    const app = await addClient(one);
    const started = await post(`${one.issuer}/oauth/device_authorization`, { client_id: app.id });
    const { device_code: code } = JSON.parse(await started.text());
    const { won, lost } = await redeem({ grant_type: DEVICE, client_id: app.id, device_code: code });
    expect(won).toEqual([]);
    expect(lost.filter((error) => error === "authorization_pending")).toHaveLength(1);
    expect(lost.filter((error) => error === "slow_down")).toHaveLength(AT_ONCE - 1);
  });
});
