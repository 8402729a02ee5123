import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { SignInAs } from "../../support/person-at-browser.ts";
import { get, readAudit } from "../support.ts";
import { addPerson, askMcp, type Demo, grantsOf, McpApp, readTicket, startDemo } from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What an administrator ends at the command line is refused from the next request on, cached or not. */

const EMAIL = "leaver@desk.example";

const ALLOWED = { portal: "acme", scope: ["tickets:read"] };

let demo: Demo;
let leaver: SignInAs;
beforeAll(async () => {
  demo = await startDemo();
  leaver = await addPerson(demo.config, EMAIL);
  await demo.command("clients", "policy", "open");
});

describe("a token in use is refused from the next request on, once", () => {
  test.each([
    ["its grant is revoked", (grant: string) => ["grants", "revoke", grant]],
    ["its client is disabled", (_grant: string, client: string) => ["clients", "disable", client]],
    ["its person is disabled", () => ["users", "disable", EMAIL]],
  ] as const)("%s", async (_what, command) => {
    const app = new McpApp(demo, { stream: false });
    const { client } = await app.authorize(leaver, ALLOWED);
    const { accessToken, clientId } = app;
    await client.callTool(readTicket);
    await client.callTool(readTicket);
    const [grant] = await grantsOf(demo, clientId);
    await demo.command(...command(grant?.id ?? "", clientId));
    app.requests.length = 0;
    await expect(client.callTool(readTicket)).rejects.toThrow(UnauthorizedError);
    expect(app.requests[0]).toBe("POST /mcp 401");
    expect(app.requests).not.toContain("POST /oauth/token 200");
    expect(await askMcp(demo.mcpUrl, accessToken)).toBe(401);
  });

  test("MCP access is switched off, for everybody; on again, the token stays dead", async () => {
    const app = new McpApp(demo, { stream: false });
    const { client } = await app.authorize(demo.member, ALLOWED);
    await client.callTool(readTicket);
    await demo.command("mcp", "off");
    await expect(client.callTool(readTicket)).rejects.toThrow("access for MCP clients is switched off");
    expect(await askMcp(demo.mcpUrl, app.accessToken)).toBe(401);
    expect(await askMcp(demo.mcpUrl, demo.key)).toBe(403);
    const told = (): unknown => readAudit(demo.auditFile).find(({ reason }) => reason === "mcp_disabled");
    await expect.poll(told).toMatchObject({ status: 403, credential: expect.stringMatching(/^key_/) });
    expect((await get(`${demo.url}/api/portals/acme/tickets`, demo.key)).status).toBe(200);
    await demo.command("mcp", "on");
    expect(await askMcp(demo.mcpUrl, app.accessToken)).toBe(401);
    await expect(client.callTool(readTicket)).rejects.toThrow(UnauthorizedError);
    const again = new McpApp(demo);
    const { client: anew } = await again.authorize(demo.member, ALLOWED);
    expect(await anew.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  });
});
