import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { DemoStage } from "./demo-stage.ts";
import type { TourResult } from "./demo-tour.ts";

/** The MCP SDK's own client, with two keys: what each is shown, and what each may call. */
export async function* mcpStops(stage: DemoStage): AsyncGenerator<TourResult> {
  const { acme, reader } = stage.keys;
  yield await withClient(stage, reader.key, async (client) => {
    const { tools } = await client.listTools();
    return {
      title: "An MCP client sees what it may call",
      request: "POST /mcp  tools/list  (key reader)",
      expected: "get_ticket, list_tickets",
      seen: tools
        .map(({ name }) => name)
        .toSorted()
        .join(", "),
    };
  });
  yield await withClient(stage, reader.key, async (client) => ({
    title: "It calls one of them",
    request: "POST /mcp  tools/call get_ticket  (key reader)",
    expected: "answers",
    seen: await call(client, "get_ticket", { portal_id: "acme", ticket_id: "1001" }),
  }));
  yield await withClient(stage, reader.key, async (client) => ({
    title: "It may not call another",
    request: "POST /mcp  tools/call update_ticket  (key reader)",
    expected: "403",
    seen: await call(client, "update_ticket", { portal_id: "acme", ticket_id: "1001", status: "closed" }),
  }));
  yield await withClient(stage, acme.key, async (client) => ({
    title: "Nor one in another portal",
    request: "POST /mcp  tools/call get_ticket  (key acme, portal globex)",
    expected: "403",
    seen: await call(client, "get_ticket", { portal_id: "globex", ticket_id: "2001" }),
  }));
}

async function withClient(
  stage: DemoStage,
  key: string,
  act: (client: Client) => Promise<TourResult>,
): Promise<TourResult> {
  const client = new Client({ name: "portcullis-tour", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(`${stage.publicUrl}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  });
  await client.connect(transport);
  try {
    return await act(client);
  } finally {
    await transport.terminateSession();
    await client.close();
  }
}

/** `answers`, `fails`, or the status of a refusal. */
async function call(client: Client, name: string, args: Record<string, unknown>): Promise<string> {
  try {
    const result = await client.callTool({ name, arguments: args });
    return result.isError === true ? "fails" : "answers";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "fails";
  }
}
