import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { portal, scopes } from "../credentials/tokens.ts";
import { type Line, startLine } from "../support/line.ts";
import { ORIGIN, ownPages } from "../support/own-pages.ts";
import { type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import { type Message, statusOf, valuesOf } from "../support/wire.ts";
import { codeOf, connectTo, head } from "./client.ts";

let line: Line;
let upstream: RawUpstream;

const TICKET = "/api/portals/acme/tickets";
const MCP = { tools: { get_ticket: { scopes: ["tickets:read"], portal: "argument:portal_id" } } };
const ROUTES = [
  {
    id: "read",
    match: { methods: ["GET"], path: "/api/portals/:portal/tickets/*" },
    upstream: "up",
    scopes: ["tickets:read"],
    portal: "path:portal",
  },
  {
    id: "write",
    match: { methods: ["POST"], path: "/api/portals/:portal/tickets/*" },
    upstream: "up",
    scopes: ["tickets:read", "tickets:write"],
    portal: "path:portal",
  },
  { id: "open", match: { methods: ["GET"], path: "/open" }, upstream: "up", public: true },
  { id: "mcp", match: { path: "/mcp" }, upstream: "up", mcp: MCP },
  { id: "below", match: { path: "/mcp/*" }, upstream: "up", scopes: ["tickets:read"], portal: "upstream" },
  { id: "deep", match: { path: "/deep/er/mcp" }, upstream: "up", mcp: MCP },
  { id: "param", match: { path: "/p/:name/mcp" }, upstream: "up", mcp: MCP },
  { id: "rest", match: { methods: ["GET"], path: "/*" }, upstream: "up", scopes: ["users:read"], portal: "upstream" },
];

beforeAll(async () => {
  upstream = await startRawUpstream();
  line = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own: ownPages() });
});

/** A token with that audience, good at this line. */
async function tokenFor(path: string, wish: Parameters<Line["desk"]["personal"]>[0] = {}) {
  return line.desk.personal({ ...wish, payload: { aud: `${line.url}${path}`, ...wish.payload } });
}

