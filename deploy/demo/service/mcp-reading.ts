import { ResourceTemplate, type McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Desk } from "./desk.ts";
import { portalId, ticketId } from "./mcp-answers.ts";

/** The resource template `ticket://{portal}/{id}` and the prompt `summarize_ticket`. */
export function registerReading(server: McpServer, desk: Desk): void {
  server.registerResource(
    "ticket",
    new ResourceTemplate("ticket://{portal}/{id}", { list: undefined }),
    { description: "A ticket with its comments.", mimeType: "application/json" },
    (uri, { portal, id }) => ({
      contents: [{ uri: uri.href, mimeType: "application/json", text: ticketText(desk, one(portal), one(id)) }],
    }),
  );
  server.registerPrompt(
    "summarize_ticket",
    {
      description: "Asks for a short summary of a ticket.",
      argsSchema: { portal_id: portalId, ticket_id: ticketId },
    },
    ({ portal_id, ticket_id }) => {
      const text = `Summarize this ticket in three sentences:\n\n${ticketText(desk, portal_id, ticket_id)}`;
      return { messages: [{ role: "user", content: { type: "text", text } }] };
    },
  );
}

function ticketText(desk: Desk, portal: string, id: string): string {
  const state = desk.portal(portal);
  return JSON.stringify({ ticket: state.ticket(id), comments: state.comments(id) }, null, 2);
}

/** The template has no lists, so a variable is one text. */
function one(variable: string | readonly string[] | undefined): string {
  return typeof variable === "string" ? variable : (variable?.[0] ?? "");
}
