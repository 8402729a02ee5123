import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  outputOf,
  type RunningProcess,
  spawnPortcullis,
  spawnProcess,
  stop,
  waitForLine,
} from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { get, KEY_PATTERN, readAudit } from "./support.ts";

const demoKey = z.strictObject({ id: z.string().regex(/^key_/), key: z.string().regex(/^noice_sk_live_\w{36}$/) });
const demoPerson = z.strictObject({ email: z.email(), password: z.string().min(12) });
const demoLine = z.strictObject({
  public_url: z.url(),
  admin_url: z.url(),
  mcp_url: z.url(),
  data_dir: z.string(),
  keys: z.strictObject({
    reader: demoKey,
    writer: demoKey,
    acme: demoKey,
    workflows: demoKey,
    manager: demoKey,
    revoked: demoKey,
  }),
  admin: demoPerson,
  member: demoPerson,
});
type DemoLine = z.infer<typeof demoLine>;

async function startDemo(...args: readonly string[]): Promise<{ process: RunningProcess; line: DemoLine }> {
  const process = spawnPortcullis(["demo", "--json", ...args]);
  await waitForLine(process, (_text, stream) => stream === "stdout", 30_000);
  const [first] = process.lines.filter(({ stream }) => stream === "stdout");
  return { process, line: demoLine.parse(JSON.parse(first?.text ?? "")) };
}

let demo: RunningProcess;
let line: DemoLine;

beforeAll(async () => {
  ({ process: demo, line } = await startDemo("--port", "0", "--data", tempFolder()));
});
afterAll(async () => {
  await stop(demo);
});

const TICKETS = "/api/portals/acme/tickets";

/** What `curl`, the real program, gets: the status, then the code of a refusal. */
async function curl(key: string | null, ...args: readonly string[]): Promise<string> {
  const [path = "", ...rest] = args.toReversed();
  const credential = key === null ? [] : ["-H", `Authorization: Bearer ${key}`];
  const options = ["-s", "--max-time", "10", "-w", "\n%{http_code}", ...credential, ...rest.toReversed()];
  const run = spawnProcess("curl", [...options, line.public_url + path]);
  if ((await run.exited).code !== 0) throw new Error(outputOf(run));
  const [status = "", ...body] = run.stdout().split("\n").toReversed();
  const refusal = /"code":"(\w+)"/.exec(body.join("\n"));
  return refusal === null ? status : `${status} ${refusal[1]}`;
}