async function ask(request: string, credential: string | null, body = "", fields: readonly string[] = []) {
  const wire = await connectTo(line);
  const length = body === "" ? [] : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`];
  const bearer = credential === null ? [] : [`Authorization: Bearer ${credential}`];
  await wire.write(head(request, [...bearer, ...length, ...fields]) + body);
  return wire.nextResponse();
}

const idOf = (answer: Message): string => valuesOf(answer, "x-request-id").join();
const refusalOf = (answer: Message) => [statusOf(answer), codeOf(answer)];
const auditOf = (answer: Message) => line.auditOf(idOf(answer));

const call = (name: string) =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: { portal_id: "acme" } } });
const metadata = (path: string) => `resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource${path}"`;

async function switchOff(): Promise<void> {
  const settings = await line.desk.settings.read();
  expect(await line.desk.settings.write({ ...settings, mcpAccess: false, mcpOffAt: Date.now() })).not.toBeNull();
}

describe("an access token on the line", () => {
  test("passes, and the upstream learns who it is and never sees the token", async () => {
    const { client, person, token } = await tokenFor("", { grant: { portal: portal("acme") } });
    const answer = await ask(`GET ${TICKET}`, token);
    expect(statusOf(answer)).toBe(200);
    const audited = await auditOf(answer);
    expect(audited).toMatchObject({
      route: "read",
      decision: "allow",
      credential_kind: "oauth",
      subject: person.email,
      client: client.id,
      portal_allowed: "acme",
    });
    const sent = upstream.requests.at(-1)?.head ?? "";
    expect(sent).toContain(`X-Portcullis-Client: ${client.id}\r\n`);
    expect(sent).toContain(`X-Portcullis-Subject: ${person.email}\r\n`);
    expect(sent).toContain("X-Portcullis-Credential-Kind: oauth\r\n");
    expect(sent).not.toContain(token);
    expect(line.auditText()).not.toContain(token);
  });

  test("is held to its scopes and its portal as a key is", async () => {
    const { token } = await tokenFor("", { grant: { portal: portal("acme"), scopes: scopes("tickets:read") } });
    expect(refusalOf(await ask(`POST ${TICKET}`, token))).toEqual([403, "insufficient_scope"]);
    expect(refusalOf(await ask("GET /api/portals/globex/tickets", token))).toEqual([403, "portal_forbidden"]);
  });

  test("in X-API-Key is unknown", async () => {
    const { token } = await tokenFor("");
    const answer = await ask(`GET ${TICKET}`, null, "", [`X-API-Key: ${token}`]);
    expect(refusalOf(answer)).toEqual([401, "credential_invalid"]);
    expect((await auditOf(answer))["reason"]).toBe("credential_unknown");
  });

  test.each(["grant", "client", "person"] as const)(
    "is dead with the next request when its %s is ended, and others go on",
    async (part) => {
      const one = await tokenFor("");
      const other = await tokenFor("");
      for (const { token } of [one, other, one]) {
        expect(statusOf(await ask(`GET ${TICKET}`, token))).toBe(200);
      }
      if (part === "grant") await line.desk.grants.revoke(one.grant.id, Date.now());
      if (part === "client") await line.desk.clients.update({ ...one.client, status: "disabled" });
      if (part === "person") await line.desk.people.update({ ...one.person, disabledAt: Date.now() });
      const dead = await ask(`GET ${TICKET}`, one.token);
      expect(refusalOf(dead)).toEqual([401, "credential_invalid"]);
      expect(await auditOf(dead)).toMatchObject({ reason: "credential_revoked", client: one.client.id });
      expect(statusOf(await ask(`GET ${TICKET}`, other.token))).toBe(200);
    },
  );
});

describe("the audience of a token", () => {
  test.each([
    ["", "GET /open", 200],
    ["", `GET ${TICKET}`, 200],
    ["", "GET /mcp/status", 200],
    ["/mcp", "GET /mcp/status", 200],
    ["/mcp/", "GET /mcp/status", 200],
    ["/mcp/status", "GET /mcp/status", 200],
    ["/mcp", `GET ${TICKET}`, 401],
    ["/mcp", "GET /mcpx", 401],
    ["/mcp/status", "GET /mcp/Status", 401],
    ["/mcp", "GET /mc", 401],
    ["/mcp/status", "GET /mcp/stat", 401],
    ["/mcp", "GET /open", 200],
  ])("%j for %s: %d", async (path, request, status) => {
    const { token, client } = await tokenFor(path);
    const answer = await ask(request, token);
    expect(statusOf(answer)).toBe(status);
    if (status === 200) return;
    expect(codeOf(answer)).toBe("credential_invalid");
    expect(await auditOf(answer)).toMatchObject({
      reason: "credential_audience",
      client: client.id,
      detail: expect.stringContaining("the token is for /mcp"),
    });
  });

  test("that is another's is a revoked token's answer", async () => {
    const answer = await ask(`GET ${TICKET}`, (await line.desk.personal()).token);
    expect(refusalOf(answer)).toEqual([401, "credential_invalid"]);
    expect((await auditOf(answer))["reason"]).toBe("credential_revoked");
  });
});

describe("the challenge", () => {
  const realm = 'Bearer realm="portcullis"';

  test.each([
    ["no credential", `GET ${TICKET}`, null, 401, `${realm}, scope="tickets:read", ${metadata("")}`],
    ["no credential on an MCP route", "POST /mcp", null, 401, `${realm}, ${metadata("/mcp")}`],
    [
      "no credential under an MCP route",
      "GET /mcp/a",
      null,
      401,
      `${realm}, scope="tickets:read", ${metadata("/mcp")}`,
    ],
    ["no credential beside an MCP route", "GET /mcpa", null, 401, `${realm}, scope="users:read", ${metadata("")}`],
    ["no credential on a deeper MCP route", "GET /deep/er/mcp", null, 401, `${realm}, ${metadata("/deep/er/mcp")}`],
    ["no credential above it", "GET /deep/er", null, 401, `${realm}, scope="users:read", ${metadata("")}`],
    ["no credential on an MCP route with a parameter", "GET /p/a/mcp", null, 401, `${realm}, ${metadata("")}`],
    [
      "an unknown credential",
      `GET ${TICKET}`,
      "nope",
      401,
      `${realm}, error="invalid_token", scope="tickets:read", ${metadata("")}`,
    ],
    [
      "an unknown token on an MCP route",
      "GET /mcp",
      "a".repeat(43),
      401,
      `${realm}, error="invalid_token", ${metadata("/mcp")}`,
    ],
    [
      "a scope that is missing",
      `POST ${TICKET}`,
      "reader",
      403,
      `${realm}, error="insufficient_scope", scope="tickets:read tickets:write", ${metadata("")}`,
    ],
    ["another portal", "GET /api/portals/globex/tickets", "acme", 403, `${realm}, ${metadata("")}`],
  ])("for %s", async (_name, request, credential, status, expected) => {
    const grant = { scopes: scopes("tickets:read"), portal: credential === "acme" ? portal("acme") : null };
    const named = credential === "reader" || credential === "acme";
    const secret = named ? (await tokenFor("", { grant })).token : credential;
    const answer = await ask(request, secret);
    expect([statusOf(answer), valuesOf(answer, "www-authenticate")]).toEqual([status, [expected]]);
  });

  test("for a tool names every scope that it needs and those held, and for one that no rule names none", async () => {
    const { token } = await tokenFor("/mcp", { grant: { scopes: scopes("tickets:write") } });
    const lacking = await ask("POST /mcp", token, call("get_ticket"));
    expect([statusOf(lacking), valuesOf(lacking, "www-authenticate")]).toEqual([
      403,
      [`${realm}, error="insufficient_scope", scope="tickets:read tickets:write", ${metadata("/mcp")}`],
    ]);
    const unruled = await ask("POST /mcp", token, call("drop_all"));
    expect([statusOf(unruled), valuesOf(unruled, "www-authenticate")]).toEqual([
      403,
      [`${realm}, ${metadata("/mcp")}`],
    ]);
  });

  test("where OAuth is off names no document", async () => {
    const plain = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own: null });
    const wire = await connectTo(plain);
    await wire.write(head("GET /mcp"));
    expect(valuesOf(await wire.nextResponse(), "www-authenticate")).toEqual([realm]);
    const token = await plain.desk.personal({ payload: { aud: plain.url } });
    await wire.write(head(`GET ${TICKET}`, [`Authorization: Bearer ${token.token}`]));
    expect(statusOf(await wire.nextResponse())).toBe(401);
  });
});

