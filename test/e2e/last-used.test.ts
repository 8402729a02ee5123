import { expect, test } from "vitest";
import { stop } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { install, startUpstream, ticketRules } from "./support.ts";

test.each(["embedded", "Redis"])(
  "keys show tells when a key was last used, once the sidecar has ended (%s store)",
  async (kind) => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const store = kind === "Redis" ? { store: (await startRedis()).url } : {};
    const at = install({ rules: ticketRules(upstream), ...store });
    const [used, unused] = [
      await at.createKey("--scope", "tickets:read"),
      await at.createKey("--scope", "tickets:read"),
    ];
    const sidecar = await at.serve();
    const before = Date.now();
    for (let i = 0; i < 3; i++) expect((await sidecar.get("/tickets/acme", used.key)).status).toBe(200);
    const after = Date.now();
    expect(await stop(sidecar.process)).toEqual({ code: 0, signal: null });
    const lastUsed = async (id: string): Promise<unknown> =>
      Object(JSON.parse(await at.command("keys", "show", id, "--json"))).last_used_at;
    const at3 = Date.parse(String(await lastUsed(used.id)));
    expect(at3).toBeGreaterThanOrEqual(before);
    expect(at3).toBeLessThanOrEqual(after);
    expect(await lastUsed(unused.id)).toBeNull();
  },
);
