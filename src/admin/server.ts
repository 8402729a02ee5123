import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as TlsServer } from "node:tls";
import Fastify, { type FastifyError, type FastifyInstance } from "fastify";
import type { OwnRequest } from "../core/own-request.ts";
import { createRequestIds } from "../telemetry/ids.ts";
import type { Log } from "../telemetry/log.ts";
import { createHostCheck } from "./host-check.ts";
import { type Readiness, healthRoutes } from "./health-routes.ts";
import { type MetricsText, metricsRoutes } from "./metrics-routes.ts";
import { sendProblem } from "../web/send.ts";

export interface AdminServer {
  /** Listens, and says on which port. Rejects where the address is taken. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ port: number }>;
  /** Hands what no route of its own answers to the console. Before it is called, that is a 404. */
  useConsole(serve: ServeConsole): void;
  /** Serves connections to come with another certificate; without TLS, nothing. Throws where it cannot be used. */
  useCertificate(certificate: AdminCertificate): void;
  /** Stops, and ends open connections. */
  close(): Promise<void>;
}

/** Answers a request of the pages and the API. Never throws; every answer ends. The body has not been read. */
export type ServeConsole = (request: IncomingMessage, response: ServerResponse, about: OwnRequest) => void;

/** Certificate chain and private key, PEM. */
export interface AdminCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface AdminServerOptions {
  /** Serve HTTPS with it; HTTP where left out or `null`. */
  readonly tls?: AdminCertificate | null;
  readonly metrics: MetricsText;
  readonly readiness: () => Promise<Readiness> | Readiness;
  readonly log: Log;
  /** Names under which the listener may be asked, beyond loopback and its own address. Lower case, without port. */
  readonly hosts: readonly string[];
  readonly requestIds?: () => string;
}

const MAX_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 72_000;

/**
 * Makes the admin listener. It must not be reachable from the outside: but for the console, it asks no one who they are.
 */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { log, metrics, readiness } = options;
  const app = Fastify({
    logger: false,
    genReqId: options.requestIds ?? createRequestIds(randomBytes),
    bodyLimit: MAX_BODY_BYTES,
    serverFactory: (handler) => createHttpServer(handler, options.tls ?? null),
    forceCloseConnections: true,
    // What Fastify refuses before any hook, such as a path with malformed percent-encoding.
    frameworkErrors: (_error, request, reply) => {
      reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
      void sendProblem(reply, "bad_request");
    },
  });
  let boundTo = "";
  let serveConsole: ServeConsole | null = null;
  guard(app, createHostCheck({ hosts: options.hosts, boundTo: () => boundTo }));
  app.addHook("onRequest", async (request, reply) => {
    if (!request.is404 || serveConsole === null) return;
    reply.hijack();
    // No window that a page of ours opened, or was opened by, is to reach it.
    reply.raw.setHeader("cross-origin-opener-policy", "same-origin");
    const clientIp = request.socket.remoteAddress ?? "";
    serveConsole(request.raw, reply.raw, { requestId: request.id, clientIp });
  });
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
    useConsole(serve) {
      serveConsole = serve;
    },
    useCertificate(certificate) {
      if (app.server instanceof TlsServer) app.server.setSecureContext({ ...certificate, ...TLS });
    },
    close: () => app.close(),
  };
}

const TLS = { minVersion: "TLSv1.2" } as const;

function createHttpServer(handler: RequestListener, tls: AdminCertificate | null): Server {
  const options = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS };
  return tls === null ? createServer(options, handler) : createTlsServer({ ...options, ...tls, ...TLS }, handler);
}

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** What holds for every answer: its security headers, and no answer under a foreign name. */
function guard(app: FastifyInstance, accepts: (host: string | undefined, localAddress?: string) => boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
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