describe("while MCP access is switched off", () => {
  // Tokens of the second in which it was switched off are dead too, so each test has a line of its own.
  beforeEach(async () => {
    line = await startLine({ upstreamUrl: upstream.url, routes: ROUTES, own: ownPages() });
  });

  test("keys work on other routes and are refused on MCP routes, from the next request on", async () => {
    const key = await line.key("tickets:read");
    expect(statusOf(await ask("DELETE /mcp", key))).toBe(200);
    await switchOff();
    const before = upstream.requests.length;
    // The length says that a body is due: nothing waits for it.
    const wire = await connectTo(line);
    await wire.write(head("POST /mcp", [`Authorization: Bearer ${key}`, "Content-Length: 1000"]));
    const answer = await wire.nextResponse();
    expect(refusalOf(answer)).toEqual([403, "mcp_disabled"]);
    expect(await auditOf(answer)).toMatchObject({ route: "mcp", reason: "mcp_disabled", credential_kind: "api_key" });
    expect(upstream.requests).toHaveLength(before);
    expect(statusOf(await ask(`GET ${TICKET}`, key))).toBe(200);
    const settings = await line.desk.settings.read();
    await line.desk.settings.write({ ...settings, mcpAccess: true });
    expect(statusOf(await ask("DELETE /mcp", key))).toBe(200);
  });

  test("tokens are dead everywhere, and those from before stay so", async () => {
    const { token } = await tokenFor("");
    expect(statusOf(await ask(`GET ${TICKET}`, token))).toBe(200);
    await switchOff();
    expect(refusalOf(await ask(`GET ${TICKET}`, token))).toEqual([401, "credential_invalid"]);
    const settings = await line.desk.settings.read();
    await line.desk.settings.write({ ...settings, mcpAccess: true });
    const answer = await ask(`GET ${TICKET}`, token);
    expect(statusOf(answer)).toBe(401);
    expect((await auditOf(answer))["reason"]).toBe("credential_revoked");
  });
});
