import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DemoService } from "../../deploy/demo/service/server.ts";
import { call, startService, until } from "./support.ts";

let service: DemoService;
let client: Client;
let transport: StreamableHTTPClientTransport;

async function connect(headers: Record<string, string> = {}): Promise<void> {
  client = new Client({ name: "test", version: "1" });
  transport = new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit: { headers } });
  await client.connect(transport);
}

beforeEach(async () => {
  service = await startService();
  await connect();
});
afterEach(async () => {
  await client.close();
  await service.close();
});

/** What a tool gives, after a look that its text says the same. */
async function use(name: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const answer = await client.callTool({ name, arguments: args });
  expect(answer.isError ?? false).toBe(false);
  expect(answer.content).toEqual([{ type: "text", text: JSON.stringify(answer.structuredContent) }]);
  return answer.structuredContent;
}

describe("the MCP tools", () => {
  test("are the twelve, each with the argument portal_id where one portal is meant", async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name).toSorted()).toEqual([
      "add_comment",
      "create_ticket",
      "get_portal",
      "get_ticket",
      "invite_user",
      "list_portals",
      "list_tickets",
      "list_users",
      "list_workflows",
      "run_workflow",
      "update_portal",
      "update_ticket",
    ]);
    for (const tool of tools) {
      expect(tool.inputSchema.required?.includes("portal_id") ?? false).toBe(tool.name !== "list_portals");
    }
  });

  test("list_tickets gives a page", async () => {
    const page = { portal_id: "acme", status: "open", limit: 1, offset: 1 };
    expect(await use("list_tickets", page)).toMatchObject({ tickets: [{ id: "1003" }], total: 4 });
  });

  test("get_ticket gives a ticket with its comments", async () => {
    expect(await use("get_ticket", { portal_id: "globex", ticket_id: "2002" })).toMatchObject({
      ticket: { subject: "VPN drops every hour" },
      comments: [{ author: "sam@globex.example" }],
    });
  });

  test("create_ticket opens one that REST gives too", async () => {
    const made = await use("create_ticket", { portal_id: "acme", subject: "By an agent", body: "Text" });
    expect(made).toMatchObject({ ticket: { id: "1009", status: "open" } });
    const { json } = await call(service, "GET", "/api/portals/acme/tickets/1009");
    expect(json).toMatchObject({ subject: "By an agent", body: "Text" });
  });

  test("update_ticket changes one", async () => {
    const change = { portal_id: "acme", ticket_id: "1001", priority: "low" };
    expect(await use("update_ticket", change)).toMatchObject({ ticket: { priority: "low", status: "open" } });
  });

  test("add_comment adds one", async () => {
    const comment = { portal_id: "acme", ticket_id: "1001", body: "Seen" };
    expect(await use("add_comment", comment)).toMatchObject({ comment: { ticket_id: "1001", body: "Seen" } });
    const { json } = await call(service, "GET", "/api/portals/acme/tickets/1001/comments");
    expect(json).toMatchObject({ comments: [{}, {}, { body: "Seen" }] });
  });

  test("list_workflows and run_workflow", async () => {
    expect(await use("list_workflows", { portal_id: "acme" })).toMatchObject({
      workflows: [{ id: "escalate" }, {}, {}],
    });
    const run = { portal_id: "acme", workflow_id: "escalate", input: { days: 3 } };
    expect(await use("run_workflow", run)).toMatchObject({ run: { status: "running", input: { days: 3 } } });
  });

  test("list_portals gives all, or the one of X-Portcullis-Portal", async () => {
    expect(await use("list_portals")).toMatchObject({ portals: [{ id: "acme" }, { id: "globex" }] });
    await client.close();
    await connect({ "X-Portcullis-Portal": "globex" });
    expect(await use("list_portals")).toEqual({ portals: [expect.objectContaining({ id: "globex" })] });
  });

  test("get_portal and update_portal", async () => {
    expect(await use("get_portal", { portal_id: "globex" })).toMatchObject({ portal: { name: "Globex Corporation" } });
    expect(await use("update_portal", { portal_id: "globex", name: "Globex" })).toMatchObject({
      portal: { name: "Globex", plan: "business" },
    });
  });

  test("list_users and invite_user", async () => {
    const user = { email: "new@globex.example", role: "agent" };
    expect(await use("invite_user", { portal_id: "globex", ...user })).toMatchObject({
      user: { ...user, status: "invited" },
    });
    expect(await use("list_users", { portal_id: "globex" })).toMatchObject({ users: [{}, {}, user] });
  });

  test.each([
    ["an unknown portal", "list_tickets", { portal_id: "initech" }, "portal not found"],
    ["an unknown ticket", "get_ticket", { portal_id: "acme", ticket_id: "2001" }, "ticket not found"],
    ["a missing argument", "list_tickets", {}, "portal_id"],
    ["a wrong argument", "create_ticket", { portal_id: "acme", subject: "" }, "subject"],
  ])("answer %s with an error result", async (_what, name, args, text) => {
    const answer = await client.callTool({ name, arguments: args });
    expect(answer).toMatchObject({ isError: true, content: [{ text: expect.stringContaining(text) }] });
  });
});

