import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { knownClient, startDevice } from "../../src/cli/login-client.ts";
import { spawnPortcullis } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { type Answers, deviceOf, METADATA, metadataOf, type OtherServer, startOtherServer } from "./other-server.ts";
import { run } from "./terminal.ts";

const DAY_MS = 86_400_000;
/** Clears a screen, sets a title, turns text about: in C0, C1 and format characters. */
const ESCAPES = "\u001b[2J\u009b31m\u202egone\u0007\r\nlogged in";
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

/** A folder of a person, with a login in it where one is given. */
function home(login?: { readonly url: string } & Record<string, unknown>) {
  const env = { XDG_CONFIG_HOME: tempFolder() };
  const file = join(env.XDG_CONFIG_HOME, "portcullis", "credentials.json");
  mkdirSync(dirname(file), { recursive: true });
  if (login !== undefined) writeFileSync(file, JSON.stringify(login), { mode: 0o600 });
  const kept = (): Record<string, unknown> => ({ ...Object(JSON.parse(readFileSync(file, "utf8"))) });
  return { env, file, kept };
}

const loginAt = (url: string, expiresAt = Date.now() + DAY_MS) => ({
  version: 1,
  url,
  client_id: "client_other",
  tokens: { access_token: "old", refresh_token: "r1", expires_at: expiresAt },
});

const logIn = (origin: string, env: NodeJS.ProcessEnv) => run(["login", "--device", "--url", origin], { env });

describe("what a server says", () => {
  test.each<[string, (origin: string) => Answers]>([
    [
      "its codes and ids",
      (origin) => ({
        "/oauth/register": () => ({ status: 201, client_id: `client_${ESCAPES}` }),
        "/oauth/device_authorization": () => ({ ...deviceOf(origin), user_code: ESCAPES }),
      }),
    ],
    [
      "the path of its page",
      (origin) => ({
        "/oauth/device_authorization": () => ({
          ...deviceOf(origin),
          verification_uri: `${origin}/\u009b2J\u202e`,
        }),
      }),
    ],
    [
      "its error",
      () => ({ "/oauth/token": () => ({ status: 400, error: `no${ESCAPES}`, error_description: ESCAPES }) }),
    ],
  ])("moves no cursor: %s", async (_what, answers) => {
    const { origin } = await startOtherServer(answers);
    const ran = await logIn(origin, home().env);
    expect(ran.out + ran.error).not.toMatch(UNPRINTABLE);
    expect(ran.error).not.toMatch(/^logged in/m);
  });

  test("moves no cursor in the answers of whoami and logout", async () => {
    const { origin } = await startOtherServer(() => ({
      "/oauth/whoami": () => ({ subject: ESCAPES, client: null, scopes: [ESCAPES], portal: null, expires_at: null }),
      "/oauth/revoke": () => ({ status: 400, error: "no", error_description: ESCAPES }),
    }));
    const { env } = home(loginAt(origin));
    for (const command of [["whoami"], ["whoami", "--json"], ["logout"]]) {
      const { error, out } = await run(command, { env });
      expect(out + error).not.toBe("");
      expect(out + error).not.toMatch(UNPRINTABLE);
    }
  });

  test.each([
    "http://evil.example/device",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://desk.example.com@evil.example/",
    "x",
  ])("is refused where the page to open is %s", async (page) => {
    const { asked, origin } = await startOtherServer((own) => ({
      "/oauth/device_authorization": () => ({ ...deviceOf(own), verification_uri_complete: page }),
    }));
    const ran = await logIn(origin, home().env);
    expect(ran).toMatchObject({
      code: 1,
      out: "",
      error: expect.stringContaining("neither https nor on this machine"),
    });
    expect(ran.error).not.toContain("Open");
    expect(asked).not.toContain("/oauth/token");
  });

  test.each(["token_endpoint", "device_authorization_endpoint", "revocation_endpoint"])(
    "is refused where its %s is elsewhere, and no token goes there",
    async (name) => {
      const thief = await startOtherServer(() => ({}));
      const { origin } = await startOtherServer((own) => ({
        [METADATA]: () => ({ ...metadataOf(own), [name]: `${thief.origin}/oauth/token` }),
      }));
      const { env } = home(loginAt(origin, 0));
      for (const command of [["whoami"], ["login", "--device", "--url", origin], ["logout"]]) {
        expect(await run(command, { env })).toMatchObject({ code: 1, error: expect.stringContaining("is elsewhere") });
      }
      expect(thief.asked).toEqual([]);
    },
  );

  test("of times is bounded: a day for a token and a code, a minute between two questions", async () => {
    const { origin } = await startOtherServer((own) => ({
      "/oauth/device_authorization": () => ({ ...deviceOf(own), expires_in: 1e300 }),
      "/oauth/token": () => ({ access_token: "new", token_type: "bearer", expires_in: 1e307 }),
    }));
    const { env, kept } = home();
    const before = Date.now();
    const ran = await logIn(origin, env);
    expect(ran).toMatchObject({ code: 0, error: expect.stringContaining("good for 1440 minutes") });
    const { expires_at: expiresAt } = Object(kept()["tokens"]);
    expect(expiresAt).toBeGreaterThanOrEqual(before + DAY_MS);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + DAY_MS);
    const slow = await startOtherServer((own) => ({
      "/oauth/device_authorization": () => ({ ...deviceOf(own), interval: 1e12 }),
    }));
    const config = await knownClient(new URL(slow.origin), "client_other");
    expect((await startDevice(config, { scopes: [], resource: undefined })).interval).toBe(60);
  });
});

