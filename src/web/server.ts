import type { IncomingMessage, ServerResponse } from "node:http";
import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ErrorCode } from "../core/errors.ts";
import type { OwnRequest } from "../core/own-request.ts";
import { isFromElsewhere } from "./cross-site.ts";
import { codeOfError, type Fault, faultOf, FromElsewhere } from "./faults.ts";
import type { Html } from "./html.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import { sendPage, sendProblem } from "./send.ts";

/** The operator log, as much of it as pages use. */
export interface WebLog {
  error(fields: object, message: string): void;
}

/** An error page, told what happened. */
export type ErrorPage = (fault: Fault & { readonly requestId: string }) => Html;

export interface WebServer {
  /** Routes are registered here, before `ready`. Bodies are refused but in `registerPageParsers` and `registerRawBodies`. */
  readonly app: FastifyInstance;
  /** Resolves when all plugins are loaded. No request may come before. */
  ready(): Promise<void>;
  /** Answers one request. Never throws; every answer ends. */
  serve(request: IncomingMessage, response: ServerResponse, about: OwnRequest): void;
  /** Refuses new requests and closes what plugins opened. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
/** The id of a client may be a URL of 512 characters, escaped. */
const MAX_PARAMETER = 1536;
const OWN_ORIGIN = "ownOrigin";
const ABOUT = "ownRequest";

/**
 * Makes the web server behind our own endpoints. It does not listen: the line hands it requests. `origin` tells our
 * public origin, such as `https://desk.example.com`; with https every answer has HSTS.
 */
export function createWebServer(options: {
  readonly log: WebLog;
  readonly errorPage: ErrorPage;
  readonly origin: (request: IncomingMessage) => string;
}): WebServer {
  const { log, errorPage, origin } = options;
  const known = new WeakMap<IncomingMessage, OwnRequest>();
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const code = codeOfError(error);
    if (code === "internal_error") log.error({ err: error, request_id: request.id }, "a page failed");
    return answerFault(request, reply, code, errorPage);
  };
  const app = Fastify({
    logger: false,
    genReqId: (request) => known.get(request)?.requestId ?? "",
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  });
  app.removeAllContentTypeParsers();
  app.decorate(OWN_ORIGIN, origin);
  app.decorateRequest(ABOUT, {
    getter(this: FastifyRequest) {
      return known.get(this.raw);
    },
  });
  app.setNotFoundHandler((request, reply) => answerFault(request, reply, "no_route", errorPage));
  app.setErrorHandler(fail);
  return {
    app,
    async ready() {
      await app.ready();
    },
    serve(request, response, about) {
      known.set(request, about);
      try {
        setSecurityHeaders(response, { https: origin(request).startsWith("https:") });
        response.setHeader("x-request-id", about.requestId);
        app.routing(request, response);
      } catch (error) {
        log.error({ err: error, request_id: about.requestId }, "a page failed");
        endAtOnce(response);
      }
    },
    close: () => app.close(),
  };
}

function endAtOnce(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = faultOf("internal_error").status;
  response.end();
}

/** A page for browsers, problem details for who does not ask for HTML. */
function answerFault(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  errorPage: ErrorPage,
): FastifyReply {
  if (request.headers.accept?.includes("text/html") !== true) return sendProblem(reply, code);
  const fault = faultOf(code);
  return sendPage(reply, fault.status, errorPage({ ...fault, requestId: request.id }));
}

/** What the line knows of the request: its id and the client's address. Throws on one that `serve` did not bring. */
export function aboutOf(request: FastifyRequest): OwnRequest {
  const about = request.getDecorator<OwnRequest | undefined>(ABOUT);
  if (about === undefined) throw new Error("a request that the line did not bring");
  return about;
}

/**
 * Makes a scope one of pages: forms and cookies are read, and whatever another site sent is refused before a handler
 * sees it. To be called in a plugin, before its routes; twice in one scope does no harm.
 */
export async function registerPageParsers(scope: FastifyInstance): Promise<void> {
  if (scope.hasRequestDecorator("cookies")) return;
  const origin = scope.getDecorator<(request: IncomingMessage) => string>(OWN_ORIGIN);
  scope.addHook("onRequest", async (request) => {
    if (isFromElsewhere(request.raw, origin(request.raw))) throw new FromElsewhere();
  });
  await scope.register(cookie);
  await scope.register(formbody, { bodyLimit: MAX_BODY_BYTES });
}

/** Leaves bodies of any type unread, for a handler that hijacks the reply and reads the request itself. */
export function registerRawBodies(scope: FastifyInstance): void {
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
}
