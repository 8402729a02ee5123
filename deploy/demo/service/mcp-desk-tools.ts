import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { Desk } from "./desk.ts";
import { portalHeader } from "./exchange.ts";
import { newUserFields, portalChangeFields, runFields } from "./inputs.ts";
import { portalId, READS, result, WRITES } from "./mcp-answers.ts";

/** The tools for workflows, portals and users. A `Failure` that one throws becomes a result with `isError`. */
export function registerDeskTools(server: McpServer, desk: Desk): void {
  registerWorkflowTools(server, desk);
  registerPortalTools(server, desk);
  registerUserTools(server, desk);
}

function registerWorkflowTools(server: McpServer, desk: Desk): void {
  server.registerTool(
    "list_workflows",
    { description: "Lists the workflows of a portal.", inputSchema: { portal_id: portalId }, annotations: READS },
    ({ portal_id }) => result({ workflows: desk.portal(portal_id).workflows() }),
  );
  server.registerTool(
    "run_workflow",
    {
      description: "Starts a workflow.",
      inputSchema: { portal_id: portalId, workflow_id: z.string().min(1).max(64), ...runFields },
      annotations: WRITES,
    },
    ({ portal_id, workflow_id, ...input }) => result({ run: desk.portal(portal_id).runWorkflow(workflow_id, input) }),
  );
}

function registerPortalTools(server: McpServer, desk: Desk): void {
  server.registerTool(
    "list_portals",
    { description: "Lists the portals that the caller may see.", inputSchema: {}, annotations: READS },
    (_args, { requestInfo }) => result({ portals: desk.portals(portalHeader(requestInfo?.headers ?? {})) }),
  );
  server.registerTool(
    "get_portal",
    { description: "Gives one portal.", inputSchema: { portal_id: portalId }, annotations: READS },
    ({ portal_id }) => result({ portal: desk.portal(portal_id).portal }),
  );
  server.registerTool(
    "update_portal",
    {
      description: "Changes settings of a portal.",
      inputSchema: { portal_id: portalId, ...portalChangeFields },
      annotations: WRITES,
    },
    ({ portal_id, ...change }) => result({ portal: desk.portal(portal_id).updatePortal(change) }),
  );
}

function registerUserTools(server: McpServer, desk: Desk): void {
  server.registerTool(
    "list_users",
    { description: "Lists the users of a portal.", inputSchema: { portal_id: portalId }, annotations: READS },
    ({ portal_id }) => result({ users: desk.portal(portal_id).users() }),
  );
  server.registerTool(
    "invite_user",
    {
      description: "Invites a person to a portal.",
      inputSchema: { portal_id: portalId, ...newUserFields },
      annotations: WRITES,
    },
    ({ portal_id, ...input }) => result({ user: desk.portal(portal_id).inviteUser(input) }),
  );
}