describe("portcullis demo --json", () => {
  test("prints one line with every promised name", () => {
    expect(demo.lines.filter(({ stream }) => stream === "stdout")).toHaveLength(1);
    expect(line.mcp_url).toBe(`${line.public_url}/mcp`);
    expect(new Set(Object.values(line.keys).map(({ key }) => key)).size).toBe(6);
  });

  test.each([
    ["reader", "GET", TICKETS, "200"],
    ["reader", "POST", TICKETS, "403 insufficient_scope"],
    ["writer", "POST", TICKETS, "201"],
    ["acme", "GET", TICKETS, "200"],
    ["acme", "GET", "/api/portals/globex/tickets", "403 portal_forbidden"],
    ["acme", "GET", "/api/search?q=a&portal_id=globex", "403 portal_forbidden"],
    ["workflows", "POST", "/api/portals/acme/workflows/escalate/runs", "202"],
    ["workflows", "GET", TICKETS, "403 insufficient_scope"],
    ["manager", "GET", "/api/portals/globex/users", "200"],
    ["revoked", "GET", TICKETS, "401 credential_invalid"],
    ["reader", "GET", "/nothing", "404 no_route"],
  ] as const)("%s: %s %s → %s", async (name, method, path, expected) => {
    const body = method === "POST" ? ["-H", "Content-Type: application/json", "-d", '{"subject":"By curl"}'] : [];
    expect(await curl(line.keys[name].key, "-X", method, ...body, path)).toBe(expected);
  });

  test("serves what is public to everybody, and asks the rest for a key", async () => {
    expect(await curl(null, "/status")).toBe("200");
    expect(await curl(null, TICKETS)).toBe("401 credential_missing");
    expect(await curl(null, "-H", `X-API-Key: ${line.keys.reader.key}`, TICKETS)).toBe("200");
  });

  test("serves metrics and health on the admin listener", async () => {
    expect((await get(`${line.admin_url}/healthz`)).status).toBe(200);
    expect((await get(`${line.admin_url}/readyz`)).status).toBe(200);
    expect((await get(`${line.admin_url}/metrics`)).text).toContain("portcullis_requests_total{");
  });

  test("lets an MCP client with the manager's key list the tools and call one", async () => {
    const client = new Client({ name: "test", version: "1" });
    const transport = transportWith(line.keys.manager.key);
    await client.connect(transport);
    const { tools } = await client.listTools();
    expect(tools).toHaveLength(12);
    const answer = await client.callTool({ name: "list_tickets", arguments: { portal_id: "acme", limit: 1 } });
    expect(answer.isError ?? false).toBe(false);
    expect(JSON.stringify(answer.content)).toContain("1001");
    await transport.terminateSession();
    await client.close();
  });

  test("shows an MCP client with the reader's key what it may call, and refuses the rest", async () => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transportWith(line.keys.reader.key));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual(["get_ticket", "list_tickets"]);
    const update = { name: "update_ticket", arguments: { portal_id: "acme", ticket_id: "1001", status: "closed" } };
    await expect(client.callTool(update)).rejects.toMatchObject({ code: 403 });
    await client.close();
  });

  test("ends on SIGTERM, an open stream cut, with exit 0 and no key in its audit or on standard error", async () => {
    const { process, line: own } = await startDemo("--port", "0", "--data", tempFolder());
    const { id, key } = own.keys.reader;
    expect((await get(`${own.public_url}${TICKETS}`, key)).status).toBe(200);
    const events = await fetch(`${own.public_url}/api/portals/acme/events`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(events.status).toBe(200);
    const ended = events.text().catch(() => "cut");
    expect(await stop(process)).toEqual({ code: 0, signal: null });
    await ended;
    expect(process.stderr().split("\n")).toEqual([
      "stopping: 1 open request, up to 1s; a second Ctrl-C ends at once",
      "stopped",
      `kept: ${own.data_dir}`,
      "",
    ]);
    const audit = readAudit(join(own.data_dir, "audit.ndjson"));
    const [made, rest] = [
      audit.filter(({ event }) => event === "admin"),
      audit.filter(({ event }) => event !== "admin"),
    ];
    // Six keys, one of them revoked, and two people.
    expect(made.map(({ subject }) => subject)).toEqual(Array.from({ length: 9 }, () => "demo"));
    expect(rest.map(({ event, credential }) => [event, credential])).toEqual([
      ["request", id],
      ["stream_open", id],
      ["stream_close", id],
    ]);
    expect(JSON.stringify(audit)).not.toMatch(KEY_PATTERN);
  });

  test("puts the listeners on the port given and the next, and says so plainly where one is taken", async () => {
    const port = await freePair();
    const first = await startDemo("--port", String(port), "--data", tempFolder());
    expect(new URL(first.line.public_url).port).toBe(String(port));
    expect(new URL(first.line.admin_url).port).toBe(String(port + 1));
    const second = spawnPortcullis(["demo", "--json", "--port", String(port), "--data", tempFolder()]);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stdout()).toBe("");
    expect(second.stderr()).toMatch(
      new RegExp(`^port (?:${port}|${port + 1}) is in use .*; try: npm run demo -- --port 0\n$`),
    );
    expect(second.stderr()).not.toContain("    at ");
    await stop(first.process);
  });
});

/** A port that is free together with the next, below those that the system gives to anybody who asks for one. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!free) return false;
  server.close();
  await once(server, "close");
  return true;
}

function transportWith(key: string): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(line.mcp_url), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  });
}
