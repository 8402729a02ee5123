import { randomBytes } from "node:crypto";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { stop } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { install, type Sidecar, startUpstream, ticketRules } from "./support.ts";

let upstream: string;
const started: Sidecar[] = [];

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => response.end("up"));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ process }) => stop(process)));
});

const INVALID = { status: 401, code: "credential_invalid" };

describe("a key revoked at the command line", () => {
  test("is refused at the next request, twenty times out of twenty, on the embedded store", async () => {
    const at = install({ rules: ticketRules(upstream) });
    const sidecar = await at.serve();
    started.push(sidecar);
    const seen: unknown[] = [];
    for (let i = 0; i < 20; i++) {
      const { id, key } = await at.createKey("--scope", "tickets:read");
      const before = [await sidecar.get("/tickets/acme", key), await sidecar.get("/tickets/acme", key)];
      await at.command("keys", "revoke", id);
      const after = await sidecar.get("/tickets/acme", key);
      seen.push([...before.map(({ status }) => status), after.status, after.code]);
    }
    expect(seen).toEqual(Array.from({ length: 20 }, () => [200, 200, 401, "credential_invalid"]));
    expect(await sidecar.metric('portcullis_credential_lookups_total{result="hit"}')).toBeGreaterThanOrEqual(20);
  }, 120_000);

  test("is refused by each of two instances on one Redis once the command is back, and within a second", async () => {
    const redis = await startRedis();
    const pepper = randomBytes(32).toString("base64url");
    const at = [1, 2].map(() => install({ rules: ticketRules(upstream), store: redis.url, pepper }));
    const [here, there] = await Promise.all(at.map((each) => each.serve()));
    if (here === undefined || there === undefined || at[0] === undefined) throw new Error("two were started");
    started.push(here, there);
    for (let i = 0; i < 5; i++) {
      const { id, key } = await at[0].createKey("--scope", "tickets:read");
      expect((await here.get("/tickets/acme", key)).status).toBe(200);
      const lastAllowed = askUntilRefused(there, key);
      const revoked: unknown = JSON.parse(await at[0].command("keys", "revoke", id, "--json"));
      const now = [await here.get("/tickets/acme", key), await there.get("/tickets/acme", key)];
      expect(now).toMatchObject([INVALID, INVALID]);
      expect((await lastAllowed) - revokedAt(revoked)).toBeLessThan(1000);
    }
  }, 60_000);

  test("stays refused by an instance that starts afterwards", async () => {
    const redis = await startRedis();
    const at = install({ rules: ticketRules(upstream), store: redis.url });
    const { id, key } = await at.createKey("--scope", "tickets:read");
    await at.command("keys", "revoke", id);
    const sidecar = await at.serve();
    started.push(sidecar);
    expect(await sidecar.get("/tickets/acme", key)).toMatchObject(INVALID);
  });
});

describe("a key rotated at the command line", () => {
  test("goes on for the overlap beside the new one, and ends at once without", async () => {
    const at = install({ rules: ticketRules(upstream) });
    const sidecar = await at.serve();
    started.push(sidecar);
    const first = await at.createKey("--scope", "tickets:read");
    expect((await sidecar.get("/tickets/acme", first.key)).status).toBe(200);
    const second = issuedIn(await at.command("keys", "rotate", first.id, "--overlap", "1h", "--json"));
    expect((await sidecar.get("/tickets/acme", first.key)).status).toBe(200);
    expect((await sidecar.get("/tickets/acme", second.key)).status).toBe(200);
    const third = issuedIn(await at.command("keys", "rotate", second.id, "--json"));
    expect(await sidecar.get("/tickets/acme", second.key)).toMatchObject(INVALID);
    expect((await sidecar.get("/tickets/acme", third.key)).status).toBe(200);
  });
});

/** Asks one request after the other. Resolves with when the last allowed one was sent. */
async function askUntilRefused(sidecar: Sidecar, key: string): Promise<number> {
  let last = 0;
  for (;;) {
    const sentAt = Date.now();
    const { status } = await sidecar.get("/tickets/acme", key);
    if (status !== 200) return last;
    last = sentAt;
  }
}

function revokedAt(record: unknown): number {
  return Date.parse(String(Object(record).revoked_at));
}

function issuedIn(out: string): { id: string; key: string } {
  const { id, key } = JSON.parse(out);
  return { id: String(id), key: String(key) };
}
