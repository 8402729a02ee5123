import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { createAdminTokenCheck } from "../../src/administration/admin-tokens.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createPeople } from "../../src/store/people.ts";
import { createAdminTokens } from "../../src/store/admin-tokens.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { tempFolder } from "../support/temp.ts";
import { RULES, run } from "./terminal.ts";

const PEPPER = "0123456789abcdef0123456789abcdef";
let folder = "";

beforeEach(() => {
  folder = tempFolder();
  writeFileSync(
    join(folder, "portcullis.yaml"),
    JSON.stringify({
      version: 1,
      store: { url: "sqlite:./portcullis.db" },
      audit: { sinks: [{ file: "./audit.ndjson" }] },
      secrets: { pepper: PEPPER },
    }),
  );
  writeFileSync(join(folder, "rules.yaml"), RULES);
});

const tokens = (...args: string[]) => run(["tokens", ...args, "--config", join(folder, "portcullis.yaml")]);

async function isGood(token: string): Promise<boolean> {
  const store = openSqliteStore({ file: join(folder, "portcullis.db"), clock: systemClock });
  const check = createAdminTokenCheck({
    tokens: createAdminTokens(store.documents),
    people: createPeople(store.documents),
    digester: createDigester({ pepper: PEPPER }),
    clock: systemClock,
  });
  const found = await check.verify(token);
  await store.close();
  return found !== null;
}

test("a token is shown once, alone on standard output, works, and stops when it is revoked", async () => {
  const made = await tokens("create", "--name", "deploy", "--expires", "90d");
  expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^noice_admin_[0-9A-Za-z]{43}\n$/)]);
  const token = made.out.trim();
  expect(await isGood(token)).toBe(true);
  const listed = await tokens("list", "--json");
  expect(listed.out).not.toContain(token);
  const [{ id, ...rest }] = JSON.parse(listed.out);
  expect(rest).toMatchObject({ name: "deploy", state: "active", revoked_at: null });
  expect((await tokens("revoke", id)).out).toBe(`revoked ${id}. This cannot be undone.\n`);
  expect((await tokens("revoke", id)).out).toContain("was revoked already");
  expect(await isGood(token)).toBe(false);
  const audit = readFileSync(join(folder, "audit.ndjson"), "utf8");
  const lines = audit
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ action, target }) => [action, target])).toEqual([
    ["token.create", id],
    ["token.revoke", id],
  ]);
  expect(audit).not.toContain(token);
});

test("refuses a name that is none or taken, a life that is none, and an id that is unknown", async () => {
  await tokens("create", "--name", "one");
  expect(await tokens("create", "--name", "one")).toMatchObject({ code: 1, out: "" });
  expect(await tokens("create", "--name", "a\nb")).toMatchObject({ code: 1, out: "" });
  expect(await tokens("create", "--name", "two", "--expires", "soon")).toMatchObject({ code: 2, out: "" });
  expect(await tokens("create")).toMatchObject({ code: 2 });
  expect(await tokens("revoke", "adm_00000000000000000000")).toMatchObject({ code: 1 });
  expect(await tokens("revoke")).toMatchObject({ code: 2 });
  expect(await tokens("lst")).toMatchObject({ code: 2 });
});
