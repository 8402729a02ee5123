import { once } from "node:events";
import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import type { WebServer } from "../../src/web/server.ts";

/** Puts a web server on a real socket, as the line would bring it requests. Answers with its origin. */
export async function listen(
  web: WebServer,
): Promise<{ readonly origin: string; readonly close: () => Promise<void> }> {
  await web.ready();
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    web.serve(request, response, { requestId: `req-${count}`, clientIp: request.socket.remoteAddress ?? "" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening on a port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await web.close();
    },
  };
}

/** As `listen`, for one test: closed when it has ended. */
export async function listenForTest(web: WebServer): Promise<string> {
  const { origin, close } = await listen(web);
  onTestFinished(close);
  return origin;
}
