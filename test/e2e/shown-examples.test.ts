import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { Browser, type Page, unescapeHtml } from "../support/browserless.ts";
import {
  outputOf,
  type RunningProcess,
  spawnPortcullis,
  spawnProcess,
  stop,
  waitForLine,
} from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";

/** What the console shows with a new key is run as it stands, against the demo. */

let demo: RunningProcess;
let adminUrl: string;
let mcpUrl: string;
const administrator = new Browser();

const demoLine = z.object({ mcp_url: z.url(), admin_url: z.url(), admin: z.record(z.string(), z.string()) });

beforeAll(async () => {
  demo = spawnPortcullis(["demo", "--json", "--port", "0", "--data", tempFolder()]);
  const text = await waitForLine(demo, (_line, stream) => stream === "stdout", 30_000);
  const { admin, admin_url: url, mcp_url: mcp } = demoLine.parse(JSON.parse(text));
  [adminUrl, mcpUrl] = [url, mcp];
  await administrator.follow(administrator.submit(await administrator.open(`${url}/signin`), admin));
});
afterAll(async () => {
  await stop(demo);
});

async function createKey(scope: readonly string[], portal: string): Promise<Page> {
  const form = await administrator.open(`${adminUrl}/keys/new`);
  const fields = { name: "Shown", scope, portal, expiry: "30" };
  const made = await administrator.submit(form, fields, { action: "/keys/new" });
  expect(made.status).toBe(200);
  return made;
}

/** The text of a block with a copy button; `null` where there is none. */
function block(page: Page, id: string): string | null {
  const text = new RegExp(`<pre id="${id}">(.*?)</pre>`, "s").exec(page.text)?.[1];
  return text === undefined ? null : unescapeHtml(text);
}

/** Runs the command in a shell; the body that came, and the status. */
async function run(command: string): Promise<readonly [body: string, status: string]> {
  const shell = spawnProcess("sh", ["-c", `${command} -sS --max-time 10 -w '\\n%{http_code}'`]);
  if ((await shell.exited).code !== 0) throw new Error(outputOf(shell));
  const lines = shell.stdout().split("\n");
  return [lines.slice(0, -1).join("\n"), lines.at(-1) ?? ""];
}

describe("the command shown with a new key", () => {
  test.each([
    ["tickets:read", "", "/api/search"],
    ["tickets:read", "acme", "/api/search?portal_id=acme"],
    ["portals:read", "globex", "/api/portals"],
    ["users:read", "globex", "/api/portals/globex/users"],
    ["workflows:read", "", "/api/portals/acme/workflows"],
  ])("for %s on portal %o is answered with 200, at %s", async (scope, portal, target) => {
    const command = block(await createKey([scope], portal), "curl") ?? "";
    expect(command).toMatch(/^curl -H "Authorization: Bearer noice_sk_live_\w+" "http:/);
    expect(command).toContain(`${target}"`);
    const [body, status] = await run(command);
    expect([status, body]).toEqual(["200", expect.stringContaining("{")]);
    expect(body).not.toContain(portal === "globex" ? "acme" : "no such portal");
  });

  test("is left out where something has to be put in, and the page says what", async () => {
    const page = await createKey(["tickets:write"], "");
    expect(block(page, "curl")).toBeNull();
    expect(page.text).toMatch(
      /It may call\s+<code>(?:POST|PUT) http:[^<]*\/api\/portals\/:portal\/tickets\/\*<\/code>/,
    );
  });
});

test("the configuration shown with a new key connects an MCP client that calls a tool", async () => {
  const shown: unknown = JSON.parse(block(await createKey(["tickets:read"], "acme"), "mcp") ?? "");
  const entry = z.object({ type: z.literal("http"), url: z.url(), headers: z.record(z.string(), z.string()) });
  const { url, headers } = z.object({ mcpServers: z.object({ portcullis: entry }) }).parse(shown).mcpServers.portcullis;
  const client = new Client({ name: "shown-example", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("list_tickets");
  const call = await client.callTool({ name: "list_tickets", arguments: { portal_id: "acme" } });
  expect(call.isError ?? false).toBe(false);
  await client.close();
});

test("a tool call that was refused is explained from its entry of the activity", async () => {
  const shown = block(await createKey(["tickets:read"], "acme"), "curl") ?? "";
  const [, key = ""] = /Bearer (\w+)/.exec(shown) ?? [];
  const params = { name: "list_tickets", arguments: { portal_id: "globex" } };
  const answer = await fetch(mcpUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  expect(answer.status).toBe(403);
  const id = await vi.waitUntil(async () => {
    const list = await administrator.open(`${adminUrl}/activity?route=mcp&decision=deny`);
    return /href="\/activity\/([^"]+)"/.exec(list.text)?.[1];
  });
  const entry = await administrator.open(`${adminUrl}/activity/${id ?? ""}`);
  const steps = await administrator.submit(entry, {}, { action: "/explain" });
  expect(steps.text).toContain("list_tickets");
  expect(steps.text).toMatch(/argument:portal_id; named is globex/);
  expect(steps.text).toContain("403 portal_forbidden");
  expect(steps.text).not.toContain(key);
});
