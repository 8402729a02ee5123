import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

type Answer = Record<string, unknown>;

/** What one path answers with: JSON, with its status where it is not 200. */
export type Answers = Readonly<Record<string, (request: Asked) => Answer | Promise<Answer>>>;

export interface Asked {
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface OtherServer {
  readonly origin: string;
  /** Paths, in the order of their requests. */
  readonly asked: readonly string[];
}

/** A server that says of itself what it likes: an authorization server that is not ours, or means no good. */
export async function startOtherServer(answers: (origin: string) => Answers): Promise<OtherServer> {
  const asked: string[] = [];
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const origin = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  const paths = { ...ordinary(origin), ...answers(origin) };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    asked.push(path);
    const facts = { form: await formOf(request), authorization: request.headers.authorization };
    const { status = 200, ...body } = (await paths[path]?.(facts)) ?? { status: 404 };
    response.writeHead(Number(status), { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }

  server.on("request", (request, response) => void answer(request, response));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin, asked };
}

/** Metadata as ours has it, at the path of RFC 8414. */
export const METADATA = "/.well-known/oauth-authorization-server";

export function metadataOf(origin: string): Answer {
  return {
    issuer: origin,
    token_endpoint: `${origin}/oauth/token`,
    device_authorization_endpoint: `${origin}/oauth/device_authorization`,
    registration_endpoint: `${origin}/oauth/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
  };
}

export function deviceOf(origin: string): Answer {
  return {
    device_code: "device",
    user_code: "ABCD-EFGH",
    verification_uri: `${origin}/oauth/device`,
    expires_in: 600,
    interval: 1,
  };
}

function ordinary(origin: string): Answers {
  return {
    [METADATA]: () => metadataOf(origin),
    "/oauth/register": () => ({ status: 201, client_id: "client_other" }),
    "/oauth/device_authorization": () => deviceOf(origin),
    "/oauth/token": () => ({ access_token: "new", refresh_token: "r2", token_type: "bearer", expires_in: 3600 }),
    "/oauth/revoke": () => ({}),
    "/oauth/whoami": () => ({
      subject: "mara@example.com",
      client: "client_other",
      scopes: ["tickets:read"],
      portal: null,
      expires_at: null,
    }),
  };
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return new URLSearchParams(body);
}
