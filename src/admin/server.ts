import { randomBytes } from "node:crypto";
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { createRequestIds } from "../telemetry/ids.ts";
import type { Log } from "../telemetry/log.ts";
import { createHostCheck } from "./host-check.ts";
import { type Readiness, healthRoutes } from "./health-routes.ts";
import { type MetricsText, metricsRoutes } from "./metrics-routes.ts";
import { sendProblem } from "./problem.ts";

export type { Readiness } from "./health-routes.ts";

export interface AdminServer {
  /** Listens, and says on which port. Rejects where the address is taken. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ port: number }>;
  /** Stops, and ends open connections. */
  close(): Promise<void>;
}

export interface AdminServerOptions {
  readonly metrics: MetricsText;
  readonly readiness: () => Promise<Readiness> | Readiness;
  readonly log: Log;
  /** Names under which the listener may be asked, beyond loopback and its own address. */
  readonly hosts?: readonly string[];
  readonly requestIds?: () => string;
}

const MAX_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;

/** Makes the admin listener. It must not be reachable from the outside: it asks no one who they are. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { log, metrics, readiness } = options;
  const app = Fastify({
    logger: false,
    genReqId: options.requestIds ?? createRequestIds(randomBytes),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  let boundTo = "";
  guard(app, createHostCheck({ hosts: options.hosts ?? [], boundTo: () => boundTo }));
  answerFaults(app, log);
  app.register(metricsRoutes, { metrics });
  app.register(healthRoutes, { readiness, log });
  return {
    async listen({ host, port }) {
      boundTo = host;
      await app.listen({ host, port });
      const address = app.server.address();
      return { port: typeof address === "object" && address !== null ? address.port : port };
    },
    close: () => app.close(),
  };
}

/** What holds for every answer: its security headers, and no answer under a foreign name. */
function guard(app: FastifyInstance, accepts: (host: string | undefined, localAddress?: string) => boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "x-request-id": request.id,
    });
    // Node hands on the first `Host` of several; here several are none.
    const hosts = request.raw.headersDistinct["host"] ?? [];
    const host = hosts.length === 1 ? hosts[0] : undefined;
    if (!accepts(host, request.socket.localAddress)) return sendProblem(reply, "misdirected_request");
    return undefined;
  });
}

function answerFaults(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, "no_route"));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode } = error;
    if (statusCode === 413) return sendProblem(reply, "body_too_large");
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return sendProblem(reply, "bad_request");
    log.error({ err: error, request_id: request.id }, "admin request failed");
    return sendProblem(reply, "internal_error");
  });
}
