import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { approveDevice } from "../../support/person-at-browser.ts";
import { outputOf, spawnPortcullis, waitForLine } from "../../support/processes.ts";
import { tempFolder } from "../../support/temp.ts";
import { get } from "../support.ts";
import { type Demo, grantsOf, run, startDemo, waitingClient } from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** `portcullis login`, `whoami`, `explain --token` and `logout` as processes. */

const kept = z.object({ tokens: z.object({ access_token: z.string(), refresh_token: z.string() }) });

const tickets = (portal: string): string => `/api/portals/${portal}/tickets`;

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});

test("a login by device code says who one is, what one may, and ends with the logout", async () => {
  const env = { XDG_CONFIG_HOME: tempFolder() };
  const login = spawnPortcullis(["login", "--device", "--url", demo.url, "--scope", "tickets:read"], { env });
  const link = await waitForLine(login, (line) => line.startsWith("Open "));
  const code = await waitForLine(login, (line) => line.startsWith("Code "));
  const who = await waitForLine(login, (line) => line.startsWith("This is client "));
  const id = await waitingClient(demo);
  expect(who).toContain(id);
  await demo.command("clients", "approve", id);
  const uri = link.replace(/^Open\s+/, "");
  expect(code).toContain(new URL(uri).searchParams.get("user_code"));
  expect((await approveDevice(uri, demo.member, { portal: "acme" })).status).toBe(200);
  expect(await login.exited).toEqual({ code: 0, signal: null });

  const { tokens } = kept.parse(
    JSON.parse(readFileSync(join(env.XDG_CONFIG_HOME, "portcullis", "credentials.json"), "utf8")),
  );
  expect(outputOf(login)).not.toContain(tokens.access_token);
  const told: unknown = JSON.parse(await run(["whoami", "--json"], env));
  const member = { subject: demo.member.email, client: id, scopes: ["tickets:read"], portal: "acme" };
  expect(told).toMatchObject({ url: demo.url, ...member });
  expect(await grantsOf(demo, id)).toMatchObject([{ flow: "device_code", portal: "acme", state: "active" }]);

  const explain = (portal: string): Promise<string> =>
    run(["explain", "--config", demo.config, "--token", "GET", tickets(portal)], env);
  expect(await explain("acme")).toContain("allowed");
  await expect(explain("globex")).rejects.toThrow(/portal_forbidden/);
  expect((await get(demo.url + tickets("acme"), tokens.access_token)).status).toBe(200);
  expect((await get(demo.url + tickets("globex"), tokens.access_token)).code).toBe("portal_forbidden");

  await run(["logout"], env);
  expect(await get(demo.url + tickets("acme"), tokens.access_token)).toMatchObject({ status: 401 });
  await expect(run(["whoami"], env)).rejects.toThrow(/exit 1: [^]*not logged in/);
  await expect(explain("acme")).rejects.toThrow(/not logged in/);
});

test("a login that the person denies ends with exit 1 and keeps no token", async () => {
  await demo.command("clients", "policy", "open");
  const env = { XDG_CONFIG_HOME: tempFolder() };
  const login = spawnPortcullis(["login", "--device", "--url", demo.url], { env });
  const link = await waitForLine(login, (line) => line.startsWith("Open "));
  await approveDevice(link.replace(/^Open\s+/, ""), demo.member, { decision: "deny" });
  expect((await login.exited).code).toBe(1);
  expect(login.stderr()).toMatch(/^denied$/m);
  await expect(run(["whoami"], env)).rejects.toThrow(/not logged in/);
});
