import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { type Installation, install, type Ran, RULES } from "./terminal.ts";

const PASSWORD = "a fine long password";
const ID = /^usr_[0-9A-Za-z]{20}$/;

let at: Installation;

beforeEach(() => {
  at = install(RULES.replace("upstreams:", "portals: [{ id: acme }, { id: globex }]\nupstreams:"));
});

const users = (args: readonly string[], input = ""): Promise<Ran> => at.run(["users", ...args], input);

function objectOf({ out }: Ran): Record<string, unknown> {
  return { ...Object(JSON.parse(out)) };
}

async function added(email: string, ...more: readonly string[]): Promise<string> {
  const ran = await users(
    ["add", "--email", email, "--name", "Mara Lind", "--password-stdin", "--json", ...more],
    `${PASSWORD}\n`,
  );
  expect([ran.code, ran.error]).toEqual([0, ""]);
  return String(objectOf(ran)["id"]);
}

const shown = async (who: string): Promise<Record<string, unknown>> => objectOf(await users(["show", who, "--json"]));

const idsOnPage = async (...args: readonly string[]): Promise<string[]> =>
  JSON.parse((await users(["list", "--json", ...args])).out).map(({ id }: { id: string }) => id);

describe("users add", () => {
  test("adds a member with every scope and portal unless told otherwise", async () => {
    const ran = await users(
      ["add", "--email", "Mara@Example.com", "--name", "Mara Lind", "--password-stdin"],
      PASSWORD,
    );
    expect(ran).toMatchObject({ code: 0, error: "" });
    expect(ran.out).toMatch(
      /^added usr_[0-9A-Za-z]{20} mara@example\.com: member; scopes tickets:read .*; all portals\n$/,
    );
    expect(await shown("mara@example.com")).toMatchObject({
      id: expect.stringMatching(ID),
      role: "member",
      state: "active",
      signs_in_by: "password",
      portals: null,
      created_by: expect.stringMatching(/^cli:./),
      last_sign_in_at: null,
    });
  });

  test("adds an administrator, and narrows what somebody may grant", async () => {
    await added("admin@example.com", "--admin");
    await added("some@example.com", "--scope", "tickets:read,users:read", "--portal", "acme", "--portal", "globex");
    expect(await shown("admin@example.com")).toMatchObject({ role: "admin", portals: null });
    expect(await shown("some@example.com")).toMatchObject({
      role: "member",
      scopes: ["tickets:read", "users:read"],
      portals: ["acme", "globex"],
    });
  });

  test("asks for the password twice, without a word of it anywhere", async () => {
    const questions: string[] = [];
    const answers = [PASSWORD, PASSWORD];
    let out = "";
    const code = await main(["users", "add", "--email", "a@example.com", "--name", "A", "--config", at.config], {
      env: {},
      out: (text) => void (out += text),
      error: (text) => void (out += text),
      readInput: () => Promise.reject(new Error("read")),
      readSecret(question) {
        questions.push(question);
        return Promise.resolve(answers.shift() ?? null);
      },
    });
    expect([code, questions]).toEqual([0, ["Password: ", "Again: "]]);
    expect(out).not.toContain(PASSWORD);
    expect(at.auditText()).not.toContain(PASSWORD);
    expect(at.auditText()).not.toContain("scrypt");
  });

  test("fails where the two passwords differ, and where nobody can be asked", async () => {
    const answers = [PASSWORD, `${PASSWORD}x`];
    let error = "";
    const code = await main(["users", "add", "--email", "a@example.com", "--name", "A", "--config", at.config], {
      env: {},
      out() {},
      error: (text) => void (error += text),
      readInput: () => Promise.resolve(""),
      readSecret: () => Promise.resolve(answers.shift() ?? null),
    });
    expect([code, error]).toEqual([1, "the two passwords differ; nothing was changed\n"]);
    const ran = await users(["add", "--email", "a@example.com", "--name", "A"], PASSWORD);
    expect([ran.code, ran.error]).toEqual([1, "there is no terminal to ask for the password; use --password-stdin\n"]);
    expect(JSON.parse((await users(["list", "--json"])).out)).toEqual([]);
  });

  test("tells every problem at once, and adds nobody", async () => {
    const ran = await users(
      ["add", "--email", "x", "--name", " ", "--scope", "tickets:raed", "--portal", "acmee", "--password-stdin"],
      "short",
    );
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.error.trim().split("\n")).toHaveLength(5);
    expect(ran.error).toContain('unknown portal "acmee" (did you mean `acme`?)');
    expect(ran.error).not.toContain("short\n");
  });

  test("refuses an email that is taken", async () => {
    await added("mara@example.com");
    const ran = await users(["add", "--email", "MARA@example.com", "--name", "B", "--password-stdin"], PASSWORD);
    expect([ran.code, ran.error]).toEqual([1, "the email mara@example.com is taken\n"]);
  });

  test.each([
    ["no email", ["add", "--name", "A", "--password-stdin"]],
    ["no name", ["add", "--email", "a@example.com", "--password-stdin"]],
    ["a stray argument", ["add", "a@example.com", "--email", "a@example.com", "--name", "A"]],
    ["a password on the command line", ["add", "--email", "a@example.com", "--name", "A", "--password", PASSWORD]],
    ["nobody to show", ["show"]],
    ["an unknown action", ["remove", "a@example.com"]],
    ["no action", []],
    ["a limit that is none", ["list", "--limit", "0"]],
    ["a page after nobody", ["list", "--after", "x"]],
    ["nothing to change", ["edit", "a@example.com"]],
    ["a role that is none", ["edit", "a@example.com", "--role", "owner"]],
    ["two answers on scopes", ["edit", "a@example.com", "--scope", "tickets:read", "--all-scopes"]],
    ["two answers on portals", ["edit", "a@example.com", "--portal", "acme", "--all-portals"]],
  ])("is wrong usage with %s", async (_what, args) => {
    const ran = await users(args);
    expect(ran).toMatchObject({ code: 2, out: "", error: expect.stringContaining("portcullis users") });
    expect(ran.error).not.toContain(PASSWORD);
  });
});

