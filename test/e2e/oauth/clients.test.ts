import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import * as oauth from "openid-client";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startDemoService } from "../../../deploy/demo/service/server.ts";
import { DEMO_RULES } from "../../mcp/e2e/support.ts";
import { Browser } from "../../support/browserless.ts";
import { approveDevice, openSignedIn } from "../../support/person-at-browser.ts";
import { get, install, readAudit } from "../support.ts";
import {
  addPerson,
  askMcp,
  type Demo,
  grantsOf,
  McpApp,
  readElsewhere,
  readTicket,
  startDemo,
  toolNames,
  waitingClient,
  writeTicket,
} from "./support.ts";

// Processes start, and polls of the device flow wait 5 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The client of the MCP SDK against real processes, unattended. */

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});

describe("a client that nobody knows", () => {
  test("finds its way from a 401, waits for approval, and gets what the person allowed, on one portal", async () => {
    const app = new McpApp(demo);
    const url = await app.start();
    expect(app.requests).toEqual([
      "POST /mcp 401",
      "GET /.well-known/oauth-protected-resource/mcp 200",
      "GET /.well-known/oauth-authorization-server 200",
      "POST /oauth/register 201",
    ]);
    expect(app.challenges).toEqual([
      expect.stringContaining(`resource_metadata="${demo.url}/.well-known/oauth-protected-resource/mcp"`),
    ]);
    expect(new URL(url).searchParams.get("resource")).toBe(demo.mcpUrl);

    const waits = await openSignedIn(new Browser(), url, demo.member);
    expect(waits.text).toContain("waits for approval");
    expect(waits.text).toContain(app.clientId);
    expect(await waitingClient(demo)).toBe(app.clientId);
    await demo.command("clients", "approve", app.clientId);

    await app.finish(demo.member, { portal: "acme", scope: ["tickets:read"] });
    const { client } = await app.connect();
    expect(await toolNames(client)).toEqual(["get_ticket", "list_tickets"]);
    expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
    await expect(client.callTool(readElsewhere)).rejects.toMatchObject({ code: 403 });
    expect(await grantsOf(demo, app.clientId)).toMatchObject([
      { state: "active", portal: "acme", scopes: ["tickets:read"], resource: demo.mcpUrl },
    ]);
    const refused = readAudit(demo.auditFile).find(({ reason }) => reason === "portal_forbidden");
    expect(refused).toMatchObject({ subject: demo.member.email, client: app.clientId, portal_named: "globex" });
  });
});

describe("a call that needs more than was allowed", () => {
  beforeAll(() => demo.command("clients", "policy", "open"));
  const NARROW = { scope: ["tickets:read"], portal: "acme" };

  test("sends a client without a refresh token to ask for that scope with what it has, and then succeeds", async () => {
    const app = new McpApp(demo, { grantTypes: ["authorization_code"] });
    const { client, transport } = await app.authorize(demo.member, NARROW);
    const before = { url: app.opened(), token: app.accessToken };
    await expect(client.callTool(writeTicket)).rejects.toThrow(UnauthorizedError);
    expect(app.challenges.at(-1)).toContain(
      'error="insufficient_scope", scope="tickets:write tickets:read", resource_metadata=',
    );
    expect(app.opened()).not.toBe(before.url);
    expect(new URL(app.opened()).searchParams.get("scope")).toBe("tickets:write tickets:read");
    await app.finish(demo.member, { portal: "acme" }, transport);
    expect(app.accessToken).not.toBe(before.token);
    expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
    expect(await client.callTool(writeTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  });

  test("is refused once more after a refresh, which gives no wider scope; started over, the client may", async () => {
    const app = new McpApp(demo);
    const { client, transport } = await app.authorize(demo.member, NARROW);
    await expect(client.callTool(writeTicket)).rejects.toMatchObject({ code: 403 });
    expect(app.requests.slice(-2)).toEqual(["POST /oauth/token 200", "POST /mcp 403"]);
    app.invalidateCredentials("tokens");
    await expect(client.callTool(writeTicket)).rejects.toThrow(UnauthorizedError);
    await app.finish(demo.member, { portal: "acme", scope: ["tickets:read", "tickets:write"] }, transport);
    expect(await client.callTool(writeTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
    expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
    await expect(client.callTool(readElsewhere)).rejects.toMatchObject({ code: 403 });
  });
});

test("a token that was got by device code serves the SDK, and only where it was meant for", async () => {
  await demo.command("clients", "policy", "open");
  const metadata = { client_name: "Terminal app", redirect_uris: [], response_types: [], grant_types: [DEVICE_CODE] };
  const insecure = { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] } as const;
  const config = await oauth.dynamicClientRegistration(new URL(demo.url), metadata, oauth.None(), {
    ...insecure,
    execute: [...insecure.execute],
  });
  const asked = { scope: "tickets:read", resource: demo.mcpUrl };
  const device = await oauth.initiateDeviceAuthorization(config, asked);
  const tokens = oauth.pollDeviceAuthorizationGrant(config, device);
  const done = await approveDevice(device.verification_uri_complete ?? "", demo.member, { portal: "acme" });
  expect(done.status).toBe(200);
  const app = new McpApp(demo, { client: config.clientMetadata(), tokens: await tokens });
  const { client } = await app.connect();
  expect(await toolNames(client)).toEqual(["get_ticket", "list_tickets"]);
  expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  await expect(client.callTool(readElsewhere)).rejects.toMatchObject({ code: 403 });
  expect(await grantsOf(demo, app.clientId)).toMatchObject([{ flow: "device_code", portal: "acme", state: "active" }]);
  const elsewhere = await get(`${demo.url}/api/portals/acme/tickets`, app.accessToken);
  expect(elsewhere).toMatchObject({ status: 401, code: "credential_invalid" });
});

test("an access token that has expired is refreshed, and the old one stays dead", async () => {
  const service = await startDemoService({ port: 0 });
  onTestFinished(() => service.close());
  const installed = install({
    rules: DEMO_RULES.replace("${UPSTREAM}", service.url),
    more: "oauth: { access_token: 2s }",
  });
  const sidecar = await installed.serve();
  const place = { mcpUrl: `${sidecar.url}/mcp`, command: (...args: readonly string[]) => installed.command(...args) };
  await installed.command("clients", "policy", "open");
  const member = await addPerson(installed.config, "member@desk.example");
  const app = new McpApp(place);
  const { client } = await app.authorize(member, { portal: "acme", scope: ["tickets:read"] });
  const first = app.accessToken;
  while ((await askMcp(place.mcpUrl, first)) !== 401);
  expect(await client.callTool(readTicket)).toMatchObject({ structuredContent: { ticket: { id: "1001" } } });
  expect(app.accessToken).not.toBe(first);
  expect(app.requests).toContain("POST /oauth/token 200");
  expect(await askMcp(place.mcpUrl, first)).toBe(401);
  await expect(client.callTool(readElsewhere)).rejects.toMatchObject({ code: 403 });
});
