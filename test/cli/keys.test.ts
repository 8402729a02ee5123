import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Installation, install, type Ran, RULES } from "./terminal.ts";

const KEY = /noice_sk_live_[0-9A-Za-z]{36}/;
const ID = /^key_[0-9A-Za-z]{20}$/;

let at: Installation;

beforeEach(() => {
  at = install();
});

const keys = (...args: readonly string[]): Promise<Ran> => at.run(["keys", ...args]);

/** The object that a command printed. */
function objectOf({ out }: Ran): Record<string, unknown> {
  return { ...Object(JSON.parse(out)) };
}

const idsOf = (ran: Ran): string[] => JSON.parse(ran.out).map((record: { id: string }) => record.id);

const idsNow = async (): Promise<readonly string[]> => idsOf(await keys("list", "--json"));

async function created(...more: readonly string[]): Promise<{ id: string; key: string }> {
  const ran = await keys("create", "--name", "test", "--scope", "tickets:read", "--json", ...more);
  expect(ran.code).toBe(0);
  const { id, key } = objectOf(ran);
  return { id: String(id), key: String(key) };
}

describe("keys create", () => {
  test("prints the key alone on standard output, once, and what it is on standard error", async () => {
    const { code, error, out } = await keys("create", "--name", "nightly export", "--scope", "tickets:read");
    expect(code).toBe(0);
    expect(out).toMatch(/^noice_sk_live_[0-9A-Za-z]{36}\n$/);
    expect(error).toMatch(
      /^key_[0-9A-Za-z]{20} "nightly export": scopes tickets:read; ALL portals \(restrict with --portal\); never expires$/m,
    );
    const bounded = await keys(
      "create",
      "--name",
      "x",
      "--scope",
      "tickets:read",
      "--portal",
      "acme",
      "--expires",
      "1d",
    );
    expect(bounded.error).toMatch(/: scopes tickets:read; portal acme; expires \d{4}-.*Z$/m);
    expect(error).not.toMatch(KEY);
  });

  test("prints the record with the key as JSON", async () => {
    const what = ["--name", "nightly export", "--scope", "tickets:read", "--scope", "workflows:*"];
    const bounds = ["--portal", "acme", "--expires", "90d", "--subject", "mara"];
    const ran = await keys("create", ...what, ...bounds, "--json");
    const record = objectOf(ran);
    expect(record).toMatchObject({
      id: expect.stringMatching(ID),
      key: expect.stringMatching(KEY),
      name: "nightly export",
      state: "active",
      scopes: ["tickets:read", "workflows:*"],
      portal: "acme",
      subject: "mara",
      created_by: expect.stringMatching(/^cli:./),
      revoked_at: null,
      last_used_at: null,
    });
    const lifetime = Date.parse(String(record["expires_at"])) - Date.parse(String(record["created_at"]));
    expect(lifetime).toBe(90 * 86_400_000);
    expect(ran.out).not.toMatch(/digest/);
  });

  test("takes scopes separated by commas", async () => {
    const { id } = await created("--scope", "users:read,users:write");
    expect(objectOf(await keys("show", id, "--json"))["scopes"]).toEqual(["tickets:read", "users:read", "users:write"]);
  });

  test("refuses an unknown scope and names the catalogue; nothing is made", async () => {
    const ran = await keys("create", "--name", "x", "--scope", "tickets:delete", "--scope", "tickets:read");
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.error).toContain("tickets:delete");
    for (const scope of ["tickets:read", "tickets:write", "workflows:*", "users:write"]) {
      expect(ran.error).toContain(scope);
    }
    expect(JSON.parse((await keys("list", "--json")).out)).toEqual([]);
  });

  test.each([
    ["no name", ["create", "--scope", "tickets:read"]],
    ["no scope", ["create", "--name", "x"]],
    ["a stray argument", ["create", "x", "--name", "x", "--scope", "tickets:read"]],
    ["an expiry that is none", ["create", "--name", "x", "--scope", "tickets:read", "--expires", "soon"]],
    ["an unknown option", ["create", "--name", "x", "--scope", "tickets:read", "--portals", "acme"]],
  ])("is wrong usage with %s", async (_what, args) => {
    expect(await keys(...args)).toMatchObject({ code: 2, out: "", error: expect.stringContaining("portcullis keys") });
  });

  test("refuses a portal that the rules do not list, and names one that is near", async () => {
    at = install(RULES.replace("upstreams:", "portals: [{ id: acme }, { id: globex }]\nupstreams:"));
    const ran = await keys("create", "--name", "x", "--scope", "tickets:read", "--portal", "acmee");
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.error).toContain('unknown portal "acmee" (did you mean `acme`?)');
    expect(await idsNow()).toEqual([]);
    await created("--portal", "globex");
  });

  test("refuses a portal that is no portal id", async () => {
    expect((await keys("create", "--name", "x", "--scope", "tickets:read", "--portal", "a/b")).code).toBe(1);
  });
});

