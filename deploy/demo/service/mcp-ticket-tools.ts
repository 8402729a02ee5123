import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Desk } from "./desk.ts";
import { newCommentFields, newTicketFields, pageFields, ticketChangeFields } from "./inputs.ts";
import { portalId, READS, result, ticketId, WRITES } from "./mcp-answers.ts";

/** The tools for tickets and their comments. A `Failure` that one throws becomes a result with `isError`. */
export function registerTicketTools(server: McpServer, desk: Desk): void {
  server.registerTool(
    "list_tickets",
    {
      description: "Lists the tickets of a portal, a page at a time.",
      inputSchema: { portal_id: portalId, ...pageFields },
      annotations: READS,
    },
    ({ portal_id, ...page }) => result({ ...desk.portal(portal_id).listTickets(page) }),
  );
  server.registerTool(
    "get_ticket",
    {
      description: "Gives one ticket with its comments.",
      inputSchema: { portal_id: portalId, ticket_id: ticketId },
      annotations: READS,
    },
    ({ portal_id, ticket_id }) => {
      const portal = desk.portal(portal_id);
      return result({ ticket: portal.ticket(ticket_id), comments: portal.comments(ticket_id) });
    },
  );
  server.registerTool(
    "create_ticket",
    {
      description: "Opens a ticket.",
      inputSchema: { portal_id: portalId, ...newTicketFields },
      annotations: WRITES,
    },
    ({ portal_id, ...input }) => result({ ticket: desk.portal(portal_id).createTicket(input) }),
  );
  server.registerTool(
    "update_ticket",
    {
      description: "Changes fields of a ticket.",
      inputSchema: { portal_id: portalId, ticket_id: ticketId, ...ticketChangeFields },
      annotations: WRITES,
    },
    ({ portal_id, ticket_id, ...change }) => result({ ticket: desk.portal(portal_id).updateTicket(ticket_id, change) }),
  );
  server.registerTool(
    "add_comment",
    {
      description: "Adds a comment to a ticket.",
      inputSchema: { portal_id: portalId, ticket_id: ticketId, ...newCommentFields },
      annotations: WRITES,
    },
    ({ portal_id, ticket_id, ...input }) => result({ comment: desk.portal(portal_id).addComment(ticket_id, input) }),
  );
}
