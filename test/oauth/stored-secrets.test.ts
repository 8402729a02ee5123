import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import { startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { decideDevice } from "./device-decision.ts";
import { basic, post, strictClient } from "./oauth-client.ts";
import { addClient, openStage } from "./oauth-stage.ts";

const SECRET = "a secret of this test alone, 1234567890";
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

async function json(answer: Response) {
  return JSON.parse(await answer.text());
}

/** Goes through every flow; returns whatever a client got that opens something. */
async function useEverything(url: string): Promise<readonly string[]> {
  const store = openStore(url, { clock: systemClock });
  const stage = await openStage({ store });
  const client = await strictClient(stage.issuer);
  const at = `${stage.issuer}/oauth`;
  const app = await addClient(stage);
  const service = await addClient(stage, {
    secret: SECRET,
    metadata: {
      redirect_uris: [],
      grant_types: ["client_credentials"],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
    },
  });
  try {
    const unused = await client.authorize(app, { scope: "openid tickets:read" });
    const used = await client.authorize(app);
    const token = await client.redeem(app, used);
    const next = await client.refresh(app, token.refresh_token ?? "");
    const { url: start } = await client.authorizationUrl(app);
    const begun = await fetch(start, { redirect: "manual" });
    const interaction = new URL(begun.headers.get("location") ?? "", at).pathname.split("/").at(-1) ?? "";
    const pushed = await json(await post(`${at}/par`, new URL(start).search.slice(1)));
    const pushedId = String(pushed.request_uri).split(":").at(-1) ?? "";
    const parameters = new URLSearchParams({ client_id: app.id, request_uri: pushed.request_uri });
    await fetch(`${at}/authorize?${String(parameters)}`, { redirect: "manual" });
    const device = await json(await post(`${at}/device_authorization`, { client_id: app.id }));
    await decideDevice(stage, systemClock, device.user_code, "approve");
    const poll = { grant_type: DEVICE, client_id: app.id, device_code: device.device_code };
    const ofDevice = await json(await post(`${at}/token`, poll));
    const own = await json(await post(`${at}/token`, { grant_type: "client_credentials" }, basic(service.id, SECRET)));
    const registered = await json(
      await fetch(`${at}/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          redirect_uris: ["https://app.example/cb"],
          token_endpoint_auth_method: "client_secret_basic",
        }),
      }),
    );
    const secrets: readonly unknown[] = [
      unused.params.get("code"),
      used.params.get("code"),
      token.access_token,
      token.refresh_token,
      next.access_token,
      next.refresh_token,
      interaction,
      pushedId,
      device.device_code,
      device.user_code,
      String(device.user_code).replace("-", ""),
      ofDevice.access_token,
      ofDevice.refresh_token,
      own.access_token,
      registered.client_secret,
      SECRET,
    ];
    return secrets.map((secret) => {
      if (typeof secret !== "string" || secret.length < 8) throw new Error("a flow gave nothing");
      return secret;
    });
  } finally {
    await stage.close();
    await store.close();
  }
}

function dumpSqlite(file: string): string {
  const database = new DatabaseSync(file);
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const rows = tables.map(({ name }) => database.prepare(`SELECT * FROM "${String(name)}"`).all());
  database.close();
  return JSON.stringify(rows);
}

async function dumpRedis(url: string): Promise<string> {
  const redis = new Redis(url);
  const parts: unknown[] = [];
  for (const key of await redis.keys("*")) {
    const type = await redis.type(key);
    parts.push(key, type);
    if (type === "string") parts.push(await redis.get(key));
    else if (type === "hash") parts.push(await redis.hgetall(key));
    else if (type === "set") parts.push(await redis.smembers(key));
    else if (type === "zset") parts.push(await redis.zrange(key, "0", "-1"));
    else if (type === "stream") parts.push(await redis.xrange(key, "-", "+"));
    else throw new Error(`a key of type ${type}`);
  }
  redis.disconnect();
  return JSON.stringify(parts);
}

/** What of the secrets stands in the dump; throws where the dump holds no tokens. */
function found(dump: string, secrets: readonly string[]): readonly string[] {
  if (!dump.includes("AccessToken")) throw new Error("the dump holds no tokens");
  return secrets.filter((secret) => dump.includes(secret));
}

describe("a dump of the store", () => {
  it("opens nothing: SQLite", async () => {
    const file = join(tempFolder(), "store.db");
    const secrets = await useEverything(`sqlite:${file}`);
    expect(found(dumpSqlite(file), secrets)).toEqual([]);
  });

  it("opens nothing: Redis", async () => {
    const redis = await startRedis();
    try {
      const secrets = await useEverything(redis.url);
      expect(found(await dumpRedis(redis.url), secrets)).toEqual([]);
    } finally {
      await redis.stop();
    }
  });
});
