/** The part of `http-proxy` that the bench uses; the package brings no types. */
declare module "http-proxy" {
  import type { Agent, IncomingMessage, ServerResponse } from "node:http";

  interface ProxyServer {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(event: "error", listener: (error: Error) => void): this;
  }
  const httpProxy: { createProxyServer(options: { target: string; agent: Agent }): ProxyServer };
  export default httpProxy;
}
