import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StreamableHTTPError } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { DemoService } from "../../../deploy/demo/service/server.ts";
import { startService } from "../../demo/support.ts";
import type { AuditLine, Sidecar, TestKey } from "../../support/sidecar.ts";
import { connectSdk, DEMO_RULES, startDemoSidecar } from "./support.ts";

const PORTALS = ["acme", "globex"] as const;
const RESTRICTIONS = [null, ...PORTALS] as const;
const SCOPES = [
  "tickets:read",
  "tickets:write",
  "workflows:*",
  "workflows:read",
  "workflows:run",
  "portals:read",
  "portals:write",
  "users:read",
  "users:write",
] as const;
type HeldScope = (typeof SCOPES)[number];
type Restriction = (typeof RESTRICTIONS)[number];
/** `null` names none. */
type Named = "acme" | "globex" | null;

/** What each tool needs, written here once more: the rules file is what is tested. */
const TOOLS = {
  list_tickets: { scope: "tickets:read", args: {} },
  get_ticket: { scope: "tickets:read", args: { ticket_id: "1001" } },
  create_ticket: { scope: "tickets:write", args: { subject: "From the matrix" } },
  update_ticket: { scope: "tickets:write", args: { ticket_id: "1001", priority: "low" } },
  add_comment: { scope: "tickets:write", args: { ticket_id: "1001", body: "Seen" } },
  list_workflows: { scope: "workflows:read", args: {} },
  run_workflow: { scope: "workflows:run", args: { workflow_id: "escalate" } },
  list_portals: { scope: "portals:read", args: {} },
  get_portal: { scope: "portals:read", args: {} },
  update_portal: { scope: "portals:write", args: { locale: "en" } },
  list_users: { scope: "users:read", args: {} },
  invite_user: { scope: "users:write", args: { email: "new@example.com", role: "agent" } },
} as const;
type Tool = keyof typeof TOOLS;
const NAMES = [
  "list_tickets",
  "get_ticket",
  "create_ticket",
  "update_ticket",
  "add_comment",
  "list_workflows",
  "run_workflow",
  "list_portals",
  "get_portal",
  "update_portal",
  "list_users",
  "invite_user",
] as const satisfies readonly Tool[];

const holds = (held: HeldScope, needed: string): boolean =>
  held === needed || (held === "workflows:*" && needed.startsWith("workflows:"));

interface Verdict {
  readonly status: 200 | 403;
  readonly reason: "allowed" | "insufficient_scope" | "portal_forbidden";
  /** What the audit says of the portal. */
  readonly portal: Named;
}

function verdictOf(held: HeldScope, restriction: Restriction, tool: Tool, named: Named): Verdict {
  if (!holds(held, TOOLS[tool].scope)) return { status: 403, reason: "insufficient_scope", portal: null };
  // The service lists only the portal that the credential is restricted to.
  if (tool === "list_portals") return { status: 200, reason: "allowed", portal: null };
  if (restriction === null || restriction === named) return { status: 200, reason: "allowed", portal: named };
  return { status: 403, reason: "portal_forbidden", portal: named };
}

/** One HTTP exchange of the SDK's client, as it went over the wire. */
interface Seen {
  readonly rpcId: unknown;
  readonly status: number;
  readonly challenge: string | null;
  readonly requestId: string;
}

/** `fetch` that keeps what the client does not tell: the last exchange. */
function watchingFetch(): { readonly fetch: typeof fetch; readonly last: () => Seen } {
  let last: Seen | null = null;
  return {
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const { body, method } = init ?? {};
      if (method === "POST") {
        last = {
          rpcId: typeof body === "string" ? Object(JSON.parse(body)).id : undefined,
          status: response.status,
          challenge: response.headers.get("www-authenticate"),
          requestId: response.headers.get("x-request-id") ?? "",
        };
      }
      return response;
    },
    last: () => {
      if (last === null) throw new Error("nothing was sent");
      return last;
    },
  };
}

/** What the client's error says of the JSON-RPC error that it got. */
function rpcErrorOf(error: unknown): unknown {
  if (!(error instanceof StreamableHTTPError)) throw error;
  return JSON.parse(error.message.slice(error.message.indexOf("{")));
}

/** The status that a client saw. */
function outcomeOf(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    () => 200,
    (error: unknown) => (error instanceof StreamableHTTPError ? error.code : error),
  );
}

function metadataOf({ url }: Sidecar): string {
  return `${url}/.well-known/oauth-protected-resource/mcp`;
}

function challengeOf({ reason }: Verdict, tool: Tool): string | null {
  if (reason === "allowed") return null;
  // A scope opens no other portal, so none is named there.
  const told = reason === "insufficient_scope" ? `, error="insufficient_scope", scope="${TOOLS[tool].scope}"` : "";
  return `Bearer realm="portcullis"${told}, resource_metadata="${metadataOf(sidecar)}"`;
}

/** Without its portal the service itself complains. */
function resultOf(tool: Tool, named: Named): unknown {
  const fails = named === null && tool !== "list_portals" ? { isError: true } : {};
  return expect.objectContaining({ content: expect.any(Array), ...fails });
}

function errorOf({ reason }: Verdict, { rpcId, requestId }: Seen): object {
  const data = { code: reason, request_id: requestId };
  return { jsonrpc: "2.0", id: rpcId, error: { code: -32003, message: expect.stringContaining("credential"), data } };
}

let service: DemoService;
let sidecar: Sidecar;

beforeAll(async () => {
  service = await startService();
  sidecar = await startDemoSidecar(service.url);
});
afterAll(() => service.close());