describe("the login before", () => {
  test("stays until the new one is there, which is said, and is revoked then at its own server", async () => {
    const before = await startOtherServer(() => ({}));
    const { env, kept } = home(loginAt(before.origin));
    const denying = await startOtherServer(() => ({ "/oauth/token": () => ({ status: 400, error: "access_denied" }) }));
    const denied = await logIn(denying.origin, env);
    expect(denied).toMatchObject({
      code: 1,
      error: expect.stringContaining(`You are logged in at ${before.origin}. This login will take its place`),
    });
    expect(kept()).toMatchObject({ ...loginAt(before.origin, Number(Object(kept()["tokens"])["expires_at"])) });
    expect(before.asked).toEqual([]);
    // The client that registered there is known the next time.
    await logIn(denying.origin, env);
    expect(denying.asked.filter((path) => path === "/oauth/register")).toHaveLength(1);
    const revoked: unknown[] = [];
    const { origin } = await startOtherServer(() => ({
      "/oauth/revoke": ({ form }) => {
        revoked.push(form.get("token"));
        return {};
      },
    }));
    expect((await logIn(origin, env)).code).toBe(0);
    expect(before.asked.filter((path) => path === "/oauth/revoke")).toHaveLength(2);
    expect(kept()).toMatchObject({ url: origin, tokens: { access_token: "new" } });
    // Again at the same server: no word of another place, and the token of before ends too.
    const again = await logIn(origin, env);
    expect([again.code, again.error.includes("take its place")]).toEqual([0, false]);
    expect(revoked).toEqual(["r2", "new"]);
  });

  test("is left behind, with a word, where its server is gone", async () => {
    const { env, kept } = home(loginAt("http://127.0.0.1:9"));
    const { origin } = await startOtherServer(() => ({}));
    const ran = await logIn(origin, env);
    expect(ran).toMatchObject({ code: 0, error: expect.stringContaining("could not be ended at http://127.0.0.1:9") });
    expect(kept()["url"]).toBe(origin);
  });
});

/** A refresh token is good once, as with us. The first is answered when both commands have asked who the server is. */
async function startStrictServer(): Promise<OtherServer & { readonly refreshed: string[] }> {
  const refreshed: string[] = [];
  const both = Promise.withResolvers<void>();
  let commands = 0;
  const server = await startOtherServer((own) => ({
    [METADATA]: () => {
      commands += 1;
      if (commands === 2) both.resolve();
      return metadataOf(own);
    },
    "/oauth/token": async ({ form }) => {
      refreshed.push(form.get("refresh_token") ?? "");
      if (refreshed.length > 1) return { status: 400, error: "invalid_grant" };
      await both.promise;
      return { access_token: "new", refresh_token: "r2", token_type: "bearer", expires_in: 3600 };
    },
  }));
  return { ...server, refreshed };
}

describe("two commands at once on an expired token", () => {
  test("refresh it once: two processes", async () => {
    const server = await startStrictServer();
    const { env, file, kept } = home(loginAt(server.origin, 0));
    const both = [1, 2].map(() => spawnPortcullis(["whoami"], { env }));
    const ends = await Promise.all(both.map(({ exited }) => exited));
    expect(both.map(({ stderr }) => stderr())).toEqual(["", ""]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(server.refreshed).toEqual(["r1"]);
    expect(kept()["tokens"]).toMatchObject({ access_token: "new", refresh_token: "r2" });
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  test("take the lock of one that died", async () => {
    const { origin } = await startOtherServer(() => ({}));
    const { env, file, kept } = home(loginAt(origin, 0));
    writeFileSync(`${file}.lock`, "");
    const longAgo = new Date(Date.now() - 31_000);
    utimesSync(`${file}.lock`, longAgo, longAgo);
    expect((await run(["whoami"], { env })).code).toBe(0);
    expect(kept()["tokens"]).toMatchObject({ access_token: "new" });
  });
});
