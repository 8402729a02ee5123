import { PROTOCOL_VERSIONS, type ProtocolVersion } from "../../src/mcp/version.ts";
import { type McpMessage, readMessages } from "../../src/mcp/message.ts";
import type { McpRules } from "../../src/policy/types.ts";
import { policyOf } from "../policy/rules.ts";

export { PROTOCOL_VERSIONS, type ProtocolVersion };

/** The rules of the demo's MCP server: 12 tools, one template, one prompt. */
export const DEMO_MCP = `    mcp:
      tools:
        list_tickets: { scopes: [tickets:read], portal: argument:portal_id }
        get_ticket: { scopes: [tickets:read], portal: argument:portal_id }
        create_ticket: { scopes: [tickets:write], portal: argument:portal_id }
        update_ticket: { scopes: [tickets:write], portal: argument:portal_id }
        add_comment: { scopes: [tickets:write], portal: argument:portal_id }
        list_workflows: { scopes: [workflows:read], portal: argument:portal_id }
        run_workflow: { scopes: [workflows:run], portal: argument:portal_id }
        list_portals: { scopes: [portals:read], portal: upstream } # lists only the portal in X-Portcullis-Portal
        get_portal: { scopes: [portals:read], portal: argument:portal_id }
        update_portal: { scopes: [portals:write], portal: argument:portal_id }
        list_users: { scopes: [users:read], portal: argument:portal_id }
        invite_user: { scopes: [users:write], portal: argument:portal_id }
      prompts:
        summarize_ticket: { scopes: [tickets:read], portal: argument:portal_id }
      resources:
        "ticket://{portal}/{id}": { scopes: [tickets:read], portal: uri:portal }
`;

const head = (match: string): string => `version: 1
upstreams:
  desk: { url: "http://127.0.0.1:9000" }
routes:
  - id: mcp
    match: ${match}
    upstream: desk
`;

/** A rules file with one MCP route. `mcp` is indented by four spaces. */
export function mcpText(mcp: string, match = "{ path: /mcp }"): string {
  return `${head(match)}${mcp}`;
}

/** The compiled `mcp:` of a rules file with one MCP route. */
export async function mcpRulesOf(mcp: string): Promise<McpRules> {
  const [route] = (await policyOf(mcpText(mcp))).routes;
  if (route === undefined || route.mcp === null) throw new Error("no MCP route");
  return route.mcp;
}

/** Bytes of a JSON value. */
export function bytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}

/** A request as a client sends it. */
export function request(method: string, params?: unknown, id: string | number = 1): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
}

/** The one message of a body; throws where it is refused. */
export function message(value: unknown, version: ProtocolVersion = "2025-11-25"): McpMessage {
  const reading = readMessages(bytes(value), version);
  const [first] = reading.ok ? reading.messages : [];
  if (first === undefined) throw new Error(reading.ok ? "no message" : reading.detail);
  return first;
}

export function call(name: string, args?: unknown): McpMessage {
  return message(request("tools/call", args === undefined ? { name } : { name, arguments: args }));
}
