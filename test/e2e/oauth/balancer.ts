import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { afterAll } from "vitest";

/** What stands in front of several instances: one address, whose requests take turns. */
export interface Balancer {
  readonly url: string;
  /** From now on, requests go to these in turn. */
  use(...urls: readonly string[]): void;
}

/** Starts it on a free port. It ends with the test file. */
export async function startBalancer(): Promise<Balancer> {
  let targets: readonly string[] = [];
  let turn = 0;
  const server = createServer((request, response) => {
    const { hostname, port } = new URL(targets[turn++ % targets.length] ?? "http://127.0.0.1:9");
    const { method, url: path, rawHeaders } = request;
    const onward = httpRequest({ hostname, port, method, path, headers: rawHeaders }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  return {
    url: `http://127.0.0.1:${address.port}`,
    use(...urls) {
      targets = urls;
    },
  };
}
