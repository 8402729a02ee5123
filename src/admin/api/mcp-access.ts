import { z } from "zod";
import type { Settings } from "../../store/settings.ts";
import { noBody, none, operation, type Operation } from "./operation.ts";
import { done } from "./refusals.ts";
import { isoTime, time } from "./schemas.ts";

const clientPolicy = z.enum(["approved", "open", "off"]);
const access = {
  name: "McpAccess",
  schema: z.strictObject({
    enabled: z.boolean().describe("False refuses MCP to everyone."),
    off_at: time.nullable().describe("When it was switched off last: what was granted before is dead for good."),
    client_policy: clientPolicy.describe("Clients that register wait for an approval, are let in, or may not."),
  }),
};
const tag = "mcp-access";

function answer(settings: Settings) {
  const { clientPolicy: policy, mcpAccess, mcpOffAt, version } = settings;
  const body: z.input<typeof access.schema> = {
    enabled: mcpAccess,
    off_at: isoTime(mcpOffAt),
    client_policy: policy,
  };
  return { body, version };
}

/** The switch, and who may become a client. */
export const mcpAccessOperations: readonly Operation[] = [
  operation({
    id: "getMcpAccess",
    method: "GET",
    path: "/mcp-access",
    tag,
    summary: "Whether MCP access is on, and who may become a client.",
    params: none,
    query: none,
    body: noBody,
    answer: access,
    handle: async (_input, { administration }) => answer(await administration.access.read()),
  }),
  operation({
    id: "setMcpAccess",
    method: "PATCH",
    path: "/mcp-access",
    tag,
    summary: "Switches MCP access, and says who may become a client. Off ends every OAuth token and grant for good.",
    params: none,
    query: none,
    body: {
      name: "McpAccessChange",
      schema: z.strictObject({ enabled: z.boolean().optional(), client_policy: clientPolicy.optional() }),
    },
    answer: access,
    versioned: true,
    spreads: true,
    async handle({ body }, { actor, administration: { access: service }, version }) {
      const wanted = { mcpAccess: body.enabled, clientPolicy: body.client_policy };
      return answer(done(await service.set(actor, wanted, version)).record);
    },
  }),
];
