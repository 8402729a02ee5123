import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { startRedis } from "../support/redis.ts";
import { startSidecar } from "../support/sidecar.ts";
import { install, run } from "./terminal.ts";

const UPSTREAM = "http://127.0.0.1:9";

describe.each(["sqlite", "redis"])("what a command changes, on %s", (kind) => {
  test("shows in the activity of a sidecar that runs, as what the API changes does", { timeout: 30_000 }, async () => {
    const redis = kind === "redis" ? await startRedis() : null;
    const sidecar = await startSidecar({
      upstreamUrl: UPSTREAM,
      config: redis === null ? {} : { store: { url: redis.url } },
    });
    const command = async (...args: readonly string[]): Promise<string> => {
      const config = join(sidecar.folder, "portcullis.yaml");
      const { code, error, out } = await run([...args, "--config", config], { env: { UPSTREAM } });
      expect({ code, error }).toMatchObject({ code: 0 });
      return out.trim();
    };
    const token = await command("tokens", "create", "--name", "reader");
    const { id, key } = JSON.parse(
      await command("keys", "create", "--name", "export", "--scope", "tickets:read", "--json"),
    );
    await command("keys", "revoke", id);
    await command("keys", "list");
    const answer = await fetch(`${sidecar.adminUrl}/api/v1/activity?event=admin`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    const { items } = JSON.parse(text);
    expect(items.map(({ fields }: { fields: unknown }) => fields)).toMatchObject([
      { action: "key.revoke", target: id, before: { revoked_at: null }, after: { revoked_at: expect.any(String) } },
      { action: "key.create", target: id, after: { name: "export", scopes: ["tickets:read"], revoked_at: null } },
      { action: "token.create", after: { name: "reader" } },
    ]);
    for (const { fields, ...item } of items) {
      expect(item).toMatchObject({ event: "admin", decision: "allow", reason: "ok" });
      expect(fields.subject).toMatch(/^cli:./);
    }
    expect(text).not.toContain(key);
    expect(text).not.toContain(token);
    await sidecar.close();
    await redis?.stop();
  });
});

test("a command whose activity the store does not take is done all the same, and says so", async () => {
  const at = install();
  await at.run(["keys", "list"]);
  const database = new DatabaseSync(join(at.folder, "data", "portcullis.db"));
  database.exec("CREATE TRIGGER full BEFORE INSERT ON activity BEGIN SELECT RAISE(ABORT, 'full'); END");
  database.close();
  const ran = await at.run(["mcp", "off"]);
  expect(ran).toMatchObject({
    code: 0,
    out: expect.stringContaining("MCP access is off"),
    error: "the store took no activity, so the page of it does not show this\n",
  });
  expect(at.audit().map(({ action }) => action)).toEqual(["mcp.off"]);
});