describe("keys list and show", () => {
  test("say that there are none yet", async () => {
    expect(await keys("list")).toMatchObject({ code: 0, out: expect.stringContaining("no keys yet") });
  });

  test("tell all but the key", async () => {
    const { id, key } = await created("--portal", "acme");
    for (const ran of [
      await keys("list"),
      await keys("list", "--json"),
      await keys("show", id),
      await keys("show", id, "--json"),
    ]) {
      expect(ran).toMatchObject({ code: 0, error: "" });
      for (const part of [id, "acme", "tickets:read", `noice_sk_live_…${key.slice(-4)}`])
        expect(ran.out).toContain(part);
      expect(ran.out).not.toContain(key);
      expect(ran.out).not.toMatch(KEY);
    }
  });

  test("list gives pages", async () => {
    const made = [await created(), await created(), await created()].map(({ id }) => id);
    const first = idsOf(await keys("list", "--json", "--limit", "2"));
    const second = idsOf(await keys("list", "--json", "--limit", "2", "--after", first[1] ?? ""));
    expect([first.length, second.length]).toEqual([2, 1]);
    expect([...first, ...second].toSorted()).toEqual(made.toSorted());
  });

  test("fail on an unknown id, and are wrong usage with none or with a key in its place", async () => {
    const { key } = await created();
    expect(await keys("show", "key_00000000000000000000")).toMatchObject({ code: 1, out: "" });
    expect((await keys("show")).code).toBe(2);
    for (const action of ["show", "revoke", "rotate"]) {
      const ran = await keys(action, key);
      expect(ran.code).toBe(2);
      expect(ran.error + ran.out).not.toContain(key);
    }
    expect((await keys("list", "--limit", "0")).code).toBe(2);
    expect((await keys("list", "x")).code).toBe(2);
    expect((await keys("lst")).code).toBe(2);
    expect((await keys()).code).toBe(2);
  });
});

describe("keys revoke", () => {
  test("is final and repeatable", async () => {
    const { id } = await created();
    expect(await keys("revoke", id)).toMatchObject({ code: 0, out: expect.stringContaining(`revoked ${id}`) });
    const first = objectOf(await keys("show", id, "--json"));
    expect(first).toMatchObject({ state: "revoked", revoked_at: expect.stringMatching(/Z$/) });
    expect((await keys("revoke", id)).out).toContain(
      `${id} (test) was revoked already, at ${String(first["revoked_at"])}`,
    );
    expect(at.audit().filter(({ action }) => action === "key.revoke")).toHaveLength(1);
    const again = await keys("revoke", id, "--json");
    expect(again.code).toBe(0);
    expect(objectOf(again)["revoked_at"]).toBe(first["revoked_at"]);
    const rotated = await keys("rotate", id);
    expect([rotated.code, rotated.error]).toEqual([1, `${id} was revoked at ${String(first["revoked_at"])}\n`]);
    expect((await keys("revoke", "key_00000000000000000000")).code).toBe(1);
    expect((await keys("revoke")).code).toBe(2);
  });
});