describe("users list and show", () => {
  test("say that there is nobody yet", async () => {
    expect(await users(["list"])).toMatchObject({ code: 0, out: expect.stringContaining("nobody yet") });
    expect(await users(["show", "a@example.com"])).toMatchObject({ code: 1, error: "nobody here is a@example.com\n" });
  });

  test("tell all but the password, by id and by email", async () => {
    const id = await added("mara@example.com", "--portal", "acme");
    for (const args of [["list"], ["list", "--json"], ["show", id], ["show", "MARA@example.com", "--json"]]) {
      const ran = await users(args);
      expect(ran).toMatchObject({ code: 0, error: "" });
      for (const part of [id, "mara@example.com", "acme", "member", "active"]) expect(ran.out).toContain(part);
      expect(ran.out).not.toMatch(/scrypt|\$/);
    }
  });

  test("list gives pages", async () => {
    const made = [await added("a@example.com"), await added("b@example.com"), await added("c@example.com")];
    const first = await idsOnPage("--limit", "2");
    const second = await idsOnPage("--limit", "2", "--after", first[1] ?? "");
    expect([...first, ...second].toSorted()).toEqual(made.toSorted());
    expect(first).toHaveLength(2);
  });
});

describe("users passwd, disable, enable and edit", () => {
  test("change the person, say so, and say when it is so already", async () => {
    await added("admin@example.com", "--admin");
    const id = await added("mara@example.com");
    expect((await users(["passwd", "mara@example.com", "--password-stdin"], "another fine password\n")).out).toContain(
      `signed out everywhere, ended every token, and set the password of ${id} mara@example.com`,
    );
    expect((await users(["disable", id])).out).toContain(`disabled ${id} mara@example.com`);
    expect(await shown(id)).toMatchObject({ state: "disabled", disabled_at: expect.stringMatching(/Z$/) });
    expect((await users(["disable", id])).out).toBe("mara@example.com is disabled already.\n");
    expect((await users(["enable", id])).out).toContain(`enabled ${id}`);
    expect((await users(["enable", id])).out).toBe("mara@example.com is not disabled.\n");
    const edit = ["edit", id, "--name", "Mara Berg", "--role", "admin", "--scope", "tickets:read", "--portal", "acme"];
    expect((await users(edit)).out).toContain("admin; scopes tickets:read; portal acme");
    expect((await users(edit)).out).toBe("mara@example.com is so already.\n");
    const wide = objectOf(await users(["edit", id, "--all-scopes", "--all-portals", "--json"]));
    expect(wide).toMatchObject({ name: "Mara Berg", role: "admin", portals: null });
    expect(wide["scopes"]).toContain("workflows:*");
  });

  test("leave an administrator", async () => {
    await added("admin@example.com", "--admin");
    await added("mara@example.com");
    for (const args of [
      ["disable", "admin@example.com"],
      ["edit", "admin@example.com", "--role", "member"],
    ]) {
      const ran = await users(args);
      expect([ran.code, ran.error]).toEqual([1, "admin@example.com is the last administrator; make another first\n"]);
    }
    expect(await shown("admin@example.com")).toMatchObject({ role: "admin", state: "active" });
  });

  test("fail on somebody unknown, and on a password that will not do", async () => {
    await added("mara@example.com");
    for (const action of ["disable", "enable"]) expect((await users([action, "x@example.com"])).code).toBe(1);
    const short = await users(["passwd", "mara@example.com", "--password-stdin"], "short");
    expect([short.code, short.error]).toEqual([1, "the password is shorter than 12 characters\n"]);
  });
});

describe("the audit of the commands about people", () => {
  test("has one line for each change", async () => {
    await added("admin@example.com", "--admin");
    const id = await added("mara@example.com");
    await users(["passwd", id, "--password-stdin"], "another fine password");
    await users(["edit", id, "--portal", "acme"]);
    await users(["disable", id]);
    await users(["disable", id]);
    await users(["enable", id]);
    await users(["disable", "admin@example.com"]);
    await users(["list"]);
    const lines = at.audit().filter(({ target }) => target === id);
    expect(lines.map(({ event, action, decision }) => ({ event, action, decision }))).toEqual(
      ["person.add", "person.password", "person.edit", "person.disable", "person.enable"].map((action) => ({
        event: "admin",
        action,
        decision: "allow",
      })),
    );
    expect(lines[2]).toMatchObject({ before: { portals: "all" }, after: { portals: ["acme"] } });
    expect(at.audit()).toHaveLength(6);
    for (const line of at.audit()) expect(line["subject"]).toMatch(/^cli:./);
    expect(at.auditText()).not.toMatch(/scrypt|fine/);
  });

  test("where it cannot be written, keeps people from being added and never from being disabled", async () => {
    await added("admin@example.com", "--admin");
    const id = await added("mara@example.com");
    rmSync(join(at.folder, "data", "audit.ndjson"));
    mkdirSync(join(at.folder, "data", "audit.ndjson"));
    const add = await users(["add", "--email", "b@example.com", "--name", "B", "--password-stdin"], PASSWORD);
    expect(add.error).toContain("the audit cannot be written, so nothing was changed");
    expect((await users(["disable", id])).code).toBe(0);
    expect(await shown(id)).toMatchObject({ state: "disabled" });
  });
});
