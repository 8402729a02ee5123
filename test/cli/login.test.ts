import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { isClientId } from "../../src/core/ids.ts";
import { main } from "../../src/cli/main.ts";
import { PEPPER, type Stage, startStage } from "../oauth/pages-stage.ts";
import { tempFolder } from "../support/temp.ts";
import { install, run } from "./terminal.ts";

/** A command that runs while the test does something else. */
function begin(args: readonly string[], env: NodeJS.ProcessEnv) {
  let [out, error] = ["", ""];
  const heard = Promise.withResolvers<string>();
  const code = main(args, {
    env,
    out: (text) => void (out += text),
    error(text) {
      error += text;
      const shown = /Code {2}(\S+)/.exec(error)?.[1];
      if (shown !== undefined) heard.resolve(shown);
    },
    readInput: () => Promise.resolve(""),
  });
  void code.then((done) => heard.reject(new Error(`ended with ${done} before it showed a code: ${error}`)));
  heard.promise.catch(() => {});
  return { code, userCode: heard.promise, out: () => out, error: () => error };
}

/** An installation on a folder of its own, with the server of the stage in front of its store. */
async function installed() {
  const at = install();
  const config = `version: 1\nlog: { level: warn }\nsecrets: { pepper: "${PEPPER}" }\n`;
  mkdirSync(join(at.folder, "data"), { recursive: true });
  const stage = await startStage({ file: join(at.folder, "data", "portcullis.db"), realTime: true });
  writeFileSync(at.config, `${config}public_url: ${stage.issuer}\n`);
  const env = { XDG_CONFIG_HOME: join(at.folder, "home") };
  return { at, env, stage, file: join(env.XDG_CONFIG_HOME, "portcullis", "credentials.json") };
}

/** Decides at the device page, after an administrator has let the client in where it waits. */
async function decide(stage: Stage, userCode: string, decision: string): Promise<void> {
  for (const { id } of await stage.clients.list("waiting", { limit: 10 }))
    await stage.clientsService.approve(id, "test");
  const { browser } = await stage.person();
  const page = await browser.get(stage.url(`/oauth/device?user_code=${userCode}`));
  const confirm = await browser.submit(page, {}, { action: "/oauth/device" });
  const done = await browser.submit(confirm, { decision, scope: "tickets:read" }, { action: "/oauth/device" });
  expect(done.status).toBe(200);
}

function kept(file: string): Record<string, unknown> {
  return { ...Object(JSON.parse(readFileSync(file, "utf8"))) };
}

function tokens(file: string): Record<string, unknown> {
  return { ...Object(kept(file)["tokens"]) };
}

const LOGIN_MS = 30_000;