describe("keys rotate", () => {
  test("makes a key in place of another, which ends after the overlap", async () => {
    const old = await created("--portal", "acme");
    const before = Date.now();
    const ran = await keys("rotate", old.id, "--overlap", "1h", "--json");
    const after = Date.now();
    const next = objectOf(ran);
    expect(next).toMatchObject({ name: "test", portal: "acme", scopes: ["tickets:read"], state: "active" });
    expect(next["key"]).toMatch(KEY);
    expect(next["key"]).not.toBe(old.key);
    const shown = objectOf(await keys("show", old.id, "--json"));
    expect(shown).toMatchObject({ replaced_by: next["id"], state: "active" });
    const end = Date.parse(String(shown["expires_at"]));
    expect(end).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(end).toBeLessThanOrEqual(after + 3_600_000);
    expect(await keys("rotate", old.id)).toMatchObject({
      code: 1,
      error: `${old.id} was rotated already: ${String(next["id"])} took its place\n`,
    });
    expect((await keys("list")).out).toContain(
      `active, replaced by ${String(next["id"])}, ends ${String(shown["expires_at"])}`,
    );
    expect(at.audit().at(-1)).toMatchObject({
      detail: `replaced by ${String(next["id"])}`,
      before: { expires_at: null, replaced_by: null },
      after: { expires_at: shown["expires_at"], replaced_by: next["id"] },
    });
  });

  test("without an overlap ends the old key now", async () => {
    const old = await created();
    const { code, error, out } = await keys("rotate", old.id);
    expect(code).toBe(0);
    expect(error).toContain(`The old key ${old.id} has stopped working; --overlap 1h`);
    expect(out).toMatch(/^noice_sk_live_[0-9A-Za-z]{36}\n$/);
    expect(objectOf(await keys("show", old.id, "--json"))["state"]).toBe("replaced");
    expect((await keys("list")).out).toContain(`${old.id}  replaced  `);
  });

  test("says until when the old key works, and that an expired one cannot be rotated", async () => {
    const old = await created();
    const { error } = await keys("rotate", old.id, "--overlap", "1h");
    const end = objectOf(await keys("show", old.id, "--json"))["expires_at"];
    expect(error).toContain(`The old key ${old.id} works until ${String(end)}.`);
    const short = await created("--expires", "1ms");
    await vi.waitUntil(async () => objectOf(await keys("show", short.id, "--json"))["state"] === "expired");
    expect((await keys("rotate", short.id)).error).toContain(`${short.id} expired at `);
  });

  test("fails on an unknown id, and is wrong usage with an overlap that is none", async () => {
    expect((await keys("rotate", "key_00000000000000000000")).code).toBe(1);
    const { id } = await created();
    expect((await keys("rotate", id, "--overlap", "long")).code).toBe(2);
    expect(objectOf(await keys("show", id, "--json"))["state"]).toBe("active");
  });
});

describe("the audit of the key commands", () => {
  test("has one line of event admin for each change, and never a key", async () => {
    const one = await created();
    const rotated = objectOf(await keys("rotate", one.id, "--json"));
    await keys("revoke", String(rotated["id"]));
    await keys("list");
    await keys("show", one.id);
    await keys("create", "--name", "x", "--scope", "tickets:nothing");
    expect(at.audit().map(({ event, action, target, decision }) => ({ event, action, target, decision }))).toEqual([
      { event: "admin", action: "key.create", target: one.id, decision: "allow" },
      { event: "admin", action: "key.rotate", target: one.id, decision: "allow" },
      { event: "admin", action: "key.revoke", target: rotated["id"], decision: "allow" },
    ]);
    for (const line of at.audit()) expect(line["subject"]).toMatch(/^cli:./);
    expect(at.audit()[0]).toMatchObject({
      before: null,
      after: { name: "test", scopes: ["tickets:read"], portal: null, expires_at: null, revoked_at: null },
    });
    expect(at.audit()[2]).toMatchObject({ before: { revoked_at: null }, after: { revoked_at: expect.any(String) } });
    expect(at.auditText()).not.toMatch(KEY);
    expect(at.auditText()).not.toContain(one.key.slice(14));
  });

  describe("where it cannot be written", () => {
    beforeEach(async () => {
      await created();
      rmSync(join(at.folder, "data", "audit.ndjson"));
      mkdirSync(join(at.folder, "data", "audit.ndjson"));
    });

    test("keeps keys from being made or rotated", async () => {
      const before = await idsNow();
      for (const args of [
        ["create", "--name", "x", "--scope", "tickets:read"],
        ["rotate", before[0] ?? ""],
      ]) {
        const ran = await keys(...args);
        expect(ran).toMatchObject({ code: 1, out: "" });
        expect(ran.error).toContain("the audit cannot be written, so nothing was changed");
      }
      expect(await idsNow()).toEqual(before);
      expect(objectOf(await keys("show", before[0] ?? "", "--json"))["state"]).toBe("active");
    });

    test("never keeps a key from being revoked", async () => {
      const [id = ""] = await idsNow();
      const ran = await keys("revoke", id);
      expect(ran).toMatchObject({ code: 0, error: "the audit cannot be written, so this is not recorded there\n" });
      expect(objectOf(await keys("show", id, "--json"))["state"]).toBe("revoked");
    });
  });
});