describe("the MCP resource and prompt", () => {
  test("ticket://{portal}/{id} gives a ticket as JSON", async () => {
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([{ uriTemplate: "ticket://{portal}/{id}" }]);
    const { contents } = await client.readResource({ uri: "ticket://acme/1001" });
    expect(contents).toMatchObject([{ mimeType: "application/json", text: expect.stringContaining("1001") }]);
    await expect(client.readResource({ uri: "ticket://acme/2001" })).rejects.toThrow("ticket not found");
  });

  test("summarize_ticket quotes the ticket", async () => {
    const args = { portal_id: "acme", ticket_id: "1003" };
    const { messages } = await client.getPrompt({ name: "summarize_ticket", arguments: args });
    expect(messages).toMatchObject([{ role: "user", content: { text: expect.stringContaining("10,000 rows") } }]);
  });
});

describe("the MCP sessions", () => {
  test("end by DELETE, and are unknown from then on", async () => {
    const id = transport.sessionId ?? "";
    expect(service.open().sessions).toBe(1);
    await transport.terminateSession();
    expect(service.open().sessions).toBe(0);
    const headers = {
      "Mcp-Session-Id": id,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
    };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    expect(await call(service, "POST", "/mcp", { body, headers })).toMatchObject({
      status: 404,
      json: { error: { message: "Session not found" } },
    });
  });

  test("are not made by a request that does not initialize", async () => {
    const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    expect((await call(service, "POST", "/mcp", { body, headers })).status).toBe(400);
    expect((await call(service, "PUT", "/mcp", { body, headers })).status).toBe(405);
    expect((await call(service, "GET", "/mcp", { headers: { Accept: "text/event-stream" } })).status).toBe(400);
    expect(service.open().sessions).toBe(1);
  });

  test("stay few: the one that was quiet for longest gives way", async () => {
    const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } };
    const body = { jsonrpc: "2.0", id: 1, method: "initialize", params };
    const first = await call(service, "POST", "/mcp", { body, headers });
    for (let i = 0; i < 254; i += 1) await call(service, "POST", "/mcp", { body, headers });
    expect(service.open().sessions).toBe(256);
    await client.ping();
    await call(service, "POST", "/mcp", { body, headers });
    expect(service.open().sessions).toBe(256);
    const old = { ...headers, "Mcp-Session-Id": first.headers.get("mcp-session-id") ?? "" };
    expect(
      (await call(service, "POST", "/mcp", { body: { jsonrpc: "2.0", id: 2, method: "ping" }, headers: old })).status,
    ).toBe(404);
    await client.ping();
  });

  test("all end when the service closes, open streams too", async () => {
    await service.close();
    await until(() => service.open().sessions === 0);
    await expect(client.listTools()).rejects.toThrow("fetch failed");
  });
});