describe("portcullis login --device", () => {
  test(
    "registers, shows a code, keeps the token for its owner alone; whoami, explain and logout use it",
    { timeout: LOGIN_MS },
    async () => {
      const { at, env, stage, file } = await installed();
      const login = begin(["login", "--device", "--url", stage.issuer, "--scope", "tickets:read,tickets:write"], env);
      await decide(stage, await login.userCode, "approve");
      expect([await login.code, login.out()]).toEqual([0, expect.stringContaining("logged in")]);
      expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
      const first = tokens(file);
      expect(login.out() + login.error()).not.toContain(String(first["access_token"]));

      const who = await run(["whoami", "--json"], { env });
      expect(JSON.parse(who.out)).toMatchObject({
        url: stage.issuer,
        subject: "mara@example.com",
        client: kept(file)["client_id"],
        scopes: ["tickets:read"],
        portal: null,
      });
      expect((await run(["whoami"], { env })).out).toContain("mara@example.com");

      const request = ["GET", "/api/portals/acme/tickets/1"];
      const explained = await run(["explain", "--token", ...request, "--config", at.config], { env });
      expect([explained.code, explained.out.includes("mara@example.com")]).toEqual([0, true]);
      const piped = await run(
        ["explain", "--token", "-", "POST", "/api/import", "--data", "{}", "--config", at.config],
        {
          input: `${String(first["access_token"])}\n`,
        },
      );
      expect([piped.code, piped.out.includes("tickets:write")]).toEqual([1, true]);

      // As if it had expired: refreshed by itself, and the old refresh token is used up.
      writeFileSync(file, JSON.stringify({ ...kept(file), tokens: { ...first, expires_at: 1 } }));
      expect((await run(["whoami"], { env })).code).toBe(0);
      expect(tokens(file)["access_token"]).not.toBe(first["access_token"]);
      expect(statSync(file).mode & 0o777).toBe(0o600);

      const last = tokens(file);
      expect((await run(["logout"], { env })).out).toContain("logged out");
      expect(existsSync(file)).toBe(false);
      expect((await stage.whoami(last["access_token"])).status).toBe(401);
      expect(await run(["whoami"], { env })).toMatchObject({
        code: 1,
        error: expect.stringContaining("not logged in"),
      });
      expect((await run(["logout"], { env })).out).toContain("not logged in");
    },
  );

  test("says so where it was denied, and keeps its client for the next time", { timeout: LOGIN_MS }, async () => {
    const { env, stage, file } = await installed();
    const login = begin(["login", "--device", "--url", stage.issuer], env);
    await decide(stage, await login.userCode, "deny");
    expect([await login.code, login.error()]).toEqual([1, expect.stringMatching(/denied\n$/)]);
    expect(kept(file)).toMatchObject({ client_id: expect.stringMatching(/^client_/), tokens: null });
    expect(await run(["whoami"], { env })).toMatchObject({ code: 1 });
  });

  test(
    "uses the client that registered before, and another where that was disabled",
    { timeout: LOGIN_MS },
    async () => {
      const { env, stage, file } = await installed();
      const { id } = await stage.client({ redirectUris: [] });
      const before = { version: 1, url: stage.issuer, client_id: id, tokens: null };
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(before), { mode: 0o600 });
      const again = begin(["login", "--device", "--url", stage.issuer], env);
      await again.userCode;
      expect(kept(file)["client_id"]).toBe(id);
      expect(await stage.clients.count("waiting")).toBe(0);
      await stage.clientsService.disable(id, "test");
      expect(await again.code).toBe(1);
      const anew = begin(["login", "--device", "--url", stage.issuer], env);
      await anew.userCode;
      const { client_id: other } = kept(file);
      expect(other).not.toBe(id);
      expect(await stage.clients.count("waiting")).toBe(1);
      if (typeof other === "string" && isClientId(other)) await stage.clientsService.disable(other, "test");
      expect(await anew.code).toBe(1);
    },
  );

  test.each([
    ["an unknown client", ["--client-id", "client_00000000000000000000"], "invalid_client"],
    ["a resource that is not served there", ["--resource", "https://other.example.com/"], "invalid_target"],
  ])("fails with %s", async (_what, more, words) => {
    const { env, stage } = await installed();
    const ran = await run(["login", "--device", "--url", stage.issuer, ...more], { env });
    expect(ran).toMatchObject({ code: 1, out: "", error: expect.stringContaining(words) });
  });

  test.each([
    ["no way", ["login", "--url", "https://desk.example.com"], 2],
    ["no URL", ["login", "--device"], 2],
    ["a stray argument", ["login", "--device", "now"], 2],
    ["http to another machine", ["login", "--device", "--url", "http://desk.example.com"], 1],
    ["a URL with a path", ["login", "--device", "--url", "https://desk.example.com/oauth"], 1],
    ["a server that is not there", ["login", "--device", "--url", "http://127.0.0.1:9"], 1],
    ["a token on the command line", ["explain", "--token=abc", "GET", "/status"], 2],
  ])("fails with %s", async (_what, args, code) => {
    const { at, env } = { at: install(), env: { XDG_CONFIG_HOME: tempFolder() } };
    const more = args[0] === "explain" ? ["--config", at.config] : [];
    expect(await run([...args, ...more], { env })).toMatchObject({ code, out: "" });
  });
});

describe("the file of credentials", () => {
  test.each([
    ["others may read", 0o644, "chmod 600"],
    ["others may write", 0o622, "chmod 600"],
  ])("is not used where %s", async (_what, mode, words) => {
    const env = { XDG_CONFIG_HOME: tempFolder() };
    const file = join(env.XDG_CONFIG_HOME, "portcullis", "credentials.json");
    mkdirSync(dirname(file));
    writeFileSync(file, "{}");
    chmodSync(file, mode);
    for (const command of ["whoami", "logout"]) {
      expect(await run([command], { env })).toMatchObject({ code: 1, out: "", error: expect.stringContaining(words) });
    }
  });

  test("is told to be of no use where it cannot be understood", async () => {
    const env = { XDG_CONFIG_HOME: tempFolder() };
    const file = join(env.XDG_CONFIG_HOME, "portcullis", "credentials.json");
    mkdirSync(dirname(file));
    writeFileSync(file, "not json", { mode: 0o600 });
    expect(await run(["whoami"], { env })).toMatchObject({ code: 1, error: expect.stringContaining("log in again") });
  });
});
