import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type DemoService, startDemoService } from "../../deploy/demo/service/server.ts";
import { startDemoSidecar } from "../mcp/e2e/support.ts";
import { outputOf, spawnProcess } from "../support/processes.ts";
import type { Sidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";

const PACKAGES = ["mcp-remote@0.15.1", "@modelcontextprotocol/inspector@2.12.0"];

let service: DemoService;
let sidecar: Sidecar;
let folder: string;

beforeAll(async () => {
  service = await startDemoService({ port: 0 });
  sidecar = await startDemoSidecar(service.url);
  folder = tempFolder();
  const install = spawnProcess("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, ...PACKAGES]);
  const { code } = await install.exited;
  if (code !== 0) throw new Error(outputOf(install));
});
afterAll(() => service.close());

const program = (name: string): string => join(folder, "node_modules", ".bin", name);

test("mcp-remote lists and calls with a key in a header, and is refused what the key may not", async () => {
  const header = `Authorization: Bearer ${sidecar.keys.acme.key}`;
  const args = [`${sidecar.url}/mcp`, "--header", header, "--allow-http", "--transport", "http-only"];
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const transport = new StdioClientTransport({ command: program("mcp-remote"), args, env, stderr: "ignore" });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  onTestFinished(() => client.close());
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["list_tickets", "get_ticket"]);
  const read = { name: "get_ticket", arguments: { portal_id: "acme", ticket_id: "1001" } };
  expect(await client.callTool(read)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  const write = { name: "update_ticket", arguments: { portal_id: "acme", ticket_id: "1001", priority: "low" } };
  // It takes this refusal for a call to sign in, and waits for a browser that nobody has: the audit tells the refusal.
  await expect(client.callTool(write, undefined, { timeout: 3000 })).rejects.toThrow(/./);
  const away = { name: "get_ticket", arguments: { portal_id: "globex", ticket_id: "2001" } };
  await expect(client.callTool(away)).rejects.toThrow(/./);
  // It may ask more than once: it takes the challenge for a call to sign in.
  expect(await sidecar.auditLine({ reason: "insufficient_scope" })).toMatchObject({ credential: sidecar.keys.acme.id });
  expect(await sidecar.auditLine({ reason: "portal_forbidden" })).toMatchObject({ portal_named: "globex" });
});

async function inspect(...args: readonly string[]): Promise<string> {
  const header = `Authorization: Bearer ${sidecar.keys.acme.key}`;
  const common = ["--cli", `${sidecar.url}/mcp`, "--transport", "http", "--header", header];
  const started = spawnProcess(program("mcp-inspector"), [...common, ...args], { cwd: folder });
  const { code } = await started.exited;
  return `${code === 0 ? "ok" : "failed"} ${started.stdout()}${started.stderr()}`;
}

function call(tool: string, portal: string): Promise<string> {
  return inspect("--method", "tools/call", "--tool-name", tool, "--tool-arg", `portal_id=${portal}`);
}

test("the inspector's command line lists and calls with a key in a header, and is refused what the key may not", async () => {
  const listed = await inspect("--method", "tools/list");
  expect(listed).toContain('"get_ticket"');
  expect(listed).not.toContain('"update_ticket"');
  expect(await call("list_tickets", "acme")).toMatch(/^ok [^]*Cannot sign in/);
  expect(await call("list_tickets", "globex")).toMatch(/^failed [^]*(?:403|may not act on this portal)/);
  // It looks the tool up in the list first, and the list does not show it.
  expect(await call("update_ticket", "acme")).toMatch(/^failed [^]*update_ticket/);
});
