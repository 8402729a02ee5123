import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

/** A pixel, and a WAV file without sound. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

const text = (value: string) => ({ type: "text" as const, text: value });
const image = { type: "image" as const, data: PNG, mimeType: "image/png" };
const embedded = (uri: string, mimeType = "text/plain") => ({
  type: "resource" as const,
  resource: { uri, mimeType, text: "This is an embedded resource content." },
});

/** The server that the conformance suite expects, as far as the SDK of the demo goes. */
export interface EverythingServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1, with sessions. */
export async function startEverythingServer(): Promise<EverythingServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { origin = "http://localhost" } = request.headers;
    if (!/^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(origin)) {
      response.writeHead(403).end();
      return;
    }
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? transports.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(request, response);
    if (typeof id === "string") {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null }));
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void transports.set(session, transport),
      onsessionclosed: (session) => void transports.delete(session),
    });
    await everything().connect(transport);
    await transport.handleRequest(request, response);
  };
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function everything(): McpServer {
  const server = new McpServer(
    { name: "everything", version: "1.0.0" },
    { capabilities: { logging: {}, resources: { subscribe: true }, completions: {} } },
  );
  registerContent(server);
  registerInteraction(server);
  registerReading(server);
  return server;
}

function registerContent(server: McpServer): void {
  const gives = (name: string, content: readonly object[]): void =>
    void server.registerTool(name, { description: name }, () => JSON.parse(JSON.stringify({ content })));
  gives("test_simple_text", [text("This is a simple text response for testing.")]);
  gives("test_image_content", [image]);
  gives("test_audio_content", [{ type: "audio", data: WAV, mimeType: "audio/wav" }]);
  gives("test_embedded_resource", [embedded("test://embedded-resource")]);
  gives("test_multiple_content_types", [
    text("Multiple content types test:"),
    image,
    embedded("test://mixed-content-resource", "application/json"),
  ]);
  server.registerTool("test_error_handling", { description: "fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  // Never to be called by the suite: the rules name it for nobody.
  gives("hidden_tool", [text("hidden")]);
}

function registerInteraction(server: McpServer): void {
  server.registerTool("test_tool_with_logging", { description: "logs" }, async (extra) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
    }
    return { content: [text("logged")] };
  });
  server.registerTool("test_tool_with_progress", { description: "progress" }, async ({ _meta: meta, ...extra }) => {
    const progressToken = meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100]) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 100 },
      });
    }
    return { content: [text("done")] };
  });
  server.registerTool(
    "test_sampling",
    { description: "asks the client's model", inputSchema: { prompt: z.string() } },
    async ({ prompt }, extra) => {
      const params = { messages: [{ role: "user" as const, content: text(prompt) }], maxTokens: 100 };
      const answer = await extra.sendRequest({ method: "sampling/createMessage", params }, CreateMessageResultSchema);
      return { content: [text(`LLM response: ${JSON.stringify(answer.content)}`)] };
    },
  );
  server.registerTool(
    "test_elicitation",
    { description: "asks the person", inputSchema: { message: z.string() } },
    async ({ message }, extra) => {
      const properties = { username: { type: "string" as const }, email: { type: "string" as const } };
      const requestedSchema = { type: "object" as const, properties, required: ["username", "email"] };
      const answer = await extra.sendRequest(
        { method: "elicitation/create", params: { message, requestedSchema } },
        ElicitResultSchema,
      );
      return { content: [text(`User response: action: ${answer.action}, content: ${JSON.stringify(answer.content)}`)] };
    },
  );
}

/** Through JSON, so that a test need not spell out the SDK's types. */
function user(content: object) {
  return JSON.parse(JSON.stringify({ messages: [{ role: "user", content }] }));
}

function registerReading(server: McpServer): void {
  const statics = [
    ["test://static-text", { mimeType: "text/plain", text: "This is the content of the static text resource." }],
    ["test://static-binary", { mimeType: "image/png", blob: PNG }],
    ["test://watched-resource", { mimeType: "text/plain", text: "watched" }],
  ] as const;
  for (const [uri, content] of statics) {
    server.registerResource(uri, uri, {}, () => ({ contents: [{ uri, ...content }] }));
  }
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    {},
    (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true }) }],
    }),
  );
  for (const schema of [SubscribeRequestSchema, UnsubscribeRequestSchema]) {
    server.server.setRequestHandler(schema, () => ({}));
  }
  const completion = { values: ["test"], total: 1, hasMore: false };
  server.server.setRequestHandler(CompleteRequestSchema, () => ({ completion }));
  server.registerPrompt("test_simple_prompt", {}, () => user(text("This is a simple prompt for testing.")));
  server.registerPrompt(
    "test_prompt_with_arguments",
    { argsSchema: { arg1: z.string(), arg2: z.string() } },
    ({ arg1, arg2 }) => user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { argsSchema: { resourceUri: z.string() } },
    ({ resourceUri }) => user(embedded(resourceUri)),
  );
  server.registerPrompt("test_prompt_with_image", {}, () => user(image));
}