/** The lines of the audit by request id, once that of the last request is there. */
async function auditById(lastRequestId: string): Promise<ReadonlyMap<unknown, AuditLine>> {
  await sidecar.auditLine({ request_id: lastRequestId });
  return new Map(sidecar.audit().map((line) => [line["request_id"], line]));
}

const KEYS = SCOPES.flatMap((scope) => RESTRICTIONS.map((restriction) => ({ scope, restriction })));

describe.each(KEYS)("a key with $scope for $restriction", ({ scope, restriction }) => {
  let key: TestKey;
  beforeAll(async () => {
    key = await sidecar.issue([scope], restriction);
  });

  test("calls what it may, is told what it lacks, and both stand in the audit", { timeout: 60_000 }, async () => {
    const { fetch: watched, last } = watchingFetch();
    const { client } = await connectSdk(sidecar.url, key.key, { fetch: watched });
    const expected: { requestId: string; line: Record<string, unknown> }[] = [];
    for (const tool of NAMES) {
      for (const named of [...PORTALS, null]) {
        const verdict = verdictOf(scope, restriction, tool, named);
        const args: Record<string, unknown> = { ...TOOLS[tool].args };
        if (named !== null) args["portal_id"] = named;
        if (named === "globex" && "ticket_id" in args) args["ticket_id"] = "2001";
        const outcome = await client.callTool({ name: tool, arguments: args }).then(
          (result) => ({ result }),
          (error: unknown) => ({ error: rpcErrorOf(error) }),
        );
        const seen = last();
        const where = `${tool} of ${named}`;
        expect({ where, status: seen.status, challenge: seen.challenge, outcome }).toEqual({
          where,
          status: verdict.status,
          challenge: challengeOf(verdict, tool),
          outcome: verdict.status === 200 ? { result: resultOf(tool, named) } : { error: errorOf(verdict, seen) },
        });
        expected.push({
          requestId: seen.requestId,
          line: {
            route: "mcp",
            method: "POST",
            mcp: { method: "tools/call", tool },
            scopes_needed: [TOOLS[tool].scope],
            scopes_held: [scope],
            credential: key.id,
            portal_allowed: restriction,
            portal_named: verdict.portal,
            decision: verdict.status === 200 ? "allow" : "deny",
            reason: verdict.reason,
            status: verdict.status,
          },
        });
      }
    }
    const lines = await auditById(expected.at(-1)?.requestId ?? "");
    for (const { requestId, line } of expected) expect(lines.get(requestId)).toMatchObject(line);
  });

  test("is shown exactly what it may call", async () => {
    const { client } = await connectSdk(sidecar.url, key.key);
    const { tools } = await client.listTools();
    const callable = NAMES.filter((tool) =>
      [...PORTALS, null].some((named) => verdictOf(scope, restriction, tool, named).status === 200),
    );
    expect(tools.map(({ name }) => name).toSorted()).toEqual(callable.toSorted());
    const reads = scope === "tickets:read";
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(reads ? ["summarize_ticket"] : []);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(reads ? ["ticket://{portal}/{id}"] : []);
    expect((await client.listResources()).resources).toEqual([]);
  });

  test("reads resources and gets prompts under the same rules", async () => {
    const { client } = await connectSdk(sidecar.url, key.key);
    for (const [portal, id] of [
      ["acme", "1001"],
      ["globex", "2001"],
    ] as const) {
      const expected = scope === "tickets:read" && (restriction === null || restriction === portal) ? 200 : 403;
      const prompt = { name: "summarize_ticket", arguments: { portal_id: portal, ticket_id: id } };
      expect(await outcomeOf(client.readResource({ uri: `ticket://${portal}/${id}` }))).toBe(expected);
      expect(await outcomeOf(client.getPrompt(prompt))).toBe(expected);
    }
    expect(await outcomeOf(client.ping())).toBe(200);
  });
});

test("a tool that no rule names is refused to every key, and its name stays out of audit and metrics", async () => {
  const { client } = await connectSdk(sidecar.url, sidecar.keys.manager.key);
  await expect(client.callTool({ name: "drop_tables", arguments: {} })).rejects.toMatchObject({ code: 403 });
  await expect(client.readResource({ uri: "file:///etc/passwd" })).rejects.toMatchObject({ code: 403 });
  expect(await sidecar.auditLine({ reason: "operation_forbidden" })).toMatchObject({
    mcp: { method: "tools/call", tool: "other" },
    scopes_needed: [],
    status: 403,
  });
  const labels = { route: "mcp", method: "tools/call", tool: "other", decision: "deny" };
  expect(await sidecar.metric("portcullis_mcp_messages_total", labels)).toBe(1);
  expect(await sidecar.metrics()).not.toContain("drop_tables");
});

test("an operation with several scopes is challenged with all of them", async () => {
  const rules = DEMO_RULES.replace(
    "get_ticket: { scopes: [tickets:read]",
    "get_ticket: { scopes: [tickets:read, users:read, workflows:run]",
  );
  const strict = await startDemoSidecar(service.url, { rules });
  const { fetch: watched, last } = watchingFetch();
  const { client } = await connectSdk(strict.url, strict.keys.reader.key, { fetch: watched });
  const args = { portal_id: "acme", ticket_id: "1001" };
  await expect(client.callTool({ name: "get_ticket", arguments: args })).rejects.toMatchObject({ code: 403 });
  expect(last().challenge).toBe(
    'Bearer realm="portcullis", error="insufficient_scope", scope="tickets:read users:read workflows:run", ' +
      `resource_metadata="${metadataOf(strict)}"`,
  );
});
